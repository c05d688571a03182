"""Pooling to an output of a given size."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from ..errors import ShapeMismatch
from .image import check_image, set_integers
from .module import Module
from .module_layer import ModuleLayer

__all__ = ["SpatialAdaptiveAveragePooling", "SpatialAdaptiveMaxPooling"]


class _AdaptivePooling(Module):
    global_class: ClassVar[Any]
    window_class: ClassVar[Any]
    W: int
    H: int

    def __init__(self, W: int, H: int) -> None:
        set_integers(self, 1, W=W, H=H)

    def check(self, x: Any) -> None:
        check_image(x)
        if (self.H, self.W) != (1, 1) and None in x.shape[1:3]:
            raise ShapeMismatch(
                "divides the image and needs to know its height and width",
                fix="state them with graph.Input(shape)",
            )

    def _window(self, x: Any) -> tuple[int, int] | None:
        """The plain windows that these are, where the sizes divide each other."""
        height, width = x.shape[1:3]
        if height is None or width is None or height % self.H or width % self.W:
            return None
        return height // self.H, width // self.W

    def layer_key(self, x: Any) -> Any:
        return None if (self.H, self.W) == (1, 1) else self._window(x)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        if (self.H, self.W) == (1, 1):
            return self.global_class(keepdims=True, name=name)
        window = self._window(x)
        return (
            ModuleLayer(self, name=name) if window is None else self.window_class(window, name=name)
        )

    def compute(self, x: Any, training: bool = False) -> Any:
        for axis, count in ((2, self.W), (1, self.H)):
            parts = [self.pooled(x, axis, start, end) for start, end in _bins(x.shape[axis], count)]
            x = ops.concatenate(parts, axis=axis) if count > 1 else parts[0]
        return x

    def pooled(self, x: Any, axis: int, start: int, end: int) -> Any:
        """What becomes of the elements from `start` to before `end` along `axis`."""
        raise NotImplementedError


def _bins(length: int, count: int) -> list[tuple[int, int]]:
    """Start and end of each part; parts overlap where the sizes do not divide each other."""
    # Torch divides in single precision.
    single = np.float32
    starts = [int(np.floor(single(i * length) / single(count))) for i in range(count)]
    ends = [int(np.ceil(single((i + 1) * length) / single(count))) for i in range(count)]
    return list(zip(starts, ends, strict=True))


def _slices(x: Any, axis: int, places: Sequence[slice]) -> list[Any]:
    before = (slice(None),) * axis
    return [x[(*before, place)] for place in places]


class SpatialAdaptiveMaxPooling(_AdaptivePooling):
    """Largest value of each of ``H x W`` parts of the image.

    Becomes `keras.layers.GlobalMaxPooling2D` for one part and `keras.layers.MaxPooling2D` where
    the sizes divide each other.

    Args:
        W: Width of the output.
        H: Height of the output.

    Shapes:
        ``(batch, h, w, C)`` -> ``(batch, H, W, C)``; part i of the rows is from
        ``floor(i h / H)`` to before ``ceil((i + 1) h / H)``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, the input is no image or
            its size is not known.

    Reference: torch/nn SpatialAdaptiveMaxPooling.lua.
    """

    keras_name = "MaxPooling2D, GlobalMaxPooling2D"
    global_class = keras.layers.GlobalMaxPooling2D
    window_class = keras.layers.MaxPooling2D

    def pooled(self, x: Any, axis: int, start: int, end: int) -> Any:
        # Of equal values the first takes the gradient, as in Torch.
        places = [slice(i, i + 1) for i in range(start, end)]
        return functools.reduce(ops.maximum, _slices(x, axis, places))


class SpatialAdaptiveAveragePooling(_AdaptivePooling):
    """Mean of each of ``H x W`` parts of the image.

    Becomes `keras.layers.GlobalAveragePooling2D` for one part and
    `keras.layers.AveragePooling2D` where the sizes divide each other.

    Args:
        W: Width of the output.
        H: Height of the output.

    Shapes:
        As `SpatialAdaptiveMaxPooling`.

    Raises:
        GraphError: As `SpatialAdaptiveMaxPooling`.

    Reference: torch/nn SpatialAdaptiveAveragePooling.lua.
    """

    keras_name = "AveragePooling2D, GlobalAveragePooling2D"
    global_class = keras.layers.GlobalAveragePooling2D
    window_class = keras.layers.AveragePooling2D

    def pooled(self, x: Any, axis: int, start: int, end: int) -> Any:
        return ops.mean(_slices(x, axis, [slice(start, end)])[0], axis=axis, keepdims=True)
