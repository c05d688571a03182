import keras
import numpy as np
import pytest

from zoo import AlexNet, alexnet


@pytest.fixture(scope="module")
def full():
    return AlexNet()


def test_parameters(full):
    assert full.count_params() == 62_378_344


@pytest.mark.parametrize(
    ("name", "side", "planes"),
    [
        ("conv1", 55, 96),
        ("pool1", 27, 96),
        ("conv2", 27, 256),
        ("pool2", 13, 256),
        ("conv3", 13, 384),
        ("conv4", 13, 384),
        ("conv5", 13, 256),
        ("pool5", 6, 256),
    ],
)
def test_output_size_layer_by_layer(full, name, side, planes):
    assert full.get_layer(name).output.shape == (None, side, side, planes)


def test_linear_layers(full):
    assert [full.get_layer(n).units for n in ("fc6", "fc7", "fc8")] == [4096, 4096, 1000]


def test_output_is_a_distribution(full):
    x = np.random.default_rng(0).normal(size=(1, 227, 227, 3)).astype("float32")
    y = full.predict(x, verbose=0)
    assert y.shape == (1, 1000)
    np.testing.assert_allclose(y.sum(), 1, rtol=1e-5)
    assert y.std() > 0


def test_input_tensor_keeps_the_users_layers():
    image = keras.Input((67, 67, 3))
    base = AlexNet(
        include_top=False, pooling="avg", input_tensor=keras.layers.Rescaling(2.0)(image)
    )
    model = keras.Model(image, keras.layers.Dense(3)(base.output))
    assert [type(layer).__name__ for layer in base.layers[:2]] == ["InputLayer", "Rescaling"]
    assert model.output_shape == (None, 3)


def test_weights_from_files(tmp_path):
    arguments = {"include_top": False, "input_shape": (67, 67, 3)}
    one = AlexNet(**arguments)
    for file in ("a.weights.h5", "a.keras"):
        path = tmp_path / file
        one.save(path) if file.endswith(".keras") else one.save_weights(path)
        other = AlexNet(weights=path, **arguments)
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_weights_of_another_network_are_refused(tmp_path):
    from zoo import LeNet5

    LeNet5().save(tmp_path / "lenet.keras")
    LeNet5().save_weights(tmp_path / "lenet.weights.h5")
    for file in ("lenet.keras", "lenet.weights.h5"):
        with pytest.raises(ValueError, match=file):
            AlexNet(include_top=False, input_shape=(67, 67, 3), weights=tmp_path / file)
    (tmp_path / "notes.txt").write_text("no weights")
    with pytest.raises(ValueError, match="notes.txt"):
        AlexNet(include_top=False, input_shape=(67, 67, 3), weights=tmp_path / "notes.txt")


def test_preprocess_input_is_kerass_caffe_mode():
    x = np.zeros((1, 1, 1, 3), "float32")
    x[..., 0] = 255  # red comes last in BGR
    np.testing.assert_allclose(
        alexnet.preprocess_input(x.copy()).ravel(), [-103.939, -116.779, 255 - 123.68], rtol=1e-5
    )
