"""How torch/nn lays windows along one side, and the largest value and the sum of each window."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

__all__ = ["Side", "has_pooling", "slide", "window_max", "window_sums"]


@dataclass(frozen=True)
class Side:
    """How windows lie along one side.

    Attributes:
        kernel: Length of the window, gaps of a dilated one included.
        step: Distance between windows.
        pad: Border on both ends.
        ceil: Whether the number of windows is rounded up.
        clip: Whether a last window that would start beyond the input is dropped.
    """

    kernel: int
    step: int
    pad: int = 0
    ceil: bool = False
    clip: bool = False

    def count(self, length: int) -> int:
        """The number of windows on an input of this length."""
        return (self.pad + length + self.after - self.kernel) // self.step + 1

    @property
    def after(self) -> int:
        """What to add behind an input of any length so that windows rounded down are Torch's.

        Rounding up is rounding down with ``step - 1`` more; what no window covers changes nothing.
        A window starts before the end of the input if no more than ``kernel - 1`` are added.
        """
        if not self.ceil:
            return self.pad
        more = self.pad + self.step - 1
        return min(more, self.kernel - 1) if self.clip else more

    @property
    def least(self) -> int:
        """The shortest input that leaves a window."""
        return max(self.kernel - self.pad - self.after, 1)

    def overshoots(self, length: int) -> bool:
        """Whether the last window holds nothing of the input."""
        return (self.count(length) - 1) * self.step >= length + self.pad

    def is_valid(self, length: int) -> bool:
        """Whether Keras's padding "valid" gives the same windows."""
        return not self.pad and self.count(length) == (length - self.kernel) // self.step + 1

    def is_same(self, length: int) -> bool:
        """Whether Keras's padding "same" gives the same windows."""
        count = -(-length // self.step)
        border = max((count - 1) * self.step + self.kernel - length, 0)
        return self.count(length) == count and self.pad == border // 2


def slide(
    x: Any,
    kernel: Sequence[int],
    steps: Sequence[int],
    dilation: Sequence[int],
    combine: Callable[[Any, Any], Any],
) -> Any:
    """`combine` over each window, one side after the other, the last side first.

    So of equal values the first in Torch's order comes first. It works for every dtype and for
    sides of unknown length.

    Args:
        x: ``(batch, *sides, planes)``.
        kernel: Elements of a window along each side.
        steps: Distances between windows.
        dilation: Distances between the elements of a window.
        combine: An associative function of two tensors.
    """
    for axis in reversed(range(len(kernel))):
        k, step, gap = kernel[axis], steps[axis], dilation[axis]
        if k == step == 1:
            continue
        before = (slice(None),) * (axis + 1)
        places = ((i * gap, (i + 1 - k) * gap or None) for i in range(k))
        x = functools.reduce(combine, [x[(*before, slice(*p, step))] for p in places])
    return x


def window_max(x: Any, kernel: Sequence[int], steps: Sequence[int], dilation: Sequence[int]) -> Any:
    """The largest value of each window that lies wholly within `x`."""
    if max(dilation) > 1 or not has_pooling(x):
        return slide(x, kernel, steps, dilation, ops.maximum)
    return ops.max_pool(x, tuple(kernel), tuple(steps), padding="valid")


def window_sums(x: Any, kernel: Sequence[int], steps: Sequence[int]) -> Any:
    """The sum of each window that lies wholly within `x`."""
    if not has_pooling(x):
        return slide(x, kernel, steps, (1,) * len(kernel), ops.add)
    means = ops.average_pool(x, tuple(kernel), tuple(steps), padding="valid")
    return means * math.prod(kernel)


def has_pooling(x: Any) -> bool:
    """Whether Keras can pool `x` at all: TensorFlow lacks volumes of double precision."""
    return len(x.shape) < 5 or keras.backend.standardize_dtype(x.dtype) != "float64"
