"""The LSTM sequence with its own gradient, against plain autodiff, Keras's layer and PyTorch."""

import keras
import numpy as np
import pytest

import graph
from graph import GModule, Input, gModule, nn
from graph.nn.lstm_layer import SequenceLSTM, lstm_states

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs TensorFlow", allow_module_level=True)

import tensorflow as tf

from graph.nn.sequence_function import without_xla

B, T, D, H = 3, 5, 4, 6
SHAPES = ((B, T, D), (B, H), (B, H), (D, 4 * H), (H, 4 * H), (4 * H,))


def naive(x, h, c, kernel, recurrent, bias):
    states = []
    for t in range(x.shape[1]):
        i, f, g, o = tf.split(x[:, t] @ kernel + h @ recurrent + bias, 4, -1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        states.append(h)
    return tf.stack(states, 1), h, c


def everything(function, fed, seeds):
    """The outputs, their gradients, and the gradients of a function of these."""
    with tf.GradientTape() as outer:
        outer.watch(fed)
        with tf.GradientTape() as inner:
            inner.watch(fed)
            y = function(*fed)
            loss = sum(tf.reduce_sum(a * s) for a, s in zip(y, seeds, strict=True))
        first = inner.gradient(loss, fed)
        total = sum(tf.reduce_sum(tf.sin(a)) for a in first)
    return [*y, *first, *outer.gradient(total, fed)]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("xla", [False, True])
def test_values_and_both_derivatives(training, xla):
    generator = np.random.default_rng(1)
    fed = [tf.constant(generator.normal(size=s)) for s in SHAPES]
    seeds = [tf.constant(generator.normal(size=s)) for s in ((B, T, H), (B, H), (B, H))]

    def run(*a):
        return lstm_states(*a, training=training)

    expected = everything(naive, fed, seeds)
    if xla:
        found = everything(run, fed, seeds)
    else:
        with without_xla():
            found = tf.function(lambda: everything(run, fed, seeds))()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("batch", [15, 16, 17, 33])
@pytest.mark.parametrize("training", [False, True])
def test_batches_in_halves(monkeypatch, batch, known, training):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    generator = np.random.default_rng(7)
    shapes = ((batch, T, D), (batch, H), (batch, H), *SHAPES[3:])
    fed = [tf.constant(generator.normal(size=s)) for s in shapes]
    seeds = [tf.constant(generator.normal(size=s)) for s in ((batch, T, H), (batch, H), (batch, H))]

    def run(*a):
        return lstm_states(*a, training=training)

    def first(*a):
        fed, seeds = a[:6], a[6:]
        with tf.GradientTape() as tape:
            tape.watch(fed)
            y = run(*fed)
        return [*y, *tape.gradient(y, fed, seeds)]

    lead = batch if known else None
    both = [*fed, *seeds]
    opened = [tf.TensorSpec((lead, *a.shape[1:]), a.dtype) for a in (*fed[:3], *seeds)]
    specs = [*opened[:3], *(tf.TensorSpec(a.shape, a.dtype) for a in fed[3:]), *opened[3:]]
    found = tf.function(first, input_signature=specs)(*both)
    expected = everything(naive, fed, seeds)[:9]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    if known:
        expected = everything(naive, fed, seeds)
        for a, b in zip(everything(run, fed, seeds), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_batches_and_lengths_of_every_size():
    layer, peer = (
        SequenceLSTM(H, return_sequences=True),
        keras.layers.LSTM(H, return_sequences=True),
    )
    x = np.random.default_rng(2).normal(size=(4, 9, D)).astype("float32")
    peer(x), layer(x)
    layer.set_weights(peer.get_weights())
    compiled = tf.function(
        layer.__call__, input_signature=[tf.TensorSpec((None, None, D), "float32")]
    )
    for batch, steps in ((1, 1), (1, 9), (4, 1), (3, 7), (2, 8)):
        part = x[:batch, :steps]
        expected = peer(part)
        assert layer(part).shape == expected.shape
        np.testing.assert_allclose(layer(part), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(compiled(part), expected, rtol=1e-5, atol=1e-6)


OPTIONS = (
    {"return_state": True},
    {"use_bias": False},
    {"stateful": True, "return_sequences": True},
    {"go_backwards": True, "return_sequences": True},
    {"activation": "relu"},
    {"dtype": "mixed_bfloat16", "return_sequences": True},
)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options_are_kerass(options):
    x = np.random.default_rng(3).normal(size=(2, 4, D)).astype("float32")
    layer, peer = SequenceLSTM(H, **options), keras.layers.LSTM(H, **options)
    peer.build(x.shape), layer.build(x.shape)
    layer.set_weights(peer.get_weights())
    tolerance = 1e-2 if "dtype" in options else 1e-6
    for _ in range(2):  # The second time a stateful layer goes on.
        for a, b in zip(keras.tree.flatten(layer(x)), keras.tree.flatten(peer(x)), strict=True):
            a, b = (np.asarray(keras.ops.cast(v, "float32")) for v in (a, b))
            np.testing.assert_allclose(a, b, atol=tolerance)


def test_a_mask_and_a_state_from_outside():
    x = np.random.default_rng(4).normal(size=(3, 5, D)).astype("float32")
    mask = np.array([[1, 1, 1, 0, 0], [1] * 5, [1, 0, 0, 0, 0]], bool)
    layer, peer = SequenceLSTM(H, return_state=True), keras.layers.LSTM(H, return_state=True)
    peer(x), layer(x)
    layer.set_weights(peer.get_weights())
    state = [np.full((3, H), value, "float32") for value in (0.3, -0.7)]
    for extra in ({"mask": mask}, {"initial_state": state}):
        for a, b in zip(layer(x, **extra), peer(x, **extra), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_training_equals_kerass_and_the_plain_copy_is_kerass(tmp_path):
    x = Input((T, D))
    model = gModule([x], [nn.FastLSTM(D, H)(x)])
    peer = model.to_keras()
    assert [type(layer) for layer in peer.layers][1:] == [keras.layers.LSTM]
    generator = np.random.default_rng(5)
    data = generator.normal(size=(7, T, D)).astype("float32")
    wanted = generator.normal(size=(7, T, H)).astype("float32")
    for each in (model, peer):
        each.compile(keras.optimizers.SGD(0.5), "mse")
        each.fit(data, wanted, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), peer.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(data), peer(data), rtol=1e-5, atol=1e-6)


def test_pytorch():
    torch = pytest.importorskip("torch")
    peer = torch.nn.LSTM(D, H, batch_first=True)
    x = np.random.default_rng(6).normal(size=(B, T, D)).astype("float32")
    fed = torch.from_numpy(x).requires_grad_()
    expected, _ = peer(fed)
    wanted = torch.autograd.grad(expected.square().sum(), [fed, *list(peer.parameters())[:3]])
    kernel, recurrent, b1, b2 = (p.detach().numpy() for p in peer.parameters())
    layer = SequenceLSTM(H, return_sequences=True)
    layer.build(x.shape)
    layer.set_weights([kernel.T, recurrent.T, b1 + b2])
    with tf.GradientTape() as tape:
        given = tf.constant(x)
        tape.watch(given)
        y = layer(given)
        loss = tf.reduce_sum(y * y)
    found = tape.gradient(loss, [given, *layer.trainable_variables])
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-5, atol=1e-6)
    for a, b in zip(found, wanted, strict=True):
        b = b.numpy().T if len(b.shape) == 2 else b.numpy()
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("by", [graph.export, GModule.export], ids=["graph", "keras"])
def test_exported_without_xla(by, tmp_path):
    x = Input((T, D))
    model = gModule([x], [nn.FastLSTM(D, H)(x)])
    by(model, str(tmp_path / "net"))
    loaded = tf.saved_model.load(str(tmp_path / "net"))
    data = np.random.default_rng(7).normal(size=(3, T, D)).astype("float32")
    (y,) = loaded.signatures["serving_default"](tf.constant(data)).values()
    np.testing.assert_allclose(y, model.to_keras()(data), rtol=1e-5, atol=1e-6)
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((tmp_path / "net" / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    assert not [f.signature.name for f in functions if f.attr["_XlaMustCompile"].b]
