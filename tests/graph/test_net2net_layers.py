"""Every class of layers that can be widened, or passes copies on, keeps the function."""

import keras
import numpy as np
import pytest
from random_cnns import functional
from same_function import assert_same, data, outputs

from graph import net2net

L = keras.layers


CASES = {
    "dense": ((3,), [L.Dense(4, "gelu", name="a"), L.Dropout(0.5), L.Dense(2)], 5),
    "dense on rows": ((6, 3), [L.Dense(4, "elu", name="a"), L.LSTM(3), L.Dense(2)], 7),
    "conv1d": ((9, 2), [L.Conv1D(4, 3, name="a"), L.MaxPooling1D(2), L.Conv1D(2, 2)], 6),
    "conv2d": (
        (8, 7, 2),
        [L.Conv2D(4, (3, 2), (1, 2), name="a"), L.AveragePooling2D((2, 1)), L.Conv2D(3, 2)],
        5,
    ),
    "conv3d": (
        (5, 6, 4, 2),
        [L.Conv3D(3, 2, name="a"), L.MaxPooling3D((2, 1, 1)), L.Conv3D(2, 2)],
        4,
    ),
    "conv1d transposed": (
        (5, 2),
        [L.Conv1DTranspose(3, 2, 2, name="a"), L.Conv1DTranspose(2, 3)],
        5,
    ),
    "conv2d transposed": (
        (4, 5, 2),
        [L.Conv2DTranspose(3, 3, 2, activation="relu", name="a"), L.Conv2DTranspose(2, 2)],
        7,
    ),
    "conv3d transposed": (
        (3, 4, 3, 2),
        [L.Conv3DTranspose(3, 2, name="a"), L.Conv3D(2, 2)],
        5,
    ),
    "dilated": (
        (9, 9, 2),
        [L.Conv2D(3, 3, dilation_rate=2, name="a"), L.Conv2D(2, 3, dilation_rate=(1, 2))],
        4,
    ),
    "depthwise": (
        (7, 6, 2),
        [
            L.Conv2D(3, 3, name="a"),
            L.DepthwiseConv2D(2, depth_multiplier=3, activation="relu"),
            L.Conv2D(2, 2),
        ],
        5,
    ),
    "depthwise 1d": (
        (9, 2),
        [L.Conv1D(3, 3, name="a"), L.DepthwiseConv1D(2, depth_multiplier=2), L.Conv1D(2, 2)],
        4,
    ),
    "separable": (
        (7, 6, 2),
        [
            L.SeparableConv2D(3, 3, depth_multiplier=2, name="a"),
            L.SeparableConv2D(4, 2, depth_multiplier=3),
        ],
        5,
    ),
    "separable 1d": ((9, 2), [L.SeparableConv1D(3, 3, name="a"), L.SeparableConv1D(2, 2)], 7),
    "grouped, itself": ((6, 6, 4), [L.Conv2D(6, 3, groups=2, name="a"), L.Conv2D(2, 2)], 10),
    "grouped, before": (
        (6, 6, 3),
        [L.Conv2D(6, 3, name="a"), L.Conv2D(9, 2, groups=3), L.Conv2D(2, 2)],
        12,
    ),
    "batch norm": (
        (6, 6, 2),
        [L.Conv2D(3, 3, name="a"), L.BatchNormalization(), L.ReLU(), L.Conv2D(2, 2)],
        5,
    ),
    "batch norm without scale": (
        (4,),
        [L.Dense(3, name="a"), L.BatchNormalization(scale=False, center=False), L.Dense(2)],
        5,
    ),
    "layer norm, twice": (
        (4,),
        [L.Dense(3, name="a"), L.LayerNormalization(), L.Dense(2)],
        6,
    ),
    "rms norm, thrice": ((4,), [L.Dense(3, name="a"), L.RMSNormalization(), L.Dense(2)], 9),
    "group norm": (
        (6, 5, 2),
        [L.Conv2D(6, 2, name="a"), L.GroupNormalization(3), L.Conv2D(2, 2)],
        12,
    ),
    "instance norm": (
        (6, 5, 2),
        [L.Conv2D(3, 2, name="a"), L.GroupNormalization(-1), L.Conv2D(2, 2)],
        6,
    ),
    "prelu": (
        (6, 6, 2),
        [
            L.Conv2D(3, 3, name="a"),
            L.PReLU("random_normal", shared_axes=[1, 2]),
            L.PReLU("random_normal"),
            L.PReLU("random_normal", shared_axes=[3]),
            L.Conv2D(2, 2),
        ],
        5,
    ),
    "flatten": ((6, 5, 2), [L.Conv2D(3, 3, name="a"), L.Flatten(), L.Dense(2)], 5),
    "flatten as Torch": (
        (6, 5, 2),
        [L.Conv2D(3, 3, name="a"), L.Permute((3, 1, 2)), L.Reshape((-1,)), L.Dense(2)],
        5,
    ),
    "rows of columns": (
        (6, 5, 2),
        [L.Conv2D(3, 3, name="a"), L.Reshape((4, 9)), L.Conv1D(2, 2), L.Flatten(), L.Dense(2)],
        4,
    ),
    "image from features": (
        (4,),
        [L.Dense(5, name="a"), L.Reshape((1, 1, 5)), L.UpSampling2D(3), L.Conv2D(2, 2)],
        8,
    ),
    "repeated vector": ((4,), [L.Dense(3, name="a"), L.RepeatVector(4), L.GRU(2)], 5),
    "padded and cropped": (
        (5, 5, 2),
        [L.Conv2D(3, 2, name="a"), L.ZeroPadding2D((1, 2)), L.Cropping2D(1), L.Conv2D(2, 2)],
        5,
    ),
    "global": ((5, 5, 2), [L.Conv2D(3, 2, name="a"), L.GlobalAveragePooling2D(), L.Dense(2)], 5),
    "global, kept": (
        (5, 5, 2),
        [L.Conv2D(3, 2, name="a"), L.GlobalMaxPooling2D(keepdims=True), L.Conv2D(2, 1)],
        5,
    ),
    "embedding": (
        (6,),
        [L.Embedding(5, 3, mask_zero=True, name="a"), L.LSTM(4), L.Dense(2)],
        5,
    ),
    "lstm": ((6, 3), [L.LSTM(4, return_sequences=True, name="a"), L.LSTM(2)], 7),
    "gru": ((6, 3), [L.GRU(4, name="a"), L.Dense(2)], 7),
    "gru, reset before": ((6, 3), [L.GRU(4, reset_after=False, name="a"), L.Dense(2)], 9),
    "simple rnn": ((6, 3), [L.SimpleRNN(4, name="a"), L.Dense(2)], 5),
    "no biases": (
        (6, 3),
        [L.LSTM(4, use_bias=False, name="a"), L.Dense(2, use_bias=False)],
        5,
    ),
    "bidirectional": ((6, 3), [L.Bidirectional(L.LSTM(3), name="a"), L.Dense(2)], 10),
    "bidirectional sum": (
        (6, 3),
        [L.Bidirectional(L.GRU(3), merge_mode="sum", name="a"), L.Dense(2)],
        5,
    ),
    "noises": (
        (4,),
        [
            L.Dense(3, name="a"),
            L.GaussianNoise(0.3),
            L.AlphaDropout(0.2),
            L.Rescaling(2.0, 1.0),
            L.ActivityRegularization(0.1),
            L.LeakyReLU(0.1),
            L.Dense(2),
        ],
        5,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_layer_keeps_the_function(case):
    shape, layers, width = CASES[case]
    layers = [type(layer).from_config(layer.get_config()) for layer in layers]
    model = functional(shape, *layers)
    x = data(model)
    if case == "embedding":
        x = np.array([[1, 2, 0, 0, 0, 0], [4, 3, 2, 1, 4, 0]])
    wide = net2net.wider(model, "a", width, seed=1)
    assert wide.get_layer("a").compute_output_shape((None, *shape))[-1] == width
    assert wide.count_params() > model.count_params()
    assert_same(model, wide, x)
    # Not by chance: with the weights of other channels it is another function.
    wide.get_layer("a").set_weights([w[..., ::-1] for w in wide.get_layer("a").get_weights()])
    assert not np.allclose(outputs(wide, x)[0], outputs(model, x)[0], atol=1e-4)


def test_training_mode_is_kept_where_nothing_is_drawn():
    shape, layers, width = CASES["batch norm"]
    model = functional(shape, *[type(x).from_config(x.get_config()) for x in layers])
    x = data(model)
    wide = net2net.wider(model, "a", width)
    np.testing.assert_allclose(wide(x, training=True), model(x, training=True), atol=1e-5)
    assert_same(model, wide, x)  # with the statistics that both have moved alike
