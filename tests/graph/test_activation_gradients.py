import keras
import numpy as np
import pytest
import tensorflow as tf

from graph import activation_gradients

L = keras.layers


def data(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def net():
    x = keras.Input((6, 5, 2), name="image")
    inner_x = keras.Input((6, 5, 2))
    inner = keras.Model(inner_x, L.Conv2D(3, 3, activation="tanh", name="conv")(inner_x), name="in")
    y = L.Flatten(name="flat")(inner(x))
    return keras.Model(x, L.Dense(4, name="fc")(L.Dense(5, "tanh", name="hidden")(y)), name="net")


@pytest.mark.parametrize(
    ("output", "choose"),
    [(2, lambda y: y[:, 2]), (-1, lambda y: y[:, -1]), (None, lambda y: y), (tf.square, tf.square)],
)
def test_against_a_tape_over_the_rest_of_the_model(output, choose):
    model, x = net(), data(7, 6, 5, 2)
    got = activation_gradients(
        model, x, ["in/conv", "hidden", "fc", "image"], output=output, batch_size=3
    )
    conv, hidden, fc = model.get_layer("in").layers[1], *model.layers[-2:]
    image = tf.constant(x)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(image)
        a = tf.tanh(tf.nn.conv2d(image, conv.kernel.value, 1, "VALID") + conv.bias.value)
        b = tf.tanh(tf.reshape(a, (7, -1)) @ hidden.kernel.value + hidden.bias.value)
        c = b @ fc.kernel.value + fc.bias.value
        target = tf.reduce_sum(choose(c))
    for name, tensor in {"in/conv": a, "hidden": b, "fc": c, "image": image}.items():
        np.testing.assert_allclose(got[name], tape.gradient(target, tensor), rtol=1e-4, atol=1e-6)


def test_finite_differences_of_a_shared_layer():
    x = keras.Input((3,))
    shared = L.Dense(3, activation="sigmoid", name="shared")
    model = keras.Model(x, L.Dense(2, name="fc")(shared(shared(x))))
    v = data(2, 3)
    got = activation_gradients(model, v, "shared", output=1)
    assert list(got) == ["shared:0", "shared:1"]
    np.testing.assert_allclose(
        got["shared:1"], np.tile(np.asarray(model.get_layer("fc").kernel)[:, 1], (2, 1)), rtol=1e-5
    )
    first = np.asarray(shared(v))
    for i in range(3):
        ends = []
        for step in (-1e-2, 1e-2):
            moved = first.copy()
            moved[:, i] += step
            ends.append(np.asarray(model.get_layer("fc")(shared(moved)))[:, 1])
        slope = (ends[1] - ends[0]) / 2e-2
        np.testing.assert_allclose(got["shared:0"][:, i], slope, rtol=1e-2, atol=1e-4)


def test_several_outputs():
    x = keras.Input((4,))
    a, b = L.Dense(3, name="a")(x), L.Dense(2, name="b")(x)
    model = keras.Model(x, [a, b], name="fork")
    with pytest.raises(ValueError, match="'fork' has 2 outputs: give a function"):
        activation_gradients(model, data(2, 4), "a", output=0)
    got = activation_gradients(model, data(2, 4), "b", output=lambda y: y[1][:, 0])
    np.testing.assert_array_equal(got["b"], [[1, 0], [1, 0]])
    with pytest.raises(ValueError, match="does not depend on layer 'a'.*no path to that output"):
        activation_gradients(model, data(2, 4), "a", output=lambda y: y[1])


def test_wrong_output_and_models():
    with pytest.raises(ValueError, match="'net' has outputs 0 to 3, no 4"):
        activation_gradients(net(), data(2, 6, 5, 2), output=4)
    with pytest.raises(TypeError, match="an index, a function or None; received 'fc'"):
        activation_gradients(net(), data(2, 6, 5, 2), output="fc")


def test_a_subclassed_model_against_a_tape():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.a, self.b = L.Dense(3, "tanh", name="a"), L.Dense(2, name="b")

        def call(self, x):
            return self.b(self.a(self.a(x)))

    model, x = Own(), data(4, 3)
    model(x)
    got = activation_gradients(model, x, output=1, batch_size=3)
    assert list(got) == ["a:0", "a:1", "b"]
    first = tf.convert_to_tensor(model.a(x))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(first)
        second = model.a(first)
        target = tf.reduce_sum(model.b(second)[:, 1])
    for name, tensor in {"a:0": first, "a:1": second}.items():
        np.testing.assert_allclose(got[name], tape.gradient(target, tensor), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got["b"], np.tile([0, 1], (4, 1)))


def test_jax_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="needs Keras on TensorFlow or PyTorch.*'jax'"):
        activation_gradients(net(), data(2, 6, 5, 2))
