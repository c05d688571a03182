"""MeanCentring against NumPy's means."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import graph
from zoo.training import MeanCentring

RNG = np.random.default_rng(0)
IMAGES = (RNG.random((7, 3, 4, 2)) * [255, 10]).astype("float32")
AXES = {"pixel": 0, "channel": (0, 1, 2)}


class Data(keras.utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, i):
        return IMAGES[3 * i : 3 * i + 3], np.zeros(3)[: 7 - 3 * i]


FORMS = {
    "array": lambda: IMAGES,
    "tensor": lambda: keras.ops.convert_to_tensor(IMAGES),
    "dataset": lambda: tf.data.Dataset.from_tensor_slices(IMAGES).batch(3),
    "labelled": lambda: tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(7))).batch(2),
    "list": lambda: [IMAGES[:1], IMAGES[1:]],
    "generator": lambda: (IMAGES[i : i + 4] for i in (0, 4)),
    "pydataset": Data,
}


@pytest.mark.parametrize("per", AXES)
@pytest.mark.parametrize("form", FORMS)
def test_the_mean_of_all_is_taken_away(per, form):
    layer = MeanCentring(per)
    layer.adapt(FORMS[form]())
    expected = IMAGES.astype("float64") - IMAGES.astype("float64").mean(AXES[per])
    np.testing.assert_allclose(np.asarray(layer(IMAGES)), expected, rtol=1e-4, atol=1e-4)
    # The scale is left alone, and the data of one batch does not change the mean.
    np.testing.assert_allclose(np.asarray(layer(IMAGES[:1])), expected[:1], rtol=1e-4, atol=1e-4)
    assert layer.trainable_weights == [] and len(layer.weights) == 1


def test_whole_numbers_are_added_up_in_64_bits():
    pixels = np.full((5, 64, 64, 1), 255, "uint8")
    pixels[0] = 0
    layer = MeanCentring("channel")
    layer.adapt([pixels] * 50)
    assert float(layer.mean[0]) == 204.0
    assert np.asarray(layer(pixels[:1])).dtype == "float32"


@pytest.mark.parametrize("per", AXES)
def test_saved_and_exported_with_the_model(per, tmp_path):
    centring = MeanCentring(per, name="mean")
    centring.adapt(IMAGES)
    image = keras.Input((3, 4, 2), name="image")
    y = keras.layers.Dense(2)(keras.layers.Flatten()(centring(image)))
    model = keras.Model(image, y)
    before = model.predict(IMAGES, verbose=0)
    assert (
        abs(before - np.asarray(model.layers[-1](IMAGES.reshape(7, -1)))).max() > 1
    )  # it does something
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), before)
    assert loaded.get_layer("mean").per == per
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((7, 2)), verbose=0)  # trained, the mean stays
    np.testing.assert_array_equal(model.get_layer("mean").mean, loaded.get_layer("mean").mean)
    graph.export(loaded, tmp_path / "saved")
    served = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    (value,) = served(image=tf.constant(IMAGES)).values()
    np.testing.assert_allclose(value, before, rtol=1e-5, atol=1e-5)


def test_adapted_again_it_forgets():
    layer = MeanCentring()
    layer.adapt(IMAGES)
    layer.adapt(IMAGES[:2])
    np.testing.assert_allclose(layer.mean, IMAGES[:2].mean(0), rtol=1e-5)


def test_in_half_precision_and_in_tf_data():
    layer = MeanCentring("channel", dtype="float16")
    layer.adapt(IMAGES)
    assert layer(IMAGES).dtype == "float16"
    plain = MeanCentring("channel")
    plain.adapt(IMAGES)
    (got,) = tf.data.Dataset.from_tensors(IMAGES).map(plain)
    np.testing.assert_array_equal(got, np.asarray(plain(IMAGES)))


def test_images_of_any_size_per_channel_only():
    any_size = keras.Input((None, None, 2))
    layer = MeanCentring("channel")
    layer.adapt(IMAGES)
    assert layer(any_size).shape == (None, None, None, 2)
    with pytest.raises(ValueError, match=r"per pixel needs data of known size.*\n  fix: Mean"):
        MeanCentring()(any_size)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "there is no data"),
        (IMAGES[:0], "there is no data"),
        (np.where(IMAGES > 250, np.nan, IMAGES), "not finite"),
        (IMAGES[:, :, :3], r"whose mean is \(3, 4, 2\), this one's is \(3, 3, 2\)"),
        ([IMAGES, IMAGES[:, :2]], r"different sizes, \(3, 4, 2\) and \(2, 4, 2\)"),
    ],
)
def test_bad_data_changes_nothing(data, message):
    layer = MeanCentring()
    layer.adapt(IMAGES)
    before = np.asarray(layer.mean)
    with pytest.raises(ValueError, match=message):
        layer.adapt(data)
    np.testing.assert_array_equal(layer.mean, before)


def test_bad_data_builds_nothing():
    layer = MeanCentring()
    with pytest.raises(ValueError, match="no data"):
        layer.adapt([])
    assert not layer.built
    with pytest.raises(ValueError, match="per must be 'pixel' or 'channel', got 'image'"):
        MeanCentring("image")
