"""How Darknet prepares an image: divided by 255, resized, put on a grey ground."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

__all__ = ["center_crop", "letterbox", "preprocess_input", "resize"]


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale pixel values from 0..255 to 0..1; no mean is taken off and the order stays RGB.

    Args:
        x: Array or tensor of RGB pixels, 0 to 255.
        data_format: ``"channels_last"``, ``"channels_first"`` or None; all the same here, as
            every channel is treated alike.

    Returns:
        ``x / 255``, in Keras's floating type; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: `data_format` is none of these.

    Reference: pjreddie/darknet src/image.c `load_image_stb`.
    """
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f"data_format must be 'channels_last', 'channels_first' or None, got {data_format!r}"
        )
    if isinstance(x, np.ndarray):
        return x.astype(keras.config.floatx(), copy=False) / 255
    return keras.ops.cast(x, keras.config.floatx()) / 255


def resize(image: Any, height: int, width: int) -> np.ndarray:
    """Bilinear interpolation between corners that stay in place, along rows and then columns.

    In float32 step by step as Darknet does it, so that the last row is that of Darknet too:
    where ``(height - 1) * scale`` is rounded down, it comes out nearly black.

    Args:
        image: ``(H, W, channels)``.
        height: Height of the result.
        width: Width of the result.

    Returns:
        ``(height, width, channels)``, float32.

    Raises:
        ValueError: `image` is no image, or a size is not positive.

    Reference: pjreddie/darknet src/image.c `resize_image`.
    """
    x = _checked(image, height, width)
    one = np.float32(1)
    left, share = _places(x.shape[1], width)
    right = np.minimum(left + 1, x.shape[1] - 1)
    share = share[:, None]
    part = (one - share) * x[:, left] + share * x[:, right]
    part[:, -1] = x[:, -1]
    top, share = _places(x.shape[0], height)
    share = share[:, None, None]
    below = share * part[np.minimum(top + 1, x.shape[0] - 1)]
    below[-1] = 0
    return (one - share) * part[top] + below


def _places(before: int, after: int) -> tuple[np.ndarray, np.ndarray]:
    """Which pixel each new one lies behind, and how far, in float32."""
    if before == 1 or after == 1:  # Darknet divides by 0 where there is one pixel, and takes it.
        return np.zeros(after, "int64"), np.zeros(after, "float32")
    scale = np.float32(before - 1) / np.float32(after - 1)
    exact = np.arange(after, dtype="float32") * scale
    whole = exact.astype("int64")
    return whole, exact - whole.astype("float32")


def letterbox(image: Any, height: int, width: int) -> np.ndarray:
    """Resize to fit within a frame, sides kept in proportion, and fill the rest with 0.5.

    Args:
        image: ``(H, W, channels)`` of values 0..1, as `preprocess_input` gives.
        height: Height of the frame.
        width: Width of the frame.

    Returns:
        ``(height, width, channels)``, float32.

    Raises:
        ValueError: `image` is no image, or a size is not positive.

    Reference: pjreddie/darknet src/image.c `letterbox_image`.
    """
    x = _checked(image, height, width)
    rows, columns = x.shape[:2]
    if np.float32(width) / np.float32(columns) < np.float32(height) / np.float32(rows):
        new_height, new_width = rows * width // columns, width
    else:
        new_height, new_width = height, columns * height // rows
    boxed = np.full((height, width, x.shape[2]), 0.5, "float32")
    if new_height and new_width:
        top, left = (height - new_height) // 2, (width - new_width) // 2
        part = resize(x, new_height, new_width)
        boxed[top : top + new_height, left : left + new_width] = part
    return boxed


def center_crop(image: Any, height: int, width: int) -> np.ndarray:
    """Cut the largest square out of the middle and resize it.

    Args:
        image: ``(H, W, channels)``.
        height: Height of the result.
        width: Width of the result.

    Returns:
        ``(height, width, channels)``, float32.

    Raises:
        ValueError: `image` is no image, or a size is not positive.

    Reference: pjreddie/darknet src/image.c `center_crop_image`.
    """
    x = _checked(image, height, width)
    rows, columns = x.shape[:2]
    side = min(rows, columns)
    top, left = (rows - side) // 2, (columns - side) // 2
    return resize(x[top : top + side, left : left + side], height, width)


def _checked(image: Any, height: int, width: int) -> np.ndarray:
    x = np.asarray(image)
    if x.ndim != 3 or 0 in x.shape:
        raise ValueError(f"image must be (height, width, channels), got shape {x.shape}")
    if height < 1 or width < 1:
        raise ValueError(f"height and width must be 1 or more, got {height} and {width}")
    return x.astype("float32", copy=False)
