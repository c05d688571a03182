"""Augmentation and ColourNoise: what they draw is measured in the images."""

import keras
import numpy as np
import pytest

from zoo.training import ColourNoise, augmentation


def arrow(count):
    """A wedge of 0 and 1 with no symmetry, in the middle of an image."""
    image = np.zeros((41, 41, 1), "float32")
    image[18:23, 12:29] = 1
    image[14:20, 24:29] = 1
    return np.repeat(image[None], count, axis=0)


def angles(images):
    """The direction of the longest axis of each, in degrees, from its second moments."""
    y, x = np.mgrid[-20:21, -20:21].astype(float)
    found = []
    for image in images[..., 0]:
        w = image / image.sum()
        cx, cy = (w * x).sum(), (w * y).sum()
        xx, yy = (w * (x - cx) ** 2).sum(), (w * (y - cy) ** 2).sum()
        xy = (w * (x - cx) * (y - cy)).sum()
        found.append(np.degrees(np.arctan2(2 * xy, xx - yy) / 2))
    return np.array(found)


def test_rotation_is_in_degrees_and_even():
    images = arrow(400)
    turned = np.asarray(augmentation(rotation=30, fill="constant", seed=0)(images, training=True))
    moved = (angles(turned) - angles(images[:1]) + 90) % 180 - 90
    assert abs(moved).max() < 31.5
    counts = np.histogram(moved, np.linspace(-30, 30, 7))[0]
    assert counts.min() > 40  # of 66.7 in each of 6
    np.testing.assert_allclose(turned.sum((1, 2, 3)), images[0].sum(), rtol=0.05)


@pytest.mark.parametrize(("scale", "sizes"), [(0.4, (0.6, 1.4)), ((1.2, 1.4), (1.2, 1.4))])
def test_scale_is_the_size_of_what_is_seen(scale, sizes):
    images = arrow(300)
    scaled = np.asarray(augmentation(scale=scale, fill="constant", seed=1)(images, training=True))
    size = np.sqrt(scaled.sum((1, 2, 3)) / images[0].sum())
    assert sizes[0] - 0.03 < size.min() < sizes[0] + 0.1
    assert sizes[1] - 0.1 < size.max() < sizes[1] + 0.03
    assert abs((angles(scaled) - angles(images[:1]) + 90) % 180 - 90).max() < 3


@pytest.mark.parametrize(
    ("flip", "axes"),
    [
        ("horizontal", [(2,), ()]),
        ("vertical", [(1,), ()]),
        ("horizontal_and_vertical", [(), (1,), (2,), (1, 2)]),
    ],
)
def test_flips_are_as_likely(flip, axes):
    images = arrow(400)
    flipped = np.asarray(augmentation(flip=flip, seed=2)(images, training=True))
    kinds = [(flipped == np.flip(images, axis)).all((1, 2, 3)) for axis in axes]
    counts = np.sum(kinds, axis=1)
    assert counts.sum() == 400
    assert (abs(counts - 400 / len(axes)) < 50).all()


def test_all_together_in_a_model_that_is_saved(tmp_path):
    augment = augmentation(rotation=10, scale=0.1, flip="horizontal", colour=0.2, seed=3)
    assert [layer.name for layer in augment.layers] == [
        *("flip_horizontal", "rotation", "scale", "colour")
    ]
    images = np.random.default_rng(0).random((6, 8, 8, 3)).astype("float32")
    augment.get_layer("colour").adapt(images)
    model = keras.Sequential([keras.Input((8, 8, 3)), augment, keras.layers.Flatten()])
    np.testing.assert_array_equal(model.predict(images, verbose=0), images.reshape(6, -1))
    changed = np.asarray(model(images, training=True))
    assert abs(changed - images.reshape(6, -1)).mean() > 0.02
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    inner = loaded.get_layer("augmentation").get_layer("colour")
    np.testing.assert_array_equal(inner.basis, augment.get_layer("colour").basis)
    # A fresh one draws the same from the same seed; each call and each image draws anew.
    again = augmentation(rotation=10, scale=0.1, flip="horizontal", colour=0.2, seed=3)
    again.get_layer("colour").adapt(images)
    one, two = np.asarray(again(images, training=True)), np.asarray(again(images, training=True))
    np.testing.assert_allclose(one.reshape(6, -1), changed, atol=1e-5)
    assert abs(one - two).max() > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "at least one of rotation, scale, flip and colour"),
        ({"rotation": -1}, "rotation must be 0 to 180 degrees, got -1"),
        ({"rotation": 181}, "got 181"),
        ({"scale": 1.0}, "scale must be a number from 0 to 1.*got 1.0"),
        ({"scale": (1.5, 0.5)}, r"in order, got \(1.5, 0.5\)"),
        ({"scale": -0.1}, "got -0.1"),
        ({"flip": "left"}, "flip must be None or one of horizontal, .*got 'left'"),
        ({"colour": -1}, "colour must be a number from 0 up, got -1"),
        ({"rotation": 5, "fill": "black"}, "fill must be one of .*got 'black'"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        augmentation(**options)


# -- ColourNoise ------------------------------------------------------------------------------


def shifts(layer, count=4000, channels=3):
    """What the layer adds to each of so many images, checked to be one colour for all pixels."""
    images = np.random.default_rng(1).random((count, 2, 2, channels)).astype("float32")
    added = np.asarray(layer(images, training=True)) - images
    np.testing.assert_allclose(added, np.broadcast_to(added[:, :1, :1], added.shape), atol=1e-4)
    return added[:, 0, 0]


def test_unadapted_it_is_noise_on_each_channel():
    added = shifts(ColourNoise(0.5, seed=1))
    np.testing.assert_allclose(np.cov(added.T), np.eye(3) * 0.25, atol=0.02)
    np.testing.assert_allclose(added.mean(0), 0, atol=0.05)


def test_adapted_its_covariance_is_that_of_the_pixels():
    """sigma^2 P diag(s^2) P' is sigma^2 times the pixels' covariance."""
    rng = np.random.default_rng(2)
    mix = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, -1.0], [0.5, 0.0, 1.0]])
    pixels = (rng.normal(size=(20, 9, 7, 3)) @ mix + [100, 5, -7]).astype("float32")
    layer = ColourNoise(0.1, seed=1)
    layer.adapt([pixels[:3], pixels[3:]])
    covariance = np.cov(pixels.reshape(-1, 3).T, bias=True)
    np.testing.assert_allclose(layer.basis @ layer.basis.numpy().T, covariance, rtol=1e-3)
    gram = layer.basis.numpy().T @ layer.basis.numpy()  # the directions are at right angles
    np.testing.assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-3)
    np.testing.assert_allclose(np.cov(shifts(layer).T), 0.01 * covariance, atol=0.02)


def test_other_numbers_of_channels_and_axes():
    layer = ColourNoise(1.0, seed=3)
    assert shifts(layer, 50, channels=5).shape == (50, 5)
    clips = np.zeros((3, 2, 4, 4, 2), "float32")
    assert ColourNoise()(clips, training=True).shape == clips.shape


def test_no_noise_outside_training_or_at_zero():
    images = np.ones((2, 3, 3, 3), "float32")
    np.testing.assert_array_equal(ColourNoise(5.0)(images), images)
    np.testing.assert_array_equal(ColourNoise(0)(images, training=True), images)


def test_mistakes():
    with pytest.raises(ValueError, match="sigma must be a number from 0 up, got -0.1"):
        ColourNoise(-0.1)
    layer = ColourNoise(name="noise")
    with pytest.raises(ValueError, match="noise needs images with a known number of channels"):
        layer.build((None, 4, 4, None))
    with pytest.raises(ValueError, match="needs pixels that are finite, got 0 pixels"):
        layer.adapt([])
    with pytest.raises(ValueError, match="finite"):
        layer.adapt(np.full((1, 1, 1, 3), np.inf))
    layer.adapt(np.ones((1, 2, 2, 3)))
    with pytest.raises(ValueError, match="noise is for images of 3 channels, got 2"):
        layer.adapt(np.ones((1, 2, 2, 2)))
