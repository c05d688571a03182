"""Statistics of what one layer answers, gathered batch by batch."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

__all__ = ["Tally"]

_SATURATED = 0.01  # of the range, from either end
_RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
}


class Tally:
    """Counts that grow with every batch; their size does not.

    Args:
        layer: the layer, for its activation.

    Attributes:
        units: length of the last axis; 1 for outputs `(batch,)`.
        not_finite: values that are NaN or infinite.

    Example:
        >>> tally = Tally(keras.layers.ReLU())
        >>> tally.add(np.array([[0.0, 2.0]]))
        >>> tally.add(np.array([[0.0, 4.0]]))
        >>> tally.mean, tally.dead, tally.sparsity
        (1.5, 1, 0.5)
    """

    def __init__(self, layer: Any) -> None:
        kind = _activation(layer)
        self._range, self._rectifies = _RANGES.get(kind or ""), kind in ("relu", "relu6")
        self.units, self.not_finite = 1, 0
        self._values = self._finite = self._zeros = self._at_an_end = 0
        self._mean = self._squares = 0.0
        self._fired: Any = None

    def add(self, value: Any) -> None:
        """Count the layer's output for a batch: a tensor, or a structure of them.

        What holds no numbers is left out.
        """
        for number, leaf in enumerate(keras.tree.flatten(value)):
            array = np.asarray(keras.ops.convert_to_numpy(leaf))
            if array.dtype.kind in "OSU":
                continue
            # V: bfloat16 and the float8 types
            array = array.astype("float32") if array.dtype.kind == "V" else array
            self._count(array)
            if number == 0:
                self.units = array.shape[-1] if array.ndim > 1 else 1
                if self._rectifies:
                    fired = np.any((array > 0).reshape(-1, self.units), axis=0)
                    self._fired = fired if self._fired is None else self._fired | fired

    def _count(self, array: np.ndarray) -> None:
        self._values += array.size
        self._zeros += array.size - int(np.count_nonzero(array))
        finite = array if array.dtype.kind != "f" else array[np.isfinite(array)]
        self.not_finite += array.size - finite.size
        if self._range is not None:
            low, high = self._range
            edge = (high - low) * _SATURATED
            self._at_an_end += int(np.count_nonzero((array < low + edge) | (array > high - edge)))
        if finite.size:
            # Chan, Golub and LeVeque: sums of squares about the means, put together.
            mean = float(finite.mean(dtype="float64"))
            total = self._finite + finite.size
            apart = mean - self._mean
            squares = finite.size * float(finite.std(dtype="float64")) ** 2
            self._squares += squares + apart**2 * self._finite * finite.size / total
            self._mean += apart * finite.size / total
            self._finite = total

    @property
    def mean(self) -> float:
        """Of the finite values; nan where there are none."""
        return self._mean if self._finite else math.nan

    @property
    def std(self) -> float:
        """Of the finite values; nan where there are none."""
        return math.sqrt(self._squares / self._finite) if self._finite else math.nan

    @property
    def sparsity(self) -> float:
        """Share of exact zeros."""
        return self._zeros / self._values if self._values else math.nan

    @property
    def dead(self) -> int | None:
        """Units of a ReLU that were never above zero; None for other layers."""
        return None if self._fired is None else int((~self._fired).sum())

    @property
    def saturated(self) -> float | None:
        """Share of values near an end of the range of a sigmoid or tanh; None for others."""
        return None if self._range is None or not self._values else self._at_an_end / self._values


def _activation(layer: Any) -> str | None:
    if isinstance(layer, keras.layers.ReLU):
        return None if np.any(layer.negative_slope) else "relu"
    if isinstance(layer, keras.layers.RNN):
        return None  # its gates' functions are not those of what it answers
    return getattr(getattr(layer, "activation", None), "__name__", type(layer).__name__.lower())
