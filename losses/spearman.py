"""Spearman's rank correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ._paired_metric import PairedMetric
from ._ranks import correlation, has_nan, midranks, paired

__all__ = ["SpearmanCorrelation", "spearman"]


@keras.saving.register_keras_serializable(package="nngraph")
def spearman(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """Spearman's rank correlation: Pearson's correlation of the ranks, ties averaged.

    `rho = cov(r(y_true), r(y_pred)) / (std(r(y_true)) std(r(y_pred)))`. It has no useful
    gradient; for training see `soft_spearman`.

    Args:
        y_true: Numbers of shape `(n,)` or `(n, 1)`.
        y_pred: Numbers of the same shape.
        sample_weight: How often each sample counts, of shape `(n,)` or `(n, 1)`; by default
            once. Any number, zero or more.

    Returns:
        A scalar between -1 and 1; NaN for fewer than two samples, if all values of one input
        are equal, or if a NaN is among them, as `scipy.stats.spearmanr` gives.

    Raises:
        ValueError: If there is not one value per sample, or if the lengths differ.

    References:
        Spearman: The Proof and Measurement of Association between Two Things, 1904.
        Twins: `scipy.stats.spearmanr`; tensorflow-addons `SpearmansRank`.

    Example:
        >>> print(f"{float(spearman([1, 2, 3, 4], [0.1, 0.3, 0.2, 9.0])):.2f}")
        0.80
    """
    x, y, w = paired(y_true, y_pred, sample_weight, "spearman")
    (rank_x, distinct_x), (rank_y, distinct_y) = midranks(x, w), midranks(y, w)
    is_constant = ops.minimum(distinct_x, distinct_y) < 2
    return correlation(rank_x, rank_y, w, ops.logical_or(is_constant, has_nan(x, y, w)))


@keras.saving.register_keras_serializable(package="nngraph")
class SpearmanCorrelation(PairedMetric):
    """Spearman's rank correlation of all samples of an epoch; see `spearman`.

    Exact over batches, up to `capacity` samples. Where that is too many to keep there are two
    ways, and `bounds()` says how far the value may be off: a random choice of `capacity` samples,
    with a standard error of at most `sqrt(3 (1 - rho^2) / capacity)`; or a table of bins, with
    `|angle - angle of the bins| <= atan(a) + atan(b)` for `angle = arccos(rho)`, where
    `a^2` and `b^2` are the variance of the ranks inside the bins over that between them, at most
    `1 / (k^2 - 1)` for `k` equally filled bins.

    Args:
        capacity: The number of samples there is room for. Each result costs a sort of them, and
            `fit` asks for one after each batch.
        overflow: "error" or "sample": whether more samples are an error, or a random choice of
            `capacity` of them is kept. Compiled code cannot raise: there the value is NaN, and
            `fit` and `evaluate` raise the ValueError at the end of the epoch.
        seed: Of the random choice.
        edges: `(edges of y_true, edges of y_pred)`: count in bins instead, without limit. `k`
            ascending edges make `k + 1` bins.
        name: A name for the metric.
        dtype: The dtype the samples are kept in; by default `keras.config.floatx()`. Numbers
            that it cannot tell apart are ties.

    Raises:
        ValueError: If an argument is not as above, or if there are too many samples.

    References:
        Kendall, Gibbons: Rank Correlation Methods, 1990 (the standard error).

    Example:
        >>> metric = SpearmanCorrelation()
        >>> metric.update_state([1, 2], [0.1, 0.3])
        >>> metric.update_state([3, 4], [0.2, 9.0])
        >>> print(f"{float(metric.result()):.2f}")
        0.80
    """

    def __init__(
        self,
        capacity: int = 16384,
        overflow: str = "error",
        seed: int = 0,
        edges: tuple[Sequence[float], Sequence[float]] | None = None,
        name: str | None = "spearman_correlation",
        dtype: Any = None,
    ) -> None:
        super().__init__(capacity, overflow, seed, edges, name, dtype)

    def _value(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        return spearman(y_true, y_pred, weight)

    def _standard_error(self, value: float) -> float:
        return math.sqrt(3 * max(1 - value**2, 0) / self.capacity)

    def _binned_bounds(self, value: float, table: np.ndarray) -> tuple[float, float]:
        # The ranks of the bins are the means of the true ranks in each bin. So the true ranks are
        # those plus a part perpendicular to them, an angle away; angles add up at the most.
        angle = 0.0
        for weights in (table.sum(axis=1), table.sum(axis=0)):
            middle = (np.cumsum(weights) - weights / 2) / weights.sum() - 0.5
            between = np.sum(weights * middle**2)
            inside = np.sum(weights**3) / 12 / weights.sum() ** 2
            angle += math.atan2(math.sqrt(inside), math.sqrt(between))
        found = math.acos(min(max(value, -1.0), 1.0))
        return math.cos(min(found + angle, math.pi)), math.cos(max(found - angle, 0.0))
