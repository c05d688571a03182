"""`graph.optimize`: what comes back, what it says, what it refuses."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest

import graph
from graph import GModule, Input, gModule, nn
from graph.nn.input import input_node
from graph.nn.tying import tie_modules


def network(**compiled):
    x = keras.Input((6, 6, 3), name="image")
    y = keras.layers.Conv2D(4, 3, name="conv")(x)
    y = keras.layers.BatchNormalization(name="bn")(y)
    y = keras.layers.ReLU(name="relu")(y)
    y = keras.layers.Dropout(0.5, name="drop")(keras.layers.Flatten(name="flat")(y))
    model = keras.Model(x, keras.layers.Dense(2, name="scores")(y), name="net")
    generator = np.random.default_rng(0)
    model.set_weights([generator.uniform(0.2, 1, w.shape) for w in model.get_weights()])
    if compiled:
        model.compile(**compiled)
    return model


def images(count=5, seed=3):
    return np.random.default_rng(seed).normal(size=(count, 6, 6, 3)).astype("float32")


def test_what_comes_back_is_new_equal_and_smaller():
    model = network()
    before = model.get_weights()
    result = graph.optimize(model)
    np.testing.assert_allclose(result(images()), model(images()), rtol=1e-5, atol=1e-5)
    names = [layer.name for layer in result.layers]
    assert names == ["image", "conv", "flat", "scores"]
    assert not {id(v) for v in result.variables} & {id(v) for v in model.variables}
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert [layer.name for layer in model.layers][2:4] == ["bn", "relu"]
    assert result.name == "net" and not result.compiled
    assert all(type(layer).__module__.startswith("keras.") for layer in result.layers)


def test_the_record_lists_and_prints_what_was_done():
    result = graph.optimize(network())
    record = result.optimizations
    assert [(c.rule, c.layers, c.made) for c in record] == [
        ("removed", ("drop",), ()),
        ("folded", ("conv", "bn"), ("conv",)),
        ("fused", ("conv", "relu"), ("conv",)),
    ]
    assert record.rules == {"removed": 1, "folded": 1, "fused": 1} and len(record) == 3
    text = str(record)
    assert text.startswith("net for inference: 3 rewrites, 6 calls of layers became 3\n")
    assert "folded: bn (BatchNormalization) into conv before it" in text
    assert record.before.multiply_adds == record.after.multiply_adds == 4 * 4 * 4 * 27 + 64 * 2
    assert str(graph.optimize(result).optimizations) == "net for inference: nothing to do"


def test_for_training_keeps_dropout_and_batch_normalisation_and_compiles_alike():
    model = network(optimizer=keras.optimizers.Adam(3e-4, beta_1=0.8), loss="mse", metrics=["mae"])
    result = graph.optimize(model, for_="training")
    names = [layer.name for layer in result.layers]
    assert names == ["image", "conv", "bn", "relu", "flat", "drop", "scores"]
    assert result.compiled and result.loss == "mse"
    assert result.optimizer is not model.optimizer
    assert float(result.optimizer.learning_rate) == pytest.approx(3e-4)
    assert result.optimizer.beta_1 == 0.8
    result.fit(images(), np.ones((5, 2)), verbose=0)
    assert not graph.optimize(model).compiled
    assert not graph.optimize(network(), for_="training").compiled


def test_a_gmodule_becomes_a_gmodule_with_its_names_and_descriptions():
    x, h = nn.Identity()().annotate(name="x"), nn.Identity()().annotate(name="h")
    gates = [nn.CAddTable()([nn.Linear(4, 3)(x), nn.Linear(5, 3)(h)]) for _ in range(2)]
    opened = nn.Sigmoid()(gates[0]).annotate(name="open", description="how much")
    out = nn.CMulTable()([opened, nn.Tanh()(gates[1])]).annotate(name="out")
    model = gModule([x, h], [[out, opened]], name="cell")
    result = graph.optimize(model)
    assert isinstance(result, GModule) and result.name == "cell"
    assert result.input_names == ["x", "h"]
    fed = [np.ones((2, 4)), np.full((2, 5), 0.5)]
    ours, theirs = result.evaluate().forward(fed), model.evaluate().forward(fed)
    for a, b in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert result.findModules(keras.layers.Dense)[0][0].layer.units == 6
    described = {n.name: n.annotations.get("description") for n in result.forwardnodes}
    assert described["open"] == "how much"
    assert model.train_mode is False and result.train_mode is False


def test_a_gmodule_saves_exports_and_becomes_plain_keras(tmp_path):
    x = Input((6, 6, 2), name="x")
    y = x - nn.SpatialConvolution(2, 3, 3, 3) - nn.SpatialBatchNormalization(3) - nn.Abs()
    y = y - nn.SpatialBatchNormalization(3) - nn.SpatialMaxPooling(2, 2) - nn.View(12)
    heads = [(y - nn.Linear(12, 2)).annotate(name=f"head{i}") for i in range(2)]
    model = gModule([x], heads)
    fed = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")
    for for_ in ("inference", "training"):
        result = graph.optimize(model, for_=for_)
        expected = model.predict(fed, verbose=0)
        result.save(tmp_path / "model.keras")
        plain = result.to_keras()
        plain.save(tmp_path / "plain.keras")
        for again in (result.clone(), plain, keras.saving.load_model(tmp_path / "model.keras")):
            for a, b in zip(again.predict(fed, verbose=0), expected, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
        assert all(type(layer).__module__.startswith("keras.") for layer in plain.layers)
        path = graph.export(result, tmp_path / for_)
        code = (
            "import sys, numpy as np, tensorflow as tf\n"
            "run = tf.saved_model.load(sys.argv[1]).signatures['serving_default']\n"
            "out = run(x=tf.constant(np.load(sys.argv[2])))\n"
            "np.savez(sys.argv[3], **{k: v.numpy() for k, v in out.items()})\n"
        )
        np.save(tmp_path / "x.npy", fed)
        files = [path, tmp_path / "x.npy", tmp_path / "y.npz"]
        subprocess.run([sys.executable, "-c", code, *map(str, files)], check=True)
        for i, b in enumerate(expected):
            out = np.load(tmp_path / "y.npz")[f"head{i}"]
            np.testing.assert_allclose(out, b, rtol=1e-5, atol=1e-5)


def test_what_no_gmodule_can_be_becomes_a_keras_model():
    pair = input_node([(3,), (3,)], name="pair")
    other = Input((3,), name="other")
    summed = nn.CAddTable()([nn.CAddTable()(pair), other])
    model = gModule([pair, other], [summed - nn.Dropout() - nn.Tanh()])
    result = graph.optimize(model)
    assert isinstance(result, keras.Model) and not isinstance(result, GModule)
    one, two = np.ones((2, 3)), np.arange(6.0).reshape(2, 3)
    fed = [[one, two], -two]
    np.testing.assert_allclose(result.predict(fed, verbose=0), np.tanh(one), atol=1e-6)


def test_dicts_of_inputs_and_outputs_stay():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    y = keras.layers.Activation("relu", name="y")(keras.layers.Dense(2)(a))
    z = keras.layers.Dropout(0.1, name="z")(b)
    model = keras.Model({"a": a, "b": b}, {"y": y, "z": z, "again": y})
    result = graph.optimize(model)
    fed = {"a": np.eye(3, dtype="float32"), "b": np.ones((3, 3), "float32")}
    ours, theirs = result(fed), model(fed)
    assert list(ours) == list(theirs)
    for key in theirs:
        np.testing.assert_allclose(ours[key], theirs[key], atol=1e-6)
    assert result.output_names == model.output_names
    assert {"y", "z"} <= {layer.name for layer in result.layers}


def test_sequential_models_and_nested_ones_are_optimised_inside():
    inner = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="fc"), keras.layers.BatchNormalization()],
        name="tower",
    )
    a, b = keras.Input((4,)), keras.Input((4,))
    twice = keras.Model([a, b], keras.layers.Subtract()([inner(a), inner(b)]))
    result = graph.optimize(twice)
    tower = result.get_layer("tower")
    assert [type(layer).__name__ for layer in tower.layers] == ["InputLayer", "Dense"]
    assert result.optimizations.changes[0].layers[0] == "tower/fc"
    fed = [np.random.default_rng(i).normal(size=(3, 4)) for i in range(2)]
    np.testing.assert_allclose(result(fed), twice(fed), atol=1e-6)
    assert len(graph.optimize(inner).layers) == 2


def test_layers_that_two_models_share_stay_shared():
    shared = keras.layers.Dense(4, name="shared")
    x = keras.Input((4,))
    inner = keras.Model(x, keras.layers.ReLU()(shared(x)), name="inner")
    y = keras.Input((4,))
    model = keras.Model(y, shared(inner(y)))
    for for_ in ("inference", "training"):
        result = graph.optimize(model, for_=for_)
        assert result.count_params() == model.count_params() == 20
        fed = np.arange(8.0).reshape(2, 4) - 3
        np.testing.assert_allclose(result(fed), model(fed), atol=1e-6)


def test_variables_that_layers_share_stay_shared():
    x = Input((4,), name="x")
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    model = gModule([x], [x - one - nn.Tanh() - other])
    tie_modules(other, one, ["weight"])
    result = graph.optimize(model, for_="training")
    dense = [layer for layer in result.layers if isinstance(layer, keras.layers.Dense)]
    assert len(dense) == 2 and dense[0].kernel is dense[1].kernel
    assert dense[0].bias is not dense[1].bias


def test_explain_draws_both_graphs_and_prints_the_sums(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    result = graph.optimize(network(), explain=True)
    printed = capsys.readouterr().out
    assert "3 rewrites" in printed
    assert re.search(r"before +6 +\d+ +1,856", printed) and re.search(
        r"after +3 +\d+ +1,856", printed
    )
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert [name.rpartition(".")[0] for name in drawn] == ["net_after", "net_before"]
    before, after = result.optimizations.dot()
    assert "BatchNormalization" in before and "BatchNormalization" not in after
    assert "Conv2D, relu" in after and "1,728 multiply-adds" in after
    assert before.count("#f6d5d5") == 4 and after.count("#d9ead3") == 1
    graph.optimize(network(), explain=tmp_path / "other.dot")
    assert (tmp_path / "other_before.dot").read_text() == before


def test_a_model_that_is_frozen_stays_so():
    model = network()
    model.get_layer("conv").trainable = False
    result = graph.optimize(model, for_="training")
    assert not result.get_layer("conv").trainable and result.get_layer("scores").trainable
    model.trainable = False
    assert not graph.optimize(model, for_="training").trainable_variables


class Plain(keras.Model):
    def call(self, x):
        return x


class Closed(keras.layers.Layer):
    def __init__(self, thing):
        super().__init__(name="closed")
        self.thing = thing

    def call(self, x):
        return x


def closed():
    x = keras.Input((3,))
    return keras.Model(x, Closed(object())(x))


@pytest.mark.parametrize(
    ("model", "arguments", "error", "message"),
    [
        (lambda: 3, {}, TypeError, "takes a GModule, Functional or Sequential model, not int"),
        (lambda: keras.layers.Dense(3), {}, TypeError, "not Dense"),
        (network, {"for_": "speed"}, ValueError, "for_ is 'inference' or 'training', not 'speed'"),
        (lambda: Plain(name="p"), {}, ValueError, r"Plain 'p' computes in its own call\(\)"),
        (
            lambda: keras.Sequential([keras.layers.Dense(2)], name="s"),
            {},
            ValueError,
            r"Sequential 's' is not built yet: call build\(shape\)",
        ),
        (
            lambda: gModule([x := nn.Identity()()], [nn.Tanh()(x)], name="g"),
            {},
            ValueError,
            "GModule 'g' is not built yet",
        ),
        (closed, {}, ValueError, r"layer 'closed' \(Closed\) does not say how it is made"),
    ],
)
def test_what_is_refused(model, arguments, error, message):
    with pytest.raises(error, match=message):
        graph.optimize(model(), **arguments)


def test_an_input_that_is_an_output_keeps_its_name():
    x = keras.Input((4,), name="vector")
    model = keras.Model(x, [x, keras.layers.Dropout(0.5, name="dropped")(x)])
    result = graph.optimize(model)
    assert result.output_names == model.output_names == ["vector", "dropped"]
    batch = np.ones((2, 4), "float32")
    for y in result(batch):
        np.testing.assert_array_equal(y, batch)


def test_functions_of_a_script_are_copied():
    x = keras.Input((4,))
    y = keras.layers.Lambda(lambda t: t * 2 + 1, name="doubled")(keras.layers.Dense(3)(x))
    model = keras.Model(x, keras.layers.Dense(2)(y))
    batch = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    result = graph.optimize(model)
    assert result.get_layer("doubled") is not model.get_layer("doubled")
    np.testing.assert_allclose(result(batch), model(batch), rtol=1e-5, atol=1e-5)
