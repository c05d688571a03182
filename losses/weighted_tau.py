"""Kendall's tau that counts exchanges at the top more than those at the bottom."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._kept_rows import KeptRows
from ._pairs import Order, count_pairs, order_of
from ._ranks import has_nan, one_per_sample, paired, ratio, running

__all__ = ["WeightedTau", "weighted_tau"]


@keras.saving.register_keras_serializable(package="nngraph")
def weighted_tau(y_true: Any, y_pred: Any) -> Any:
    """Kendall's tau-b with pairs weighted by the ranks of their two samples.

    A sample of rank `r`, the highest being 0, weighs `1 / (r + 1)`, and a pair the sum of its
    two weights. The value is the mean of two: ranks by `y_true` (ties by `y_pred`), and ranks by
    `y_pred` (ties by `y_true`).

    Args:
        y_true: Numbers of shape `(n,)` or `(n, 1)`.
        y_pred: Numbers of the same shape.

    Returns:
        A scalar between -1 and 1; NaN for fewer than two samples, if all values of one input
        are equal, or if a NaN is among them (which `scipy.stats.weightedtau` ranks lowest).

    Raises:
        ValueError: If there is not one value per sample, if the lengths differ, or if a graph
            is traced in which the number of samples is unknown.

    References:
        Vigna: A Weighted Correlation Index for Rankings with Ties, 2015.
        Twin: `scipy.stats.weightedtau` with its defaults (hyperbolic, additive, `rank=True`).

    Example:
        >>> print(f"{float(weighted_tau([1, 2, 3, 4], [0.1, 0.3, 0.2, 9.0])):.2f}")
        0.73
    """
    x, y, w = paired(y_true, y_pred, None, "weighted_tau")
    return _both_ways(x, y, w)


@keras.saving.register_keras_serializable(package="nngraph")
class WeightedTau(KeptRows):
    """The weighted tau of all samples of an epoch; see `weighted_tau`.

    Exact over batches, up to `capacity` samples. A sample has no weight other than that of its
    rank.

    Args:
        capacity: The number of samples there is room for. Each result costs a sort of them, and
            `fit` asks for one after each batch.
        overflow: "error" or "sample": whether more samples are an error, or a random choice of
            `capacity` of them is kept, of which the value is then told. Compiled code cannot
            raise: there the value is NaN, and `fit` and `evaluate` raise the ValueError at the
            end of the epoch.
        seed: Of the random choice.
        name: A name for the metric.
        dtype: The dtype the samples are kept in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an argument is not as above, if there are too many samples, or if
            `sample_weight` is given.

    Example:
        >>> metric = WeightedTau()
        >>> metric.update_state([1, 2], [0.1, 0.3])
        >>> metric.update_state([3, 4], [0.2, 9.0])
        >>> print(f"{float(metric.result()):.2f}")
        0.73
    """

    _direction = "up"  # what EarlyStopping(mode="auto") asks for

    def __init__(
        self,
        capacity: int = 16384,
        overflow: str = "error",
        seed: int = 0,
        name: str | None = "weighted_tau",
        dtype: Any = None,
    ) -> None:
        super().__init__(capacity, overflow, seed, name, dtype)
        column = ((), self.dtype)
        self._reserve(y_true=column, y_pred=column, present=column)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: `y_true` and `y_pred` of shape `(batch,)` or `(batch, 1)`."""
        if sample_weight is not None:
            raise ValueError(f"{self.name} takes no sample_weight: ranks are its weights")
        x, y = (one_per_sample(ops.cast(v, self.dtype), self.name) for v in (y_true, y_pred))
        self._keep(y_true=x, y_pred=y, present=ops.ones_like(x))

    def result(self) -> Any:
        """The weighted tau of all samples so far, a scalar."""
        x, y, w = (self._rows[name].value for name in ("y_true", "y_pred", "present"))
        value = _both_ways(*paired(x, y, w, self.name))
        return self._whole(ops.cast(value, self.dtype))


def _both_ways(x: Any, y: Any, present: Any) -> Any:
    is_nan = has_nan(x, y)
    orders = [order_of(x, y, "weighted_tau"), order_of(y, x, "weighted_tau")]
    return sum(_of(order, order.sorted(present), is_nan) for order in orders) / 2


def _of(order: Order, present: Any, is_nan: Any) -> Any:
    rank = ops.sum(present) - running(present)
    pairs = count_pairs(order, present / (1 + rank), present)
    fewest = ops.minimum(pairs.distinct_x, pairs.distinct_y)
    is_nan = ops.logical_or(is_nan, fewest < 2)
    return ratio(pairs.balance, ops.sqrt(pairs.untied_x) * ops.sqrt(pairs.untied_y), is_nan)
