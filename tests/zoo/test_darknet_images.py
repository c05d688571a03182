"""Darknet's preparation of images against its own."""

import keras
import numpy as np
import pytest
from darknet_cases import oracle

from zoo import darknet_reference, tiny_darknet
from zoo.darknet import center_crop, letterbox, preprocess_input, resize

PREP = oracle() / "prep"
SIZES = {"land_320x213": (64, 64), "port_150x301": (48, 64)}  # Height and width.


def pixels(name):
    import tensorflow as tf

    return tf.io.decode_png((PREP / f"{name}.png").read_bytes(), channels=3).numpy()


@pytest.mark.parametrize(
    ("function", "file"),
    [(letterbox, "letterbox"), (resize, "resize"), (center_crop, "centercrop")],
)
@pytest.mark.parametrize("name", SIZES)
def test_is_darknets(function, file, name):
    height, width = SIZES[name]
    (path,) = PREP.glob(f"{name}.{file}_*.npy")
    expected = np.moveaxis(np.load(path), 0, -1)
    height, width = expected.shape[:2]
    got = function(preprocess_input(pixels(name)), height, width)
    assert got.dtype == "float32" and got.shape == expected.shape
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_the_frame_is_grey():
    image = np.zeros((2, 6, 3), "float32")
    boxed = letterbox(image, 9, 12)
    assert boxed.shape == (9, 12, 3)
    rows = boxed[:, 0, 0]
    np.testing.assert_array_equal(rows, [0.5] * 2 + [0] * 4 + [0.5] * 3)
    wide = letterbox(np.ones((8, 2, 1)), 4, 5)
    np.testing.assert_array_equal(wide[0, :, 0], [0.5, 0.5, 1, 0.5, 0.5])
    assert (letterbox(np.ones((300, 1, 1)), 3, 4) == 0.5).all()  # Nothing is left of it.


def naive_resize(image, height, width):
    """`resize_image` of src/image.c, pixel by pixel in float32."""
    f = np.float32
    rows, columns, planes = image.shape
    part = np.zeros((rows, width, planes), "float32")
    out = np.zeros((height, width, planes), "float32")
    scale = f(columns - 1) / f(max(width - 1, 1))
    for r in range(rows):
        for c in range(width):
            if c == width - 1 or columns == 1:
                part[r, c] = image[r, columns - 1]
            else:
                x = f(c) * scale
                i, d = int(x), x - f(int(x))
                part[r, c] = (f(1) - d) * image[r, i] + d * image[r, i + 1]
    scale = f(rows - 1) / f(max(height - 1, 1))
    for r in range(height):
        y = f(r) * scale
        i, d = int(y), y - f(int(y))
        out[r] = (f(1) - d) * part[i]
        if r != height - 1 and rows != 1:
            out[r] += d * part[i + 1]
    return out


def test_every_size_is_that_of_the_loops():
    rng = np.random.default_rng(0)
    dark = 0
    for rows, columns, height, width in [
        (5, 7, 11, 3), (1, 4, 6, 9), (4, 1, 2, 5), (6, 6, 6, 6), (9, 2, 20, 1), (3, 3, 99, 98),
        *((n, 5, 3 * n + 1, 4) for n in range(20, 90, 7)),
    ]:  # fmt: skip
        image = rng.uniform(0.5, 1, (rows, columns, 2)).astype("float32")
        got, expected = resize(image, height, width), naive_resize(image, height, width)
        np.testing.assert_allclose(got, expected, atol=1e-6)
        dark += expected[-1].max() < 0.1
    assert dark  # Darknet's rounding of the last row was among them.


def test_preprocess_input_divides_by_255():
    x = np.array([0, 51, 255], "uint8").reshape(1, 1, 1, 3)
    for module in (tiny_darknet, darknet_reference):
        y = module.preprocess_input(x)
        assert isinstance(y, np.ndarray) and y.dtype == "float32"
        np.testing.assert_allclose(y.ravel(), [0, 0.2, 1], rtol=1e-6)
        assert module.letterbox is letterbox
    tensor = preprocess_input(keras.ops.convert_to_tensor(x))
    assert keras.ops.is_tensor(tensor)
    np.testing.assert_allclose(np.ravel(tensor), [0, 0.2, 1], rtol=1e-6)
    assert x.dtype == "uint8"


def test_bad_arguments():
    with pytest.raises(ValueError, match="data_format must be"):
        preprocess_input(np.zeros((1, 2, 2, 3)), "last")
    for function in (letterbox, resize, center_crop):
        with pytest.raises(ValueError, match=r"must be \(height, width, channels\)"):
            function(np.zeros((1, 2, 2, 3)), 4, 4)
        with pytest.raises(ValueError, match="1 or more, got 0 and 4"):
            function(np.zeros((2, 2, 3)), 0, 4)
