"""A metric of all pairs (y_true, y_pred): of every pair, of a random choice, or of their bins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from ._kept_rows import KeptRows
from ._ranks import one_per_sample, sums_at

__all__ = ["PairedMetric"]


class PairedMetric(KeptRows):
    """Keeps the pairs of values, or counts them in the cells of a table.

    A cell is a pair of bin numbers with a weight, and weights count samples: so one formula,
    `_value`, serves the kept pairs and the table.

    Args:
        capacity: See `KeptRows`; not used with `edges`.
        overflow: See `KeptRows`.
        seed: See `KeptRows`.
        edges: `(edges of y_true, edges of y_pred)`, each ascending. `k` edges make `k + 1` bins,
            an edge belongs to the bin above it.
        name: A name for the metric.
        dtype: The dtype that values and counts are kept in.
    """

    _direction = "up"  # what EarlyStopping(mode="auto") asks for

    def __init__(
        self,
        capacity: int,
        overflow: str,
        seed: int,
        edges: tuple[Sequence[float], Sequence[float]] | None,
        name: str | None,
        dtype: Any,
    ) -> None:
        super().__init__(capacity, overflow, seed, name, dtype)
        self.edges = None if edges is None else _checked(edges)
        if self.edges is None:
            column = ((), self.dtype)
            self._reserve(y_true=column, y_pred=column, weight=column)
        else:
            rows, columns = (len(e) + 1 for e in self.edges)
            self._table = self.add_variable(
                (rows * columns,), "zeros", dtype=self.dtype, name="table"
            )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: `y_true` and `y_pred` of shape `(batch,)` or `(batch, 1)`."""
        x, y = (one_per_sample(ops.cast(v, self.dtype), self.name) for v in (y_true, y_pred))
        if x.shape[0] is not None and y.shape[0] is not None and x.shape[0] != y.shape[0]:
            raise ValueError(
                f"{self.name} needs y_true and y_pred of one length; "
                f"got {x.shape[0]} and {y.shape[0]}"
            )
        w = ops.ones_like(x)
        if sample_weight is not None:
            given = ops.cast(sample_weight, self.dtype)
            w = w * (given if len(given.shape) == 0 else one_per_sample(given, self.name))
        if self.edges is None:
            self._keep(y_true=x, y_pred=y, weight=w)
            return
        counts = ops.logical_and(w != 0, ops.isnan(x + y))
        w = ops.where(counts, ops.ones_like(w) * np.nan, w)  # no bin is right for a NaN
        i, j = (_bins(v, e) for v, e in zip((x, y), self.edges, strict=True))
        cell = i * (len(self.edges[1]) + 1) + j
        self._table.assign(self._table.value + sums_at(cell, w, self._table.shape[0]))

    def result(self) -> Any:
        """The metric of all samples so far, a scalar."""
        if self.edges is None:
            value = self._value(*(self._rows[k].value for k in ("y_true", "y_pred", "weight")))
            return self._whole(ops.cast(value, self.dtype))
        rows, columns = (len(e) + 1 for e in self.edges)
        # XLA would take minutes to sort a constant in advance: no cell is below zero.
        cells = ops.arange(rows * columns, dtype="int32") + ops.cast(self._table.value < 0, "int32")
        value = self._value(cells // columns, cells % columns, self._table.value)
        return ops.cast(value, self.dtype)

    def bounds(self) -> tuple[float, float]:
        """Between which values the metric of all samples lies; call it outside compiled code.

        Returns:
            Twice the result where it is exact. With `edges`, two numbers between which the exact
            value is sure to lie. Of a random choice, two standard errors below and above.
        """
        value = float(ops.convert_to_numpy(self.result()))
        if self.edges is not None:
            rows, columns = (len(e) + 1 for e in self.edges)
            table = np.asarray(ops.convert_to_numpy(self._table.value), "float64")
            low, high = self._binned_bounds(value, table.reshape(rows, columns))
        elif (self._seen_now() or 0) <= self.capacity:
            low, high = value, value
        else:
            error = 2 * self._standard_error(value)
            low, high = value - error, value + error
        return float(low), float(high)

    def _value(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        raise NotImplementedError

    def _binned_bounds(self, value: float, table: np.ndarray) -> tuple[float, float]:
        raise NotImplementedError

    def _standard_error(self, value: float) -> float:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "edges": self.edges}


def _checked(edges: Any) -> tuple[list[float], list[float]]:
    pair = [np.asarray(e, "float64") for e in edges]
    if len(pair) != 2 or any(e.ndim != 1 or not len(e) or (np.diff(e) <= 0).any() for e in pair):
        raise ValueError(
            "edges must be (edges of y_true, edges of y_pred), each a list of ascending numbers; "
            f"got {edges!r}"
        )
    return pair[0].tolist(), pair[1].tolist()


def _bins(values: Any, edges: list[float]) -> Any:
    above = ops.expand_dims(values, 1) >= ops.cast(edges, values.dtype)
    return ops.sum(ops.cast(above, "int32"), axis=1)
