"""Darknet's max pooling."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from graph import nn
from graph.errors import GraphError
from graph.nn.image import check_image
from graph.nn.module_layer import ModuleLayer
from graph.nn.windows import window_max

__all__ = ["DarknetMaxPooling"]


class DarknetMaxPooling(nn.Module):
    """Largest value of each window, `padding` pixels of border in all; half of it comes first.

    Becomes `keras.layers.MaxPooling2D` where that lays the same windows. A padding of ``"same"``
    does not for an even side, size 3 and stride 2: its first window starts at pixel 0, Darknet's
    at -1.

    Args:
        size: Side of a window.
        stride: Distance between windows. Default: `size`.
        padding: Rows, and columns, of border in all, at most ``2 * (size - 1)``.
            Default: ``size - 1``.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, oH, oW, C)`` with
        ``oH = floor((H + padding - size) / stride) + 1``.

    Raises:
        GraphError: The border is wider than that; at lowering, the input is no image or smaller
            than a window.

    Reference: pjreddie/darknet src/maxpool_layer.c.
    """

    keras_name = "MaxPooling2D"

    def __init__(self, size: int, stride: int | None = None, padding: int | None = None) -> None:
        self.size = int(size)
        self.stride = self.size if stride is None else int(stride)
        self.padding = self.size - 1 if padding is None else int(padding)
        if not 0 <= self.padding <= 2 * (self.size - 1) or self.stride < 1:
            raise GraphError(
                f"a window of {self.size} pixels takes a padding of 0 to {2 * (self.size - 1)} and "
                f"a stride of 1 or more, got {self.padding} and {self.stride}"
            )

    def check(self, x: Any) -> None:
        check_image(x, least=(max(self.size - self.padding, 1),) * 2)

    def stock_padding(self, x: Any) -> str | None:
        """Keras's padding that lays the same windows over `x`; None where neither does."""
        sides = x.shape[1:-1]
        if not self.padding or all(map(self._is_valid, sides)):
            return "valid"
        return "same" if all(map(self._is_same, sides)) else None

    def _count(self, side: int) -> int:
        return (side + self.padding - self.size) // self.stride + 1

    def _is_valid(self, side: int | None) -> bool:
        if side is None or self.padding // 2:
            return False
        return side >= self.size and self._count(side) == (side - self.size) // self.stride + 1

    def _is_same(self, side: int | None) -> bool:
        if side is None or self._count(side) != -(-side // self.stride):
            return False
        border = max((self._count(side) - 1) * self.stride + self.size - side, 0)
        return border // 2 == self.padding // 2

    def layer_key(self, x: Any) -> Any:
        return self.stock_padding(x)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        padding = self.stock_padding(x)
        if padding is None:
            return ModuleLayer(self, name=name)
        return keras.layers.MaxPooling2D(self.size, self.stride, padding, name=name)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The largest values."""
        before = self.padding // 2
        border = (before, self.padding - before)
        x = ops.pad(x, ((0, 0), border, border, (0, 0)), constant_values=-float("inf"))
        return window_max(x, (self.size,) * 2, (self.stride,) * 2, (1, 1))
