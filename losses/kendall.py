"""Kendall's tau and Somers' D: the balance of concordant and discordant pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ._paired_metric import PairedMetric
from ._pairs import count_pairs, order_of
from ._ranks import has_nan, paired, ratio

__all__ = ["KendallTau", "kendall_tau"]


@keras.saving.register_keras_serializable(package="nngraph")
def kendall_tau(y_true: Any, y_pred: Any, sample_weight: Any = None, variant: str = "b") -> Any:
    """Kendall's tau, with ties: how many more pairs agree in order than disagree.

    With `S` the number of pairs in one order less those in opposite order, `n` samples, `T` and
    `P` the pairs that are not tied in `y_true` and in `y_pred`, and `m` the smaller number of
    distinct values:

        variant "b": S / sqrt(T P)
        variant "c": 2 S / (n^2 (m - 1) / m)
        variant "d": S / T, which is Somers' D of y_pred given y_true

    Args:
        y_true: Numbers of shape `(n,)` or `(n, 1)`.
        y_pred: Numbers of the same shape.
        sample_weight: How often each sample counts, of shape `(n,)` or `(n, 1)`; by default
            once. Any number, zero or more.
        variant: "b", "c" or "d".

    Returns:
        A scalar between -1 and 1; NaN for fewer than two samples, if all values of one input
        are equal, or if a NaN is among them, as `scipy.stats.kendalltau` gives. Variant "d" is
        0 where only those of `y_pred` are equal.

    Raises:
        ValueError: If there is not one value per sample, if the lengths differ, if `variant` is
            another, or if a graph is traced in which the number of samples is unknown.

    References:
        Kendall: The Treatment of Ties in Ranking Problems, 1945; Stuart, 1953 (variant "c");
        Somers: A New Asymmetric Measure of Association for Ordinal Variables, 1962.
        Twins: `scipy.stats.kendalltau`, `scipy.stats.somersd`; tensorflow-addons
        `KendallsTauB`, `KendallsTauC`.

    Example:
        >>> print(f"{float(kendall_tau([1, 2, 3, 4], [0.1, 0.3, 0.2, 9.0])):.2f}")
        0.67
    """
    _check(variant)
    x, y, w = paired(y_true, y_pred, sample_weight, "kendall_tau")
    is_nan = has_nan(x, y, w)
    order = order_of(x, y, "kendall_tau")
    w = order.sorted(w)
    pairs = count_pairs(order, w, w / 2)
    # A constant is known by its count: a sum of weights may not cancel to zero.
    if variant == "d":
        return ratio(pairs.balance, pairs.untied_x, ops.logical_or(is_nan, pairs.distinct_x < 2))
    fewest = ops.minimum(pairs.distinct_x, pairs.distinct_y)
    is_nan = ops.logical_or(is_nan, fewest < 2)
    if variant == "b":
        return ratio(pairs.balance, ops.sqrt(pairs.untied_x) * ops.sqrt(pairs.untied_y), is_nan)
    return ratio(2 * pairs.balance * fewest, ops.square(ops.sum(w)) * (fewest - 1), is_nan)


@keras.saving.register_keras_serializable(package="nngraph")
class KendallTau(PairedMetric):
    """Kendall's tau of all samples of an epoch; see `kendall_tau`.

    Exact over batches, up to `capacity` samples. Where that is too many to keep there are two
    ways, and `bounds()` says how far the value may be off: a random choice of `capacity` samples,
    with a standard error of at most `sqrt(2 (1 - tau^2) / capacity)`; or a table of bins, in
    which only the order inside a bin is lost: a share of `2 / k` of all pairs at the most, for
    `k` equally filled bins.

    Args:
        variant: "b", "c" or "d"; see `kendall_tau`.
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
        >>> metric = KendallTau(variant="c")
        >>> metric.update_state([1, 2], [0.1, 0.3])
        >>> metric.update_state([2, 4], [0.2, 9.0])
        >>> print(f"{float(metric.result()):.2f}")
        0.94
    """

    def __init__(
        self,
        variant: str = "b",
        capacity: int = 16384,
        overflow: str = "error",
        seed: int = 0,
        edges: tuple[Sequence[float], Sequence[float]] | None = None,
        name: str | None = "kendall_tau",
        dtype: Any = None,
    ) -> None:
        super().__init__(capacity, overflow, seed, edges, name, dtype)
        _check(variant)
        self.variant = variant

    def _value(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        return kendall_tau(y_true, y_pred, weight, self.variant)

    def _standard_error(self, value: float) -> float:
        return math.sqrt(2 * max(1 - value**2, 0) / self.capacity)

    def _binned_bounds(self, value: float, table: np.ndarray) -> tuple[float, float]:
        total = table.sum()
        x, y = table.sum(axis=1), table.sum(axis=0)
        # Pairs in different bins keep their order, all others may be in either, or tied.
        every = total**2 / 2
        apart_x, apart_y = every - (x**2).sum() / 2, every - (y**2).sum() / 2
        unknown = every - apart_x + every - apart_y - (table**2).sum() / 2
        fewest = min((x > 0).sum(), (y > 0).sum())
        least, most = {
            "b": (math.sqrt(apart_x * apart_y), every),
            "c": (every * (1 - 1 / fewest), every),
            "d": (apart_x, every),
        }[self.variant]
        balance = value * least
        low, high = balance - unknown, balance + unknown
        low /= most if low > 0 else least
        high /= most if high < 0 else least
        return max(low, -1.0), min(high, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "variant": self.variant}


def _check(variant: str) -> None:
    if variant not in ("b", "c", "d"):
        raise ValueError(f"variant must be 'b', 'c' or 'd'; got {variant!r}")
