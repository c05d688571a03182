"""Saving and loading: the graph, its weights, and a plain Keras model for elsewhere."""

import json
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.table import flatten, map_table


def ramp(*shape, step=0.1):
    return (np.arange(np.prod(shape)) * step - 0.7).reshape(shape).astype("float32")


def equal(actual, expected):
    for a, b in zip(flatten(actual), flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def reloaded(model, tmp_path):
    path = tmp_path / "model.keras"
    model.save(path)
    return keras.saving.load_model(path)


def described(model):
    """All that a graph is made of, as plain data."""
    order = model.forwardnodes
    number = {node: i for i, node in enumerate(order)}
    modules = {}
    for node in order:
        modules.setdefault(id(node.module), len(modules))
    return [
        {
            "module": modules[id(n.module)] if n.module else None,
            "repr": repr(n.module),
            "inputs": map_table(number.get, n.inputs) if n.parents else None,
            "selectindex": n.selectindex,
            "nSplitOutputs": n.nSplitOutputs,
            "annotations": n.annotations,
            "origin": str(n.origin),
            "children": sorted(number[c] for c in n.children),
        }
        for n in order
    ]


def plain():
    x = graph.Input((3,)).annotate(name="x")
    h = nn.Linear(3, 4)(x).annotate(
        name="fc1", description="the first", graphAttributes={"color": "red"}, rank=3
    )
    y = nn.Linear(4, 2)(h - nn.Tanh()).annotate(name="fc2")
    return gModule([x], [y], name="net"), ramp(5, 3)


def image():
    x = graph.Input((8, 9, 2)).annotate(name="image")
    h = nn.SpatialConvolution(2, 3, 3, 3, 2, 1, 1, 1)(x).annotate(name="conv1")
    h = h - nn.ReLU() - nn.SpatialMaxPooling(3, 2, 2, 2, 1, 1).ceil()
    h = h - nn.SpatialAveragePooling(2, 2, 1, 1, 1, 1)
    y = nn.Linear(72, 2)(h - nn.View(-1, 72)) - nn.LogSoftMax()
    return gModule([x], [y]), ramp(2, 8, 9, 2)


def shared():
    linear = nn.Linear(3, 3)
    x, z = graph.Input((3,)), graph.Input((3,))
    first = linear(x)
    return gModule([x, z], [nn.CSubTable()([linear(first), linear(z)]), first]), [
        ramp(5, 3),
        ramp(5, 3, step=0.3),
    ]


def split():
    x = graph.Input((4, 3))
    a, b, c, d = nn.SplitTable(1)(x).split(4)
    y = nn.CMulTable()([nn.CAddTable()([d, b]), nn.Linear(3, 3)(a)])
    return gModule([x], [y, c]), ramp(5, 4, 3)


def containers():
    x = graph.Input((3,))
    twice = nn.Linear(3, 3)
    inner = nn.ConcatTable(
        nn.Sequential(twice, nn.ELU(0.5)), nn.Identity(), keras.layers.Dense(3, name="mine")
    )
    block = nn.Sequential(nn.Dropout(0.3), twice, inner, nn.ParallelTable(*[nn.Sigmoid()] * 3))
    return gModule([x], [nn.Concat(1, nn.SelectTable(-1), nn.CAddTable())(block(x))]), ramp(5, 3)


def nested():
    inner, _ = plain()
    x = graph.Input((3,))
    y = nn.Sequential(inner, nn.SoftMax())(x)
    return gModule([x], [nn.JoinTable(1)([y, inner(nn.Tanh()(x)).annotate(name="again")])]), ramp(
        5, 3
    )


def shared_with_a_nested():
    twice = nn.Linear(3, 3)
    x = graph.Input((3,))
    a, b = nn.Identity()(), nn.Identity()()
    inner = gModule([a, b], [nn.CAddTable()([nn.Tanh()(twice(a)), nn.Linear(3, 3)(b)])])
    other = gModule([c := graph.Input((3,))], [nn.Sigmoid()(twice(c))])
    return gModule([x], [other(inner([twice(x), x]))]), ramp(5, 3)


def keras_layers():
    dense = keras.layers.Dense(3, activation="gelu", name="mine")
    dense.trainable = False
    x = graph.Input((3,))
    sequential = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.ReLU()])
    y = graph.node(sequential)(x - dense - keras.layers.BatchNormalization() - dense)
    return gModule([x], [y]), ramp(5, 3)


def within_keras_models():
    """A gModule inside Keras's own models inside a gModule."""
    inner, _ = plain()
    sequential = keras.Sequential([inner, keras.layers.ReLU()], name="sequential")
    start = keras.Input((3,))
    functional = keras.Model(start, keras.layers.Dense(2)(sequential(start)), name="functional")
    x = graph.Input((3,))
    return gModule([x], [graph.node(functional)(x)]), ramp(5, 3)


def lookup():
    words = graph.Input((3,), dtype="int32")
    y = nn.LookupTable(7, 2)(words) - nn.Reshape(6) - nn.Linear(6, 1)
    return gModule([words], [y]), np.array([[1, 7, 3], [2, 2, 5]])


def tables():
    x = graph.Input([(3,), [(2,), (3,)]])
    swap = nn.ConcatTable(nn.SelectTable(2), nn.SelectTable(1))
    return gModule([x], [swap(x)]), [ramp(5, 3), [ramp(5, 2), ramp(5, 3)]]


def intermediate():
    image = keras.Input((6, 6, 1))
    h = keras.layers.Conv2D(2, 3, name="linear")(image)
    start = graph.Input(tensor=keras.layers.Flatten(name="flat")(h))
    return gModule([start], [start - nn.Linear(32, 4) - nn.Linear(4, 2)]), ramp(5, 6, 6, 1)


MODELS = [
    plain,
    image,
    shared,
    split,
    containers,
    nested,
    shared_with_a_nested,
    keras_layers,
    lookup,
    tables,
]
MODELS += [intermediate, within_keras_models]
every_model = pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)


@every_model
def test_a_loaded_model_is_equal(make, tmp_path):
    model, x = make()
    loaded = reloaded(model, tmp_path)
    assert type(loaded) is graph.GModule and loaded.name == model.name
    assert described(loaded) == described(model)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert loaded.input_names == model.input_names and loaded.input_shape == model.input_shape
    equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    equal(loaded.get_weights(), model.get_weights())
    shapes = [v.shape for v in model.parameters()[0]]
    assert [v.shape for v in loaded.parameters()[0]] == shapes
    for node, twin in zip(model.outputnodes, loaded.outputnodes, strict=True):
        assert model.forwardnodes.index(node) == loaded.forwardnodes.index(twin)


@every_model
def test_a_loaded_model_goes_on_training_alike(make, tmp_path):
    model, x = make()
    if not model.trainable_variables:
        pytest.skip("nothing to train")
    model.evaluate()
    y = map_table(lambda a: np.zeros_like(a) + 0.5, model.forward(x))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0  # Else the masks would differ.
    model.fit(x, y, epochs=2, verbose=0)
    loaded = reloaded(model, tmp_path)
    for layer in loaded.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0
    assert int(loaded.optimizer.iterations) == 2
    for a, b in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        equal(np.asarray(a), np.asarray(b))
    for m in (model, loaded):
        m.fit(x, y, epochs=1, verbose=0)
    equal(loaded.get_weights(), model.get_weights())


@every_model
def test_weights_alone(make, tmp_path):
    model, x = make()
    other, _ = make()
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    equal(other.predict(x, verbose=0), model.predict(x, verbose=0))


@every_model
def test_forward_and_backward_of_a_loaded_model(make, tmp_path):
    model, x = make()
    loaded = reloaded(model.evaluate(), tmp_path).evaluate()
    outputs = model.forward(x)
    equal(loaded.forward(x), outputs)
    equal(loaded.backward(x, outputs), model.backward(x, outputs))
    equal(loaded.parameters()[1], model.parameters()[1])


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Every model as plain Keras, saved, and what a process without this package makes of it."""
    folder = tmp_path_factory.mktemp("foreign")
    for make in MODELS:
        model, x = make()
        model.to_keras().save(folder / f"{make.__name__}.keras")
        leaves = flatten(x)
        np.savez(folder / f"{make.__name__}_in.npz", *leaves)
        np.savez(folder / f"{make.__name__}_out.npz", *flatten(model.predict(x, verbose=0)))
    script = """
        import glob, sys
        import keras, numpy as np
        for name in ("graph", "zoo", "losses"):
            try:
                __import__(name)
            except ImportError:
                continue
            sys.exit(name + " can be imported")
        for path in sorted(glob.glob("*.keras")):
            model = keras.saving.load_model(path)
            x = list(np.load(path[:-6] + "_in.npz").values())
            y = model.predict(x[0] if len(x) == 1 else model_input(model, x), verbose=0)
            np.savez(path[:-6] + "_got.npz", *keras.tree.flatten(y))
    """
    script = textwrap.dedent(script).replace(
        "model_input(model, x)", "keras.tree.pack_sequence_as(model._inputs_struct, x)"
    )
    block = """
        import sys
        class Block:
            def find_spec(self, name, path=None, target=None):
                if name.partition(".")[0] in ("graph", "zoo", "losses"):
                    raise ImportError(name)
        sys.meta_path.insert(0, Block())
    """
    (folder / "load.py").write_text(textwrap.dedent(block) + script)
    run = subprocess.run(
        [sys.executable, "load.py"],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return folder


@every_model
def test_plain_keras_gives_the_same_where_this_package_is_not(make, foreign):
    with (
        np.load(foreign / f"{make.__name__}_out.npz") as expected,
        np.load(foreign / f"{make.__name__}_got.npz") as got,
    ):
        assert list(got) == list(expected)
        equal(list(got.values()), list(expected.values()))


@every_model
def test_to_keras_is_a_copy_of_stock_layers(make):
    model, x = make()
    before = model.predict(x, verbose=0)
    copy = model.to_keras()
    assert type(copy).__module__.startswith("keras.") and copy.name == model.name
    for layer in copy._flatten_layers():
        assert type(layer).__module__.startswith("keras."), layer
    assert {id(v) for v in copy.variables}.isdisjoint({id(v) for v in model.variables})
    copy.set_weights([w * 0 for w in copy.get_weights()])
    equal(model.predict(x, verbose=0), before)


def test_weights_find_their_layers_although_the_order_changes():
    # SplitTable is one layer here and several in plain Keras, which moves what comes before it.
    x = graph.Input((3,))
    a = nn.Linear(3, 4)(x) - nn.Linear(4, 2)
    first, second = (nn.Linear(3, 4)(x) - nn.View(2, 2) - nn.SplitTable(1)).split(2)
    model = gModule([x], [nn.CAddTable()([a, first, second])])
    equal(model.to_keras()(ramp(5, 3)), model(ramp(5, 3)))


def test_frozen_layers_stay_frozen(tmp_path):
    model, x = plain()
    model.get_layer("fc1").trainable = False
    model.compile("adam", "mse")
    model.fit(x, np.zeros((5, 2)), verbose=0)
    loaded = reloaded(model, tmp_path)
    assert [layer.name for layer in loaded.layers if not layer.trainable] == ["fc1"]
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    frozen = model.to_keras().get_layer("fc1")
    assert not frozen.trainable
    model, _ = plain()
    model.trainable = False
    assert reloaded(model, tmp_path).trainable_variables == []


@pytest.mark.parametrize("policy", ["mixed_float16", "float64"])
def test_the_precision_is_saved(policy, tmp_path):
    keras.config.set_dtype_policy(policy)
    try:
        model, x = plain()
    finally:
        keras.config.set_dtype_policy("float32")
    loaded = reloaded(model, tmp_path)
    assert keras.config.dtype_policy().name == "float32"
    for copy in (loaded, model.to_keras()):
        assert copy.get_layer("fc1").dtype_policy.name == policy
        np.testing.assert_array_equal(copy(x), model(x))
    assert loaded(x).dtype == {"mixed_float16": "float16", "float64": "float64"}[policy]


def test_a_model_whose_shapes_are_not_known(tmp_path):
    x = nn.Identity()()
    model = gModule([x], [x - nn.Tanh() - nn.View(-1)], name="late")
    loaded = reloaded(model, tmp_path)
    assert not loaded.is_lowered and loaded.name == "late"
    equal(loaded.forward(ramp(2, 3, 4)), np.tanh(ramp(2, 12)))


def test_a_module_class_that_is_not_there(tmp_path):
    class Doubled(nn.Module):
        def __init__(self, times=2):
            self.times = times

        def compute(self, x, training=False, **parameters):
            return x * self.times

    x = graph.Input((3,))
    model = gModule([x], [Doubled(5)(x)])
    equal(reloaded(model, tmp_path).forward(ramp(2, 3)), 5 * ramp(2, 3))
    del nn.Module._classes["Doubled"]
    with pytest.raises(graph.GraphError, match="no nn module class is called 'Doubled'\n  fix: "):
        keras.saving.load_model(tmp_path / "model.keras")


def test_a_model_of_ours_within_a_keras_model(tmp_path):
    inner, x = plain()
    outer = keras.Sequential([keras.Input((3,)), inner, keras.layers.Dense(2)])
    equal(reloaded(outer, tmp_path).predict(x, verbose=0), outer.predict(x, verbose=0))


@every_model
def test_config_is_json(make):
    config = make()[0].get_config()
    rebuilt = graph.GModule.from_config(json.loads(json.dumps(config)))
    assert json.dumps(rebuilt.get_config()) == json.dumps(config)
