import keras
import numpy as np
import pytest

from zoo import LeNet5, lenet


def test_parameters_and_sizes_are_the_papers():
    model = LeNet5()
    assert model.count_params() == 61_706
    sizes = {name: model.get_layer(name).output.shape[1:] for name in ("conv1", "pool1", "conv2")}
    assert sizes == {"conv1": (28, 28, 6), "pool1": (14, 14, 6), "conv2": (10, 10, 16)}
    assert model.get_layer("pool2").output.shape[1:] == (5, 5, 16)
    assert [model.get_layer(n).units for n in ("fc3", "fc4", "fc5")] == [120, 84, 10]
    assert model.output_shape == (None, 10)


def test_equals_the_same_network_written_in_keras():
    model = LeNet5(classifier_activation=None)
    by_hand = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            keras.layers.Conv2D(6, 5, activation="tanh"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(16, 5, activation="tanh"),
            keras.layers.MaxPooling2D(),
            keras.layers.Permute((3, 1, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(120, "tanh"),
            keras.layers.Dense(84, "tanh"),
            keras.layers.Dense(10),
        ]
    )
    by_hand.set_weights(model.get_weights())
    x = np.random.default_rng(1).normal(size=(3, 32, 32, 1)).astype("float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), by_hand.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("variant", "activation", "pooling"),
    [
        ("classic", "tanh", keras.layers.AveragePooling2D),
        ("torch", "tanh", keras.layers.MaxPooling2D),
        ("modern", "relu", keras.layers.MaxPooling2D),
    ],
)
def test_variants_equal_the_same_networks_written_in_keras(variant, activation, pooling):
    model = LeNet5(variant=variant, input_shape=(33, 30, 2), classes=4)
    assert {f"{activation}{i}" for i in range(1, 5)} < {layer.name for layer in model.layers}
    by_hand = keras.Sequential(
        [
            keras.Input((33, 30, 2)),
            keras.layers.Conv2D(6, 5, activation=activation),
            pooling(2),
            keras.layers.Conv2D(16, 5, activation=activation),
            pooling(2),
            keras.layers.Permute((3, 1, 2)),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation),
            keras.layers.Dense(84, activation),
            keras.layers.Dense(4, "softmax"),
        ]
    )
    by_hand.set_weights(model.get_weights())
    x = np.random.default_rng(1).normal(size=(3, 33, 30, 2)).astype("float32")
    np.testing.assert_allclose(
        model.predict(x, verbose=0), by_hand.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("variant", ["classic", "torch", "modern"])
def test_every_variant_has_as_many_parameters(variant):
    assert LeNet5(variant=variant).count_params() == 61_706


def test_other_sizes_and_classes():
    model = LeNet5(input_shape=(40, 28, 3), classes=7)
    assert model.input_shape == (None, 40, 28, 3)
    assert model.get_layer("flatten").output.shape == (None, 16 * 7 * 4)
    assert model.output_shape == (None, 7)


@pytest.mark.parametrize(
    ("pooling", "shape"), [(None, (None, 5, 5, 16)), ("avg", (None, 16)), ("max", (None, 16))]
)
def test_without_top(pooling, shape):
    assert LeNet5(include_top=False, pooling=pooling).output_shape == shape


def test_preprocess_input_scales_to_minus_one_and_one():
    x = np.array([0, 127.5, 255], "float32").reshape(1, 1, 3, 1)
    np.testing.assert_allclose(lenet.preprocess_input(x).ravel(), [-1, 0, 1])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"input_shape": (8, 8, 1)}, "at least 16"),
        ({"input_shape": (32, 32)}, "height, width, channels"),
        ({"pooling": "sum", "include_top": False}, "'avg' or 'max', got 'sum'"),
        ({"weights": "imagenet.bin", "include_top": False}, "no weights file 'imagenet.bin'"),
        ({"variant": "2012"}, "variant must be one of classic, torch, modern, got '2012'"),
        ({"features_only": True, "pooling": "max"}, "pooling must be None, got 'max'"),
        ({"input_tensor": "image"}, "Keras tensor, got 'image'"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises((ValueError, FileNotFoundError), match=text):
        LeNet5(**arguments)


def test_channels_first_is_refused():
    keras.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels_last"):
            LeNet5()
    finally:
        keras.config.set_image_data_format("channels_last")
