import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from digit_tuples import small_embedding, triplets
from golden_torch7 import Case
from hypothesis import given, settings
from hypothesis import strategies as st
from torch7_cases import file_of, inputs_of

import graph
from graph import gModule, nn, torch7
from losses import TripletEmbeddingLoss
from zoo import LeNet5, TripletNet
from zoo.metric_net import MetricNet

L = keras.layers


@keras.saving.register_keras_serializable(package="test_triplet_net")
def margin(_, distances):
    return keras.ops.relu(distances[:, 0] - distances[:, 1] + 0.2)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def close(a, b, **options):
    keras.tree.map_structure(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5, **options), a, b
    )


def separately(net, inputs):
    """The embedding's answers, asked for input by input."""
    return [net.embedding.predict(x, verbose=0) for x in inputs]


# -- Torch7 ---------------------------------------------------------------------------------


@pytest.mark.parametrize("single_pass", [False, True])
def test_gives_what_torchs_triplet_net_gives(tmp_path, single_pass):
    case = Case("models", "triplet_net")
    torchs = torch7.load(file_of(case, tmp_path))
    embedding = graph.load_torch7(torchs.fields["EmbeddingNet"], (3, 28, 28))
    net = TripletNet(embedding, num=torchs.fields["num"], single_pass=single_pass)
    x = [np.asarray(a) for a in inputs_of(case)]
    np.testing.assert_allclose(net.forward(x), case.arrays("output"), rtol=1e-5, atol=1e-6)
    for ours, golden in zip(
        net.backward(x, case.arrays("gradOutput")), case.arrays("gradInput"), strict=True
    ):
        np.testing.assert_allclose(ours, golden, rtol=1e-4, atol=1e-6)
    # The file holds the shared gradients, summed over the towers, once for each tower.
    weight = case.arrays("gradParams")[6]
    np.testing.assert_allclose(net.parameters()[1][6].T, weight, rtol=1e-4, atol=1e-5)
    assert len(net.weights) == 8


# -- outputs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("distance", "formula"),
    [
        ("l1", lambda a, b: np.abs(a - b).sum(-1)),
        ("l2", lambda a, b: np.sqrt(((a - b) ** 2).sum(-1))),
        ("squared_l2", lambda a, b: ((a - b) ** 2).sum(-1)),
        (
            "cosine",
            lambda a, b: (
                1 - (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
            ),
        ),
        (nn.PairwiseDistance(3), lambda a, b: (np.abs(a - b) ** 3).sum(-1) ** (1 / 3)),
        (nn.CosineDistance(), None),
        (L.Dot(axes=1), lambda a, b: (a * b).sum(-1)),
        (lambda a, b: keras.ops.max(keras.ops.abs(a - b), -1), lambda a, b: abs(a - b).max(-1)),
    ],
)
def test_distances(distance, formula):
    embedding = keras.Sequential([keras.Input((5,)), L.Dense(4, name="fc")])
    net = TripletNet(embedding, distance=distance)
    x = [numbers(7, 5, seed=i) for i in range(3)]
    anchor, *others = separately(net, x)
    if formula is None:
        formula = lambda a, b: 1 - keras.losses.cosine_similarity(a, b).numpy() - 1  # noqa: E731
    expected = np.stack([formula(anchor, other) for other in others], axis=1)
    close(net.predict(x, verbose=0), expected)


@settings(max_examples=8)
@given(
    num=st.integers(2, 6),
    batch=st.integers(1, 9),
    single_pass=st.booleans(),
    distance=st.sampled_from(["l1", "l2", "squared_l2", None]),
)
def test_any_number_of_inputs_and_any_batch(num, batch, single_pass, distance):
    embedding = keras.Sequential([keras.Input((5,)), L.Dense(3, activation="tanh")])
    net = TripletNet(embedding, num, distance, single_pass=single_pass)
    assert len(net.weights) == 2
    x = [numbers(batch, 5, seed=i) for i in range(num)]
    vectors = np.stack(separately(net, x), axis=1)
    got = net(x).numpy()
    if distance is None:
        close(got, vectors)
        return
    d = vectors[:, 1:] - vectors[:, :1]
    power = 1 if distance == "l1" else 2
    expected = (np.abs(d) ** power).sum(-1)
    close(got, np.sqrt(expected) if distance == "l2" else expected)


def test_names_and_shapes():
    net = TripletNet(small_embedding())
    assert net.input_names == ["anchor", "positive", "negative"]
    assert net.output_names == ["distances"]
    assert net.output_shape == (None, 2)
    assert net.count_params() == (9 + 1) * 4 + (36 + 1) * 6
    assert TripletNet(small_embedding(), 2).input_names == ["anchor", "other_1"]
    assert TripletNet(small_embedding(), 5).output_shape == (None, 4)


def test_features_are_collected_at_any_depth():
    trunk = LeNet5(include_top=False, pooling="avg", input_shape=(16, 16, 1))
    embedding = keras.Sequential([trunk, L.UnitNormalization(name="unit")], name="embedding")
    for single_pass in (False, True):
        net = TripletNet(embedding, collect=["lenet5/conv1", "unit"], single_pass=single_pass)
        assert net.output_names == ["distances", "lenet5_conv1_features", "unit_features"]
        x = [numbers(5, 16, 16, 1, seed=i) for i in range(3)]
        distances, conv1, unit = net.predict(x, verbose=0)
        plain = TripletNet(embedding).predict(x, verbose=0)
        close(distances, plain)
        inner = keras.Model(trunk.inputs, trunk.get_layer("conv1").output)
        close(conv1, np.stack([inner.predict(a, verbose=0) for a in x], axis=1))
        close(unit, np.stack(separately(net, x), axis=1))
        assert net.embedding is embedding
        assert len(net.weights) == 4


# -- kinds of embeddings --------------------------------------------------------------------


@keras.saving.register_keras_serializable(package="test_triplet_net")
class Subclassed(keras.Model):
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width
        self.fc = L.Dense(width)

    def call(self, x):
        return keras.ops.tanh(self.fc(x))

    def get_config(self):
        return {**super().get_config(), "width": self.width}


def functional():
    x = keras.Input((5,), name="x")
    return keras.Model(x, L.Dense(3)(x), name="functional")


def g_module():
    x = nn.Identity()()
    return gModule([x], [x - nn.Linear(5, 4) - nn.Tanh() - nn.Linear(4, 3)], name="net")


EMBEDDINGS = {
    "sequential": lambda: keras.Sequential([keras.Input((5,)), L.Dense(3)]),
    "sequential without shape": lambda: keras.Sequential([L.Dense(3)]),
    "functional": functional,
    "subclassed": lambda: Subclassed(3),
    "gModule": g_module,
}


@pytest.mark.parametrize("single_pass", [False, True])
@pytest.mark.parametrize("kind", EMBEDDINGS)
def test_any_keras_model_is_an_embedding(kind, single_pass, tmp_path):
    embedding = EMBEDDINGS[kind]()
    net = TripletNet(embedding, single_pass=single_pass)
    assert net.embedding is embedding
    x = [numbers(4, 5, seed=i) for i in range(3)]
    net.compile("sgd", margin)
    net.fit(x, verbose=0)
    assert len(net.weights) == len(embedding.weights) > 0
    a, p, n = separately(net, x)
    expected = np.stack([np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)], 1)
    close(net.predict(x, verbose=0), expected)
    net.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras", compile=False)
    close(loaded.predict(x, verbose=0), expected)
    close(loaded.embedding.predict(x[0], verbose=0), a)


def test_an_embedding_with_nested_or_named_inputs():
    p, q = keras.Input((3,), name="p"), keras.Input((2,), name="q")
    both = L.Dense(2)(L.Concatenate()([p, q]))
    x = [(numbers(4, 3, seed=i), numbers(4, 2, seed=i + 9)) for i in range(3)]
    for inputs in ([p, q], {"p": p, "q": q}, [[p], q]):
        embedding = keras.Model(inputs, both)
        for single_pass in (False, True):
            net = TripletNet(embedding, single_pass=single_pass)
            assert net.input_names[:3] == ["anchor_p", "anchor_q", "positive_p"]
            a, o, n = (embedding(keras.tree.pack_sequence_as(inputs, list(t))).numpy() for t in x)
            expected = np.stack([np.linalg.norm(a - o, axis=1), np.linalg.norm(a - n, axis=1)], 1)
            close(net.predict(x, verbose=0), expected)
            close(net([t for tower in x for t in tower]).numpy(), expected)
            data = tf.data.Dataset.from_tensor_slices(tuple(x)).batch(2)
            net.compile("sgd", margin)
            net.fit(data, verbose=0)


def test_input_dtype_is_the_embeddings():
    embedding = keras.Sequential([keras.Input((2,), dtype="int32"), L.Embedding(5, 3), L.Flatten()])
    assert [t.dtype for t in TripletNet(embedding).inputs] == ["int32"] * 3


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("distance", ["l1", "l2", "squared_l2", "cosine", None])
def test_distances_are_float32_under_mixed_precision(policy, distance, tmp_path):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        net = TripletNet(small_embedding(), distance=distance)
    finally:
        keras.config.set_dtype_policy(before)
    assert net.embedding.get_layer("conv").dtype_policy.name == policy
    assert net.output.dtype == "float32"
    a, _, n = triplets(4)
    net.compile("sgd", TripletEmbeddingLoss() if distance is None else margin)
    loss = net.fit([a, a, n], verbose=0).history["loss"]  # equal embeddings, a distance of 0
    assert np.isfinite(loss).all()
    assert all(np.isfinite(w).all() for w in net.get_weights())
    net.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    assert loaded.output.dtype == "float32"
    close(loaded.predict([a, a, n], verbose=0), net.predict([a, a, n], verbose=0))


# -- single pass ----------------------------------------------------------------------------


def test_single_pass_is_the_same_without_batch_normalisation():
    embedding = small_embedding()
    apart, together = TripletNet(embedding), TripletNet(embedding, single_pass=True)
    x = list(triplets(9))
    close(together(x, training=True).numpy(), apart(x, training=True).numpy())
    calls = [len(m._inbound_nodes) for m in (embedding,)]
    assert calls == [4]  # three towers and one pass


def test_single_pass_lets_batch_normalisation_see_all_of_the_batch():
    def made(single_pass):
        normal = L.BatchNormalization(momentum=0.0, name="bn", epsilon=1e-3)
        embedding = keras.Sequential([keras.Input((2,)), normal])
        return TripletNet(embedding, distance=None, single_pass=single_pass)

    x = [numbers(8, 2, seed=i) * (i + 1) + i for i in range(3)]

    def normal(a):
        return (a - a.mean(0)) / np.sqrt(a.var(0) + 1e-3)

    together, apart = made(True), made(False)
    everything = np.concatenate(x)
    expected = normal(everything).reshape(3, 8, 2).transpose(1, 0, 2)
    close(together(x, training=True).numpy(), expected)
    close(together.embedding.get_layer("bn").moving_mean.numpy(), everything.mean(0))
    close(apart(x, training=True).numpy(), np.stack([normal(a) for a in x], 1))
    # One after the other: with no memory, only the last input's statistics are left.
    close(apart.embedding.get_layer("bn").moving_mean.numpy(), x[-1].mean(0))


# -- training -------------------------------------------------------------------------------

FORMS = {
    "arrays": lambda x: {"x": list(x)},
    "tuple of arrays": lambda x: {"x": x},
    "dict": lambda x: {"x": dict(zip(("anchor", "positive", "negative"), x, strict=True))},
    "dataset of (a, p, n)": lambda x: {"x": tf.data.Dataset.from_tensor_slices(x).batch(8)},
    "dataset of ((a, p, n),)": lambda x: {"x": tf.data.Dataset.from_tensor_slices((x,)).batch(8)},
    "dataset of dicts": lambda x: {
        "x": tf.data.Dataset.from_tensor_slices(
            dict(zip(("anchor", "positive", "negative"), x, strict=True))
        ).batch(8)
    },
    "generator": lambda x: {"x": (tuple(a[i : i + 8] for a in x) for i in (0, 8))},
    "generator of 1-tuples": lambda x: {"x": ((tuple(a[i : i + 8] for a in x),) for i in (0, 8))},
}


@pytest.mark.parametrize("form", FORMS)
def test_fit_needs_no_labels(form):
    """Whatever the form, the loss is that of the plain computation in NumPy."""
    net = TripletNet(small_embedding(), distance="squared_l2")
    x = triplets(16)
    d = net.predict(list(x), verbose=0)
    expected = np.maximum(d[:, 0] - d[:, 1] + 0.2, 0).mean()
    net.compile(keras.optimizers.SGD(0.0), margin, metrics=[nearer])
    options = {} if "generator" in form else {"batch_size": 8} if "dataset" not in form else {}
    history = net.fit(**FORMS[form](x), shuffle=False, verbose=0, **options).history
    np.testing.assert_allclose(history["loss"][0], expected, rtol=1e-5)
    np.testing.assert_allclose(history["nearer"][0], (d[:, 0] < d[:, 1]).mean(), rtol=1e-5)
    evaluated = net.evaluate(**FORMS[form](x), verbose=0, **options)
    np.testing.assert_allclose(evaluated[0], expected, rtol=1e-5)
    close(net.predict(**FORMS[form](x), verbose=0, **options), d)


def nearer(_, distances):
    return keras.ops.cast(distances[:, 0] < distances[:, 1], "float32")


def test_validation_data_in_every_form():
    net = TripletNet(small_embedding())
    net.compile("sgd", margin)
    x = triplets(8)
    for form in ("dataset of (a, p, n)", "dataset of ((a, p, n),)", "tuple of arrays"):
        history = net.fit(list(x), validation_data=FORMS[form](x)["x"], verbose=0).history
        expected = net.evaluate(list(x), verbose=0)
        np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-4)


def test_training_brings_the_loss_down_and_digits_together():
    net = TripletNet(small_embedding(16), distance=None, single_pass=True)
    net.compile(keras.optimizers.Adam(0.01), TripletEmbeddingLoss(alpha=0.3))
    data = tf.data.Dataset.from_tensor_slices(triplets(512)).batch(64)
    history = net.fit(data, epochs=6, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    a, p, n = separately(net, triplets(200, seed=5))
    assert (((a - p) ** 2).sum(1) < ((a - n) ** 2).sum(1)).mean() > 0.85


def test_two_steps_equal_those_of_a_model_written_in_keras():
    net = TripletNet(small_embedding(), distance="squared_l2")
    twin = small_embedding()
    twin.set_weights(net.embedding.get_weights())
    towers = [keras.Input((8, 8, 1)) for _ in range(3)]
    a, p, n = (twin(t) for t in towers)
    square = lambda v, w: keras.ops.sum(keras.ops.square(v - w), -1)  # noqa: E731
    d = keras.ops.stack([square(a, p), square(a, n)], 1)
    by_hand = keras.Model(towers, d)
    x = list(triplets(32))
    for model, labels in ((net, ()), (by_hand, (np.zeros((32, 2)),))):
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), margin)
        model.fit(x, *labels, batch_size=16, shuffle=False, verbose=0)
    close(net.embedding.get_weights(), twin.get_weights())


def test_labels_are_used_where_there_are_some():
    net = TripletNet(small_embedding())
    net.compile("sgd", "mse")
    x, y = list(triplets(8)), numbers(8, 2)
    expected = np.mean((net.predict(x, verbose=0) - y) ** 2)
    np.testing.assert_allclose(net.evaluate(x, y, verbose=0), expected, rtol=1e-5)
    data = tf.data.Dataset.from_tensor_slices((tuple(x), y)).batch(4)
    np.testing.assert_allclose(net.evaluate(data, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize("loss", ["mse", keras.losses.Huber(), keras.losses.mean_absolute_error])
def test_a_loss_that_compares_with_labels_is_refused_without_them(loss):
    net = TripletNet(small_embedding())
    net.compile("sgd", loss)
    before = net.get_weights()
    with pytest.raises(ValueError, match="data without labels, and the loss"):
        net.fit(list(triplets(4)), verbose=0)
    close(net.get_weights(), before)


def test_a_loss_is_that_of_the_distances_and_features_may_have_others():
    net = TripletNet(small_embedding(), collect=["fc"])
    x = list(triplets(8))
    d, features = net.predict(x, verbose=0)
    expected = np.maximum(d[:, 0] - d[:, 1] + 0.2, 0).mean()
    net.compile("sgd", margin)
    np.testing.assert_allclose(net.evaluate(x, verbose=0), expected, rtol=1e-5)
    pull = np.maximum(
        ((features[:, 0] - features[:, 1]) ** 2).sum(-1)
        + 0.2
        - ((features[:, 0] - features[:, 2]) ** 2).sum(-1),
        0,
    ).mean()
    both = {"distances": margin, "fc_features": TripletEmbeddingLoss(0.2)}
    net.compile("sgd", both, loss_weights={"distances": 1.0, "fc_features": 0.5})
    total = net.evaluate(x, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(total, expected + 0.5 * pull, rtol=1e-4)


def test_collecting_trains_as_not_collecting_does():
    """Dropout and batch normalisation know that they train."""

    def made(collect):
        layers = [L.BatchNormalization(name="bn"), L.Dropout(0.5, name="drop")]
        embedding = keras.Sequential([keras.Input((6,)), *layers], name="e")
        return TripletNet(embedding, collect=collect, distance=None)

    plain, collecting = made([]), made(["bn"])
    x = [numbers(8, 6, seed=i) * 3 for i in range(3)]
    dropped, normal = (y.numpy() for y in collecting(x, training=True))
    plain(x, training=True)
    close(normal, np.stack([(a - a.mean(0)) / np.sqrt(a.var(0) + 1e-3) for a in x], 1))
    kept = dropped != 0
    close(dropped[kept], 2 * normal[kept])
    assert 0.3 < kept.mean() < 0.7
    close(collecting.get_weights()[:4], plain.get_weights()[:4])  # the moving averages too


# -- saving and exporting -------------------------------------------------------------------


def test_sharing_survives_saving_and_cloning(tmp_path):
    net = TripletNet(small_embedding(), collect=["conv"])
    x = list(triplets(8))
    net.compile(keras.optimizers.SGD(0.5), margin)
    net.fit(x, verbose=0)
    net.save(tmp_path / "net.keras")
    for copy in (keras.saving.load_model(tmp_path / "net.keras"), net.clone()):
        assert type(copy) is MetricNet
        assert copy.name == "triplet_net"
        assert len(copy.weights) == len(net.weights) == 4
        close(copy.predict(x, verbose=0), net.predict(x, verbose=0))
        if not copy.compiled:
            copy.compile(keras.optimizers.SGD(0.5), margin)
        before = copy.get_weights()
        copy.fit(x, verbose=0)
        assert all((a != b).any() for a, b in zip(before, copy.get_weights(), strict=True))
        a, p, n = separately(copy, x)
        expected = np.stack([np.linalg.norm(a - p, axis=1), np.linalg.norm(a - n, axis=1)], 1)
        close(copy.predict(x, verbose=0)[0], expected)
        same = copy.predict([x[0]] * 3, verbose=0)
        close(same[0], np.zeros((8, 2)))
        close(same[1][:, 0], same[1][:, 2])
        close(net.get_weights(), before)  # training a copy leaves the net alone


@keras.saving.register_keras_serializable(package="test_triplet_net")
def registered(a, b):
    return keras.ops.sum(keras.ops.abs(a - b), axis=-1)


def test_a_registered_function_is_saved_and_learnt_distances_are(tmp_path):
    learnt = nn.Sequential(nn.CSubTable(), nn.Abs(), nn.Linear(6, 1), nn.Sigmoid())
    for distance, count in ((registered, 4), (learnt, 6)):
        net = TripletNet(small_embedding(), distance=distance)
        assert len(net.weights) == count
        net.save(tmp_path / "net.keras")
        loaded = keras.saving.load_model(tmp_path / "net.keras")
        x = list(triplets(4))
        close(loaded.predict(x, verbose=0), net.predict(x, verbose=0))
        assert len(loaded.weights) == count


PLAIN = """
import sys, numpy as np, tensorflow as tf
net = tf.saved_model.load(sys.argv[1])
data = np.load(sys.argv[2])
serve = net.signatures["serving_default"]
out = serve(**{k: tf.constant(data[k]) for k in data.files})
print(len(net.variables) if hasattr(net, "variables") else len(serve.variables), sorted(out))
np.savez(sys.argv[3], **{k: v.numpy() for k, v in out.items()})
assert not {m.split(".")[0] for m in sys.modules} & {"graph", "zoo", "losses"}
"""


def test_export_keeps_the_sharing_and_the_embedding_is_one_call(tmp_path):
    net = TripletNet(small_embedding())
    net.save(tmp_path / "net.keras")
    net = keras.saving.load_model(tmp_path / "net.keras")
    a, p, n = triplets(5)
    for model, inputs in (
        (net, {"anchor": a, "positive": p, "negative": n}),
        (net.embedding, {net.embedding.inputs[0].name: a}),
    ):
        place = graph.export(model, tmp_path / "saved", overwrite=True)
        np.savez(tmp_path / "in.npz", **inputs)
        files = [place, tmp_path / "in.npz", tmp_path / "out.npz"]
        ran = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(PLAIN), *map(str, files)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd="/",
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert ran.stdout.startswith("4 "), ran.stdout
        expected = model.predict(list(inputs.values()), verbose=0)
        (name,) = np.load(tmp_path / "out.npz").files
        assert name == ("distances" if model is net else "unit")
        close(np.load(tmp_path / "out.npz")[name], expected)


def test_activations_summary_and_a_plain_copy(tmp_path, capsys):
    net = TripletNet(small_embedding(name="e"))
    x = list(triplets(4))
    seen = graph.activations(net, x, ["e/conv", "distances"])
    assert [k for k in seen if "conv" in k] == ["e:0/conv", "e:1/conv", "e:2/conv"]
    conv = keras.Model(net.embedding.inputs, net.embedding.get_layer("conv").output)
    close(seen["e:2/conv"], conv.predict(x[2], verbose=0))
    close(seen["distances"], net.predict(x, verbose=0))
    net.summary()
    assert "distances" in capsys.readouterr().out
    together = TripletNet(net.embedding, single_pass=True)
    rows = graph.activations(together, x, "e/conv", batch_size=3)["e/conv"]
    assert rows.shape == (12, 6, 6, 4)
    for i in range(3):
        close(rows[i::3], seen[f"e:{i}/conv"])
    for model in (net, together):
        plain = model.to_keras()
        close(plain.predict(x, verbose=0), net.predict(x, verbose=0))
        assert len(plain.weights) == 4
        plain.save(tmp_path / "plain.keras")
        again = keras.saving.load_model(tmp_path / "plain.keras")
        close(again.predict(x, verbose=0), net.predict(x, verbose=0))
    with pytest.raises(ValueError, match="plain Keras copy cannot collect"):
        TripletNet(small_embedding(), collect=["fc"]).to_keras()


# -- mistakes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"num": 1}, ValueError, "at least 2 inputs, got 1"),
        ({"num": 3.0}, ValueError, r"got 3\.0"),
        ({"distance": "l3"}, ValueError, "one of .*'cosine'.*, got 'l3'"),
        ({"distance": 3}, TypeError, "a function of two tensors, got 3"),
        ({"collect": ["convv"]}, ValueError, "closest names: conv"),
        ({"collect": ["*"]}, ValueError, "names one layer each; .* stands for 5"),
        ({"distance": nn.Linear(3, 4)}, graph.GraphError, "Linear"),
    ],
)
def test_bad_arguments(arguments, error, text):
    with pytest.raises(error, match=text):
        TripletNet(small_embedding(), **arguments)


def test_bad_embeddings():
    with pytest.raises(TypeError, match=r"must be a Keras model, got .*\n  fix: make a model"):
        TripletNet(nn.Linear(3, 4))
    x = keras.Input((3,))
    with pytest.raises(ValueError, match="must have one output, two has 2"):
        TripletNet(keras.Model(x, [L.Dense(2)(x), L.Dense(3)(x)], name="two"))
    with pytest.raises(graph.GraphError, match="PairwiseDistance.* takes a table of two vectors"):
        TripletNet(LeNet5(include_top=False))
    with pytest.raises(ValueError, match="has not been built"):
        TripletNet(keras.Sequential([L.Dense(3)]), collect=["dense"])
    with pytest.raises(graph.GraphError, match="takes 3 inputs, got 2"):
        TripletNet(small_embedding()).predict(list(triplets(4)[:2]))
