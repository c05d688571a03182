"""Darknet's layers that add or rearrange whole maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from graph import nn
from graph.errors import ShapeMismatch
from graph.nn.image import check_image

__all__ = ["DarknetReorg", "DarknetShortcut", "UnitChannels"]


class DarknetShortcut(nn.Module):
    """``alpha * x + beta * y`` where the maps of `x` and `y` lie over each other, `x` elsewhere.

    Maps of unlike sizes are aligned at the first channel, row and column; of the larger one every
    n-th row and column takes part, n being the ratio of the widths, rounded down.

    Args:
        alpha: Factor of the first maps. Default: 1.
        beta: Factor of the second maps. Default: 1.

    Shapes:
        A table of ``(batch, H, W, C)`` and ``(batch, h, w, c)`` -> ``(batch, H, W, C)``.

    Raises:
        GraphError: At lowering, no such table, or the ratios of widths and heights differ.

    Reference: pjreddie/darknet src/shortcut_layer.c, src/blas.c `shortcut_cpu`.
    """

    keras_name = "(ops.add)"

    def __init__(self, alpha: float = 1.0, beta: float = 1.0) -> None:
        self.alpha = float(alpha)
        self.beta = float(beta)

    def check(self, x: Any) -> None:
        if not isinstance(x, list) or len(x) != 2 or any(len(part.shape) != 4 for part in x):
            raise ShapeMismatch("takes a table of two tensors of maps")
        if any(None in part.shape[1:] for part in x):
            raise ShapeMismatch("needs maps of known sizes")
        (height, width), (h, w) = x[0].shape[1:3], x[1].shape[1:3]
        if (w // width, width // w) != (h // height, height // h):
            raise ShapeMismatch("takes maps whose heights have the ratio of their widths")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The sum."""
        first, second = x
        own, other = first.shape[1:], second.shape[1:]
        stride, sample = max(other[1] // own[1], 1), max(own[1] // other[1], 1)
        rows, columns, planes = (min(a, b) for a, b in zip(own, other, strict=True))
        part = second[:, : rows * stride : stride, : columns * stride : stride, :planes]
        if sample > 1:  # Zeros between the pixels.
            part = ops.reshape(part, (-1, rows, 1, columns, 1, planes))
            gap = (0, sample - 1)
            part = ops.pad(part, ((0, 0), (0, 0), gap, (0, 0), gap, (0, 0)))
            part = ops.reshape(part, (-1, rows * sample, columns * sample, planes))
        missing = [(0, a - b) for a, b in zip(own, part.shape[1:], strict=True)]
        part = ops.pad(part, ((0, 0), *missing))
        if self.alpha != 1:
            factor = np.ones(own, "float32")
            factor[: rows * sample : sample, : columns * sample : sample, :planes] = self.alpha
            first = first * ops.convert_to_tensor(factor, dtype=first.dtype)
        return first + self.beta * part


class DarknetReorg(nn.Module):
    """Moves blocks of ``stride x stride`` pixels into channels, or back, in Darknet's order.

    Forward, Darknet reads the maps as if there were fewer and larger ones: the memory of
    ``C`` maps of ``H x W`` as ``C / stride^2`` maps of ``H stride x W stride``. Reverse is plain.

    Args:
        stride: Side of a block.
        reverse: Whether channels become pixels. Default: False.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, H / stride, W / stride, C * stride^2)``, or, reverse,
        ``(batch, H * stride, W * stride, C / stride^2)``.

    Raises:
        GraphError: At lowering, `stride` squared does not divide the channels, or, forward,
            `stride` the sides.

    Reference: pjreddie/darknet src/reorg_layer.c, src/blas.c `reorg_cpu`.
    """

    keras_name = "(ops.reshape, ops.transpose)"

    def __init__(self, stride: int, reverse: bool = False) -> None:
        self.stride = int(stride)
        self.reverse = bool(reverse)

    def check(self, x: Any) -> None:
        check_image(x)
        height, width, channels = x.shape[1:]
        divides = channels % self.stride**2 == 0
        if not self.reverse:
            divides = divides and height % self.stride == 0 and width % self.stride == 0
        if not divides:
            raise ShapeMismatch(f"cannot cut its input into blocks of {self.stride} pixels")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The maps in their new places."""
        s = self.stride
        height, width, channels = x.shape[1:]
        few = channels // s**2
        x = ops.transpose(x, (0, 3, 1, 2))
        if self.reverse:
            x = ops.reshape(x, (-1, s, s, few, height, width))
            x = ops.transpose(x, (0, 3, 4, 1, 5, 2))  # channel, row, row in block, column, ...
            shape = (few, height * s, width * s)
        else:
            x = ops.reshape(x, (-1, few, height, s, width, s))
            x = ops.transpose(x, (0, 3, 5, 1, 2, 4))
            shape = (channels * s**2, height // s, width // s)
        return ops.transpose(ops.reshape(x, (-1, *shape)), (0, 2, 3, 1))


class UnitChannels(nn.Module):
    """``x / sqrt(sum of x^2)`` over the channels of every pixel; 0 / 0 is not a number.

    Shapes:
        ``(batch, ..., C)`` -> the same.

    Reference: pjreddie/darknet src/l2norm_layer.c.
    """

    keras_name = "(ops.sqrt)"
    keeps_shape = True

    def __init__(self) -> None:
        pass

    def compute(self, x: Any, training: bool = False) -> Any:
        """The vectors of length 1."""
        return x / ops.sqrt(ops.sum(ops.square(x), axis=-1, keepdims=True))
