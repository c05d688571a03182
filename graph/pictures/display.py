"""Many small images as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["to_display_tensor"]


def to_display_tensor(
    tensor: Any,
    *,
    padding: int = 0,
    nrow: int = 6,
    scale_each: bool = False,
    symmetric: bool = False,
    saturate: bool = True,
    min: float | None = None,  # noqa: A002 - Torch's names
    max: float | None = None,  # noqa: A002
) -> np.ndarray:
    """Lay images out on a grid and bring their values to 0..1, as Torch's toDisplayTensor.

    `(x - min) / (max - min)`. Channels are last here, where Torch has them first. The padding
    takes the largest value of the images: half of it (rounded down) above and to the left. A
    range of one single value is not divided by.

    Args:
        tensor: one image `(H, W)`, `(H, W, 1)` or `(H, W, 3)`; the maps of one image
            `(H, W, K)`; images `(N, H, W, 1)` or `(N, H, W, 3)`; or a list of images of one
            shape, `(H, W)`, `(H, W, 1)` or `(H, W, 3)`.
        padding: pixels between images. Default 0.
        nrow: images in a row. Default 6.
        scale_each: give every image its own range. Default False: one for all.
        symmetric: where `min` is not given, `min = -a` and (if not given) `max = a`, with `a`
            the largest absolute value; zero is then mid-grey. With `min` given and `max` not,
            Torch divides by nothing, and so does this. Default False.
        saturate: cut to 0..1 where `min` or `max` is given. Default True.
        min: the value that becomes 0. Default: the smallest.
        max: the value that becomes 1. Default: the largest.

    Returns:
        float64: `(H, W)`, `(H, W, 1)` or `(H, W, 3)` for one image; the grid `(rows, columns)`
        for maps, `(rows, columns, C)` for images and lists.

    Raises:
        ValueError: the shape is none of these, the images differ in shape or hold nothing,
            `padding` is negative or `nrow` is below 1.

    Reference: torch/image init.lua, `image.toDisplayTensor` and `image.minmax`.

    Example:
        >>> to_display_tensor([np.array([[0.0, 2.0]]), np.array([[4.0, 1.0]])], nrow=1)[..., 0]
        array([[0.  , 0.5 ],
               [1.  , 0.25]])
    """
    if padding < 0 or nrow < 1:
        raise ValueError(f"padding must be 0 or more and nrow 1 or more, got {padding} and {nrow}")
    packed = _packed(tensor)
    if packed.size == 0:
        raise ValueError(f"nothing to display in a shape of {packed.shape}")
    if packed.ndim == 2 or (packed.ndim == 3 and packed.shape[-1] in (1, 3)):
        return _scaled(packed, min, max, symmetric, saturate)
    if packed.ndim == 3:
        images = np.moveaxis(packed, -1, 0)
    elif packed.ndim == 4 and packed.shape[-1] in (1, 3):
        images = packed
    else:
        raise ValueError(
            f"cannot display a shape of {packed.shape}: it must be (H, W), (H, W, K), "
            "(N, H, W, 1) or (N, H, W, 3), or a list of images"
        )
    if scale_each:
        images = np.stack([_scaled(image, min, max, symmetric, saturate) for image in images])
        return _grid(images, padding, nrow)
    return _scaled(_grid(images, padding, nrow), min, max, symmetric, saturate)


def _packed(tensor: Any) -> np.ndarray:
    if not isinstance(tensor, (list, tuple)):
        return np.array(tensor, dtype="float64")
    images = [np.asarray(image, dtype="float64") for image in tensor]
    if not images:
        raise ValueError("nothing to display: the list is empty")
    shapes = list(dict.fromkeys(image.shape for image in images))
    if len(shapes) > 1:
        raise ValueError(f"the images differ in shape: {', '.join(map(str, shapes))}")
    if images[0].ndim not in (2, 3):
        raise ValueError(f"the images of a list are (H, W) or (H, W, C), got {shapes[0]}")
    packed = np.stack(images)
    return packed[..., None] if packed.ndim == 3 else packed


def _grid(images: np.ndarray, padding: int, nrow: int) -> np.ndarray:
    count, height, width = images.shape[:3]
    columns = count if count < nrow else nrow
    rows = -(-count // columns)
    tall, wide, before = height + padding, width + padding, padding // 2
    grid = np.full((rows * tall, columns * wide, *images.shape[3:]), images.max())
    for k, image in enumerate(images):
        top, left = k // columns * tall + before, k % columns * wide + before
        grid[top : top + height, left : left + width] = image
    return grid


def _scaled(
    image: np.ndarray, low: float | None, high: float | None, symmetric: bool, saturate: bool
) -> np.ndarray:
    cut = saturate and not (low is None and high is None)
    bound = 0.0
    if low is None:
        bound = float(np.abs(image).max()) if symmetric else 0.0
        low = -bound if symmetric else float(image.min())
    image = image - low
    if high is not None:
        span = high - low
    else:
        span = 2 * bound if symmetric else float(image.max())
    if span != 0:
        image = image / span
    return np.clip(image, 0.0, 1.0) if cut else image


def tile(images: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Tiles of one shape with a gap of one pixel of NaN, which is drawn as nothing."""
    height, width = images[0].shape[:2]
    rows = -(-len(images) // columns)
    grid = np.full(
        (rows * (height + 1) - 1, columns * (width + 1) - 1, *images[0].shape[2:]), np.nan
    )
    for k, image in enumerate(images):
        top, left = k // columns * (height + 1), k % columns * (width + 1)
        grid[top : top + height, left : left + width] = image
    return grid
