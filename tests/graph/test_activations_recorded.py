"""Models whose calls Keras keeps no record of: subclassed, and loaded from a file."""

import gc
import weakref

import keras
import numpy as np
import pytest

from graph import activations

L = keras.layers


def data(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


@keras.saving.register_keras_serializable("look")
class Block(L.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.up, self.down = L.Dense(5, name="up"), L.Dense(3, name="down")

    def build(self, shape):
        self.up.build(shape)
        self.down.build((*shape[:-1], 5))

    def call(self, x):
        return x + self.down(keras.ops.tanh(self.up(x)))


@keras.saving.register_keras_serializable("look")
class Own(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.first = L.Dense(3, name="first")
        self.unused = L.Dense(3, name="unused")
        self.block = Block(name="block")
        pixels = keras.Input((3,))
        self.inner = keras.Model(pixels, L.Dense(4, name="deep")(pixels), name="inner")
        self.drop = L.Dropout(0.9, name="drop")

    def call(self, x, training=False):
        y = self.first(self.first(x))  # twice
        return {"y": self.inner(self.drop(self.block(y))), "z": self.block(x)}


def own():
    model = Own(name="own")
    model(data(2, 3))
    return model


def by_hand(model, x):
    k, b = (np.asarray(v) for v in model.first.weights)

    def block(v):
        up = np.tanh(v @ np.asarray(model.block.up.kernel) + np.asarray(model.block.up.bias))
        return v + up @ np.asarray(model.block.down.kernel) + np.asarray(model.block.down.bias)

    one = x @ k + b
    two = one @ k + b
    deep = model.inner.get_layer("deep")
    return {
        "first:0": one,
        "first:1": two,
        "block:0": block(two),
        "block:1": block(x),
        "drop": block(two),
        "inner": block(two) @ np.asarray(deep.kernel),
    }


def traces(model):
    return {layer: len(layer._inbound_nodes) for layer in model._flatten_layers()}


def test_a_subclassed_model():
    model, x = own(), data(7, 3)
    before, call = traces(model), L.Layer.__call__
    got = activations(model, x, batch_size=3)
    expected = by_hand(model, x)
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-6)
    assert traces(model) == before and L.Layer.__call__ is call
    assert "call" not in vars(model.first)


def test_paths_into_blocks_and_nested_models():
    model, x = own(), data(4, 3)
    got = activations(model, x, ["inner/deep", "block:1/up", L.Dropout])
    assert list(got) == ["drop", "inner/deep", "block:1/up"]
    wanted = x @ np.asarray(model.block.up.kernel)
    np.testing.assert_allclose(got["block:1/up"], wanted, rtol=1e-5, atol=1e-6)
    assert list(activations(model, x, "block/down")) == ["block:0/down", "block:1/down"]
    assert list(activations(model, x, lambda layer: getattr(layer, "units", 0) == 5)) == [
        "block:0/up",
        "block:1/up",
    ]


def test_loaded_from_a_file(tmp_path):
    model, x = own(), data(4, 3)
    model.save(tmp_path / "own.keras")
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    with pytest.raises(AttributeError, match="has never been called"):
        _ = loaded.first.output
    expected, got = activations(model, x), activations(loaded, x)
    assert list(got) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-6, atol=1e-6)


def test_a_layer_that_is_never_called():
    model = own()
    with pytest.raises(ValueError, match="'unused' is not called in model 'own': it lies on no"):
        activations(model, data(2, 3), "unused")
    with pytest.raises(ValueError, match="'unused' is not called in model 'own': it lies on no"):
        activations(model, data(2, 3), model.unused)


def test_one_pass_is_traced_once_and_dies_with_the_model():
    runs = []

    class Counting(keras.Model):
        def __init__(self):
            super().__init__(name="counting")
            self.d = L.Dense(2, name="d")

        def call(self, x):
            runs.append(1)
            return self.d(x)

    model = Counting()
    model(data(2, 3))
    activations(model, data(8, 3), batch_size=4)
    runs.clear()
    got = activations(model, data(8, 3) * 2, batch_size=4)["d"]
    assert not runs
    np.testing.assert_allclose(got, data(8, 3) * 2 @ np.asarray(model.d.kernel), rtol=1e-5)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_dict_and_list_inputs():
    class Two(keras.Model):
        def __init__(self):
            super().__init__(name="two")
            self.a, self.b = L.Dense(2, name="a"), L.Dense(2, name="b")

        def call(self, inputs):
            left, right = inputs["left"], inputs["right"]
            return self.a(left) - self.b(right)

    model = Two()
    x = {"right": data(5, 4), "left": data(5, 3)}
    model(x)
    got = activations(model, x, batch_size=2)
    np.testing.assert_allclose(got["a"], x["left"] @ np.asarray(model.a.kernel), rtol=1e-5)
    np.testing.assert_allclose(got["b"], x["right"] @ np.asarray(model.b.kernel), rtol=1e-5)
    with pytest.raises(ValueError, match="different numbers of samples: 4, 5"):
        activations(model, {"right": data(5, 4), "left": data(4, 3)})


def test_recurrent_cells_of_ones_own_stay_inside_their_loop():
    class Recurrent(keras.Model):
        def __init__(self):
            super().__init__(name="recurrent")
            self.rnn = L.RNN(L.GRUCell(3), name="rnn")

        def call(self, x):
            return self.rnn(x)

    model, x = Recurrent(), data(2, 5, 4)
    expected = np.asarray(model(x))
    got = activations(model, x)
    assert list(got) == ["rnn"]
    np.testing.assert_allclose(got["rnn"], expected, rtol=1e-5, atol=1e-6)
    steps = activations(model, x, per_step=True)["rnn"]
    assert steps.shape == (2, 5, 3)
    np.testing.assert_allclose(steps[:, -1], expected, rtol=1e-5, atol=1e-6)
