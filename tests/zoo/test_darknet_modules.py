"""Darknet's own layers one by one: training, odd sizes, plain copies, errors."""

import keras
import numpy as np
import pytest

import graph
from graph import GraphError, gModule, nn
from zoo.darknet.activation import ACTIVATIONS, DarknetActivation, activation
from zoo.darknet.maps import DarknetReorg, DarknetShortcut, UnitChannels
from zoo.darknet.normalization import DarknetBatchNormalization, DarknetResponseNormalization
from zoo.darknet.pooling import DarknetMaxPooling


def model_of(module, *shapes):
    inputs = [graph.Input(shape) for shape in shapes]
    return gModule(inputs, [graph.node(module)(inputs if len(inputs) > 1 else inputs[0])])


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# -- batch normalisation --------------------------------------------------------------------------


@pytest.mark.parametrize(("epsilon", "inside"), [("outside", False), ("inside", True)])
@pytest.mark.parametrize("shape", [(4,), (3, 2, 4)])
def test_batch_normalization_trains_as_darknet(epsilon, inside, shape):
    model = model_of(DarknetBatchNormalization(4, epsilon), shape)
    layer = model.layers[-1]
    scale, bias, mean, variance = numbers(4), numbers(4, seed=1), numbers(4, seed=2), np.ones(4)
    layer.set_weights([scale, bias, mean, variance])
    x = numbers(5, *shape, seed=3) * [1, 1e-4, 10, 1] + [0, 3, 1, 2]
    x = x.astype("float32")
    y = keras.ops.convert_to_numpy(model(x, training=True))
    rows = x.reshape(-1, 4).astype("float64")
    own = rows.var(0, ddof=1)
    spread = np.sqrt(own + 1e-5) if inside else np.sqrt(own) + 1e-6
    expected = (rows - rows.mean(0)) / spread * scale + bias
    np.testing.assert_allclose(y.reshape(-1, 4), expected, rtol=2e-3, atol=2e-3)
    _, _, new_mean, new_variance = layer.get_weights()
    np.testing.assert_allclose(new_mean, 0.99 * mean + 0.01 * rows.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(new_variance, 0.99 * variance + 0.01 * own, rtol=1e-4, atol=1e-6)


def test_a_frozen_one_uses_the_running_statistics():
    model = model_of(DarknetBatchNormalization(4), (4,))
    model.trainable = False
    x = numbers(5, 4)
    before = model.get_weights()
    y = keras.ops.convert_to_numpy(model(x, training=True))
    np.testing.assert_allclose(y, x / (1 + 1e-6), rtol=1e-5)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_steady_channel_keeps_its_digits_and_its_gradient_is_finite():
    model = model_of(DarknetBatchNormalization(2), (2,))
    weights = [[1, 1], [0, 0], [1000, 1000], [1e-8, 0]]
    model.set_weights([np.array(w) for w in weights])
    x = np.array([[1000.0001, 1000], [999.9999, 1000]], "float32")
    exact = (x.astype("float64") - 1000) / (np.sqrt([1e-8, 0]) + 1e-6)
    np.testing.assert_allclose(model.predict(x, verbose=0), exact, rtol=1e-4)
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(np.ones((4, 2), "float32"), np.ones((4, 2))))
    assert all(np.isfinite(w).all() for w in model.get_weights())


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("epsilon", ["outside", "inside"])
def test_the_plain_copy_of_batch_normalization(epsilon, center, tmp_path):
    model = model_of(DarknetBatchNormalization(5, epsilon, center), (3, 2, 5))
    *weights, variance = model.get_weights()
    weights = [numbers(5, seed=i) for i in range(len(weights))]
    variance = np.array([2, 1e-3, 1e-9, 1e-13, 0], "float32")
    weights[0] *= [1, 1, 1e-4, 1e-5, 1e-6]
    model.set_weights([*weights, variance])
    model.to_keras().save(tmp_path / "plain.keras")
    plain = keras.saving.load_model(tmp_path / "plain.keras", custom_objects={})
    assert type(plain.layers[-1]) is keras.layers.BatchNormalization
    x = numbers(2, 3, 2, 5, seed=9)
    np.testing.assert_allclose(
        plain.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-4
    )


def test_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = model_of(DarknetBatchNormalization(2), (2,))
        weights = [[1e-6, 1], [0, 0], [0.5, 0.5], [0, 1]]
        model.set_weights([np.array(w) for w in weights])
        y = model.predict(np.array([[1, 1], [0, 2]], "float32"), verbose=0)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.layers[-1].compute_dtype == "float16"
    np.testing.assert_allclose(y, [[0.5, 0.5], [-0.5, 1.5]], rtol=1e-3)


# -- pooling --------------------------------------------------------------------------------------


def naive_pool(x, size, stride, padding):
    rows, columns = ((s + padding - size) // stride + 1 for s in x.shape[1:3])
    y = np.zeros((len(x), rows, columns, x.shape[-1]), "float32")
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride - padding // 2, j * stride - padding // 2
            part = x[:, max(top, 0) : top + size, max(left, 0) : left + size]
            y[:, i, j] = part.max((1, 2))
    return y


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_max_pooling_of_every_padding(size, stride):
    x = -np.abs(numbers(2, 7, 8, 3)) - 1  # Below 0, so that a border of zeros would show.
    stock = 0
    for padding in range(0, 2 * size - 1):
        model = model_of(DarknetMaxPooling(size, stride, padding), (7, 8, 3))
        expected = naive_pool(x, size, stride, padding)
        for other in (model, model.to_keras()):
            np.testing.assert_array_equal(keras.ops.convert_to_numpy(other(x)), expected)
        stock += isinstance(model.layers[-1], keras.layers.MaxPooling2D)
    assert stock


def test_max_pooling_of_unknown_sizes():
    x = numbers(1, 6, 9, 2)
    for padding in (None, 0):
        model = model_of(DarknetMaxPooling(3, 2, padding), (None, None, 2))
        expected = naive_pool(x, 3, 2, 2 if padding is None else 0)
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_darknets_usual_pooling_is_a_stock_layer():
    for side in (6, 7):
        layer = model_of(DarknetMaxPooling(2), (side, side, 1)).layers[-1]
        assert isinstance(layer, keras.layers.MaxPooling2D)
    assert model_of(DarknetMaxPooling(3, 2), (7, 7, 1)).layers[-1].padding == "same"
    ours = model_of(DarknetMaxPooling(3, 2), (8, 8, 1)).layers[-1]
    assert not isinstance(ours, keras.layers.MaxPooling2D)


# -- the others -----------------------------------------------------------------------------------


def test_shared_axes_of_unlike_maps():
    x, y = numbers(2, 6, 4, 2), numbers(2, 3, 2, 3, seed=1)
    model = model_of(DarknetShortcut(0.5, 2.0), (6, 4, 2), (3, 2, 3))
    expected = x.copy()
    expected[:, ::2, ::2] = 0.5 * x[:, ::2, ::2] + 2 * y[..., :2]
    for other in (model, model.to_keras()):
        np.testing.assert_allclose(other.predict([x, y], verbose=0), expected, rtol=1e-6)


def test_unit_channels():
    x = numbers(2, 3, 2, 5)
    y = model_of(UnitChannels(), (3, 2, 5)).predict(x, verbose=0)
    np.testing.assert_allclose(y, x / np.linalg.norm(x, axis=-1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("name", ["swish", "mish"])
def test_activations_of_the_fork(name):
    x = np.linspace(-5, 5, 21, dtype="float32").reshape(1, -1)
    soft = np.log1p(np.exp(x))
    expected = x / (1 + np.exp(-x)) if name == "swish" else x * np.tanh(soft)
    y = model_of(activation(name), (21,)).predict(x, verbose=0)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_large_values_stay_finite():
    x = np.array([[-1e4, 1e4]], "float32")
    for name in set(ACTIVATIONS) - {"linear"}:
        assert np.isfinite(model_of(activation(name), (2,)).predict(x, verbose=0)).all(), name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DarknetBatchNormalization(3, "beside"), "'outside' or 'inside' the root"),
        (lambda: DarknetMaxPooling(2, 2, 3), "takes a padding of 0 to 2 and a stride of 1"),
        (lambda: DarknetMaxPooling(2, 0), "got 1 and 0"),
        (lambda: DarknetActivation("sine"), "one of loggy, selu"),
        (lambda: model_of(DarknetBatchNormalization(3), (2,)), "takes 3 channels"),
        (lambda: model_of(DarknetMaxPooling(4, 4, 0), (3, 9, 1)), "needs a height of 4"),
        (lambda: model_of(DarknetMaxPooling(2), (3,)), "takes images"),
        (lambda: model_of(DarknetShortcut(), (4, 4, 1)), "a table of two tensors of maps"),
        (lambda: model_of(DarknetShortcut(), (4, 4, 1), (2, 4, 1)), "the ratio of their widths"),
        (lambda: model_of(DarknetShortcut(), (4, None, 1), (2, 4, 1)), "maps of known sizes"),
        (lambda: model_of(DarknetReorg(2), (4, 4, 2)), "into blocks of 2 pixels"),
        (lambda: model_of(DarknetReorg(2), (3, 4, 4)), "into blocks of 2 pixels"),
        (lambda: model_of(DarknetResponseNormalization(5), (4, 4, 2)), "of more than 2 channels"),
    ],
)
def test_errors(make, words):
    with pytest.raises(GraphError, match=words):
        make()


def test_modules_print_as_they_are_written():
    assert repr(DarknetMaxPooling(2)) == "nn.DarknetMaxPooling(2, 2, 1)"
    assert isinstance(DarknetActivation("ramp"), nn.Module)
