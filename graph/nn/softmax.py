"""Softmax of what is turned round, and of every pixel by itself."""

from __future__ import annotations

from typing import Any

from keras import ops

from .activation import LogSoftMax, SoftMax
from .pointwise import Pointwise

__all__ = ["SoftMin", "SpatialLogSoftMax", "SpatialSoftMax"]


class SoftMin(Pointwise):
    """``SoftMax(-x)`` over features or planes, the last axis.

    Shapes:
        ``(batch, n)`` or ``(batch, H, W, n)`` -> the same.

    Reference: torch/nn SoftMin.lua.
    """

    keras_name = "(ops.softmax)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """The softmax."""
        return ops.softmax(-x, axis=-1)


class SpatialSoftMax(SoftMax):
    """Softmax over the planes at every pixel; becomes `keras.layers.Softmax`.

    Shapes:
        ``(batch, H, W, planes)`` -> the same.

    Reference: torch/nn SpatialSoftMax.lua.
    """


class SpatialLogSoftMax(LogSoftMax):
    """Logarithm of the softmax over the planes at every pixel.

    Becomes `keras.layers.Activation`.

    Shapes:
        ``(batch, H, W, planes)`` -> the same.

    Reference: torch/nn SpatialLogSoftMax.lua.
    """
