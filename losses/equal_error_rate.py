"""The error rate of a verifier at the threshold where both kinds of error are as frequent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ._paired_metric import PairedMetric
from ._ranks import group_ids, has_nan, paired, ratio, run_ends, running

__all__ = ["EqualErrorRate", "equal_error_rate"]


@keras.saving.register_keras_serializable(package="nngraph")
def equal_error_rate(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """Where the false positive rate equals the false negative rate.

    The ROC curve, with straight lines between the points of successive distinct scores (from
    (0, 0) to (1, 1)), meets the diagonal `fpr = 1 - tpr` in one point; its `fpr` is the value.
    A perfect score gives 0, a constant one 0.5, a perfect but reversed one 1.

    Args:
        y_true: 1 (or any number from 0.5) for a pair of the same kind, else 0; of shape `(n,)`
            or `(n, 1)`.
        y_pred: Scores of the same shape, high for pairs of the same kind. For distances give
            their negatives.
        sample_weight: How often each sample counts, of shape `(n,)` or `(n, 1)`.

    Returns:
        A scalar between 0 and 1; NaN if one of the kinds does not occur, or for a NaN.

    Raises:
        ValueError: If there is not one value per sample, or if the lengths differ.

    References:
        Twin: `brentq(lambda x: 1 - x - interp(x, fpr, tpr), 0, 1)` of the `roc_curve` of
        scikit-learn.

    Example:
        >>> print(f"{float(equal_error_rate([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])):.2f}")
        0.50
    """
    x, y, w = paired(y_true, y_pred, sample_weight, "equal_error_rate")
    order = ops.flip(ops.argsort(y))
    is_same = ops.cast(ops.cast(ops.take(x, order), w.dtype) >= 0.5, w.dtype)
    _, last = run_ends(group_ids(ops.take(y, order)))
    kinds = [ops.take(w, order) * kind for kind in (1 - is_same, is_same)]
    totals = [ops.sum(kind) for kind in kinds]
    fpr, tpr = (
        ops.take(running(kind), last) / ops.where(total > 0, total, ops.ones_like(total))
        for kind, total in zip(kinds, totals, strict=True)
    )
    # fpr + tpr rises from 0 to 2. The curve meets the diagonal where it passes 1: between the
    # last point below and the first that is not.
    rise = fpr + tpr
    above = rise >= 1
    zero, one = ops.zeros_like(rise), ops.ones_like(rise)
    low_fpr = ops.max(ops.where(above, zero, fpr))
    low_tpr = ops.max(ops.where(above, zero, tpr))
    high_fpr = ops.min(ops.where(above, fpr, one))
    high_tpr = ops.min(ops.where(above, tpr, one))
    low, high = low_fpr + low_tpr, high_fpr + high_tpr
    value = low_fpr + (high_fpr - low_fpr) * ratio(1 - low, high - low)
    undefined = ops.logical_or(ops.minimum(*totals) <= 0, has_nan(x, y, w))
    return ratio(value, ops.ones_like(value), undefined)


@keras.saving.register_keras_serializable(package="nngraph")
class EqualErrorRate(PairedMetric):
    """The equal error rate of all samples of an epoch; see `equal_error_rate`.

    Exact over batches, up to `capacity` samples. Where that is too many to keep there are two
    ways, and `bounds()` says how far the value may be off: a random choice of `capacity` samples,
    or bins of the score, of which the curve has every edge: the value is off by less than the
    shares of both kinds in the one bin that holds the threshold.

    Args:
        capacity: The number of samples there is room for. Each result costs a sort of them, and
            `fit` asks for one after each batch.
        overflow: "error" or "sample": whether more samples are an error, or a random choice of
            `capacity` of them is kept. Compiled code cannot raise: there the value is NaN, and
            `fit` and `evaluate` raise the ValueError at the end of the epoch.
        seed: Of the random choice.
        edges: Ascending scores: count in the bins between these instead, without limit.
        name: A name for the metric.
        dtype: The dtype the samples are kept in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an argument is not as above, or if there are too many samples.

    Example:
        >>> metric = EqualErrorRate()
        >>> metric.update_state([0, 0], [0.1, 0.4])
        >>> metric.update_state([1, 1], [0.35, 0.8])
        >>> print(f"{float(metric.result()):.2f}")
        0.50
    """

    _direction = "down"  # what EarlyStopping(mode="auto") asks for

    def __init__(
        self,
        capacity: int = 16384,
        overflow: str = "error",
        seed: int = 0,
        edges: Sequence[float] | None = None,
        name: str | None = "equal_error_rate",
        dtype: Any = None,
    ) -> None:
        both = None if edges is None else ([0.5], edges)
        super().__init__(capacity, overflow, seed, both, name, dtype)

    def _value(self, y_true: Any, y_pred: Any, weight: Any) -> Any:
        return equal_error_rate(y_true, y_pred, weight)

    def _standard_error(self, value: float) -> float:
        # Of a share of the rarer kind of sample.
        y_true, weight = (
            ops.convert_to_numpy(self._rows[name].value) for name in ("y_true", "weight")
        )
        same = weight[y_true >= 0.5].sum() / weight.sum()
        return math.sqrt(value * (1 - value) / (self.capacity * min(same, 1 - same)))

    def _binned_bounds(self, value: float, table: np.ndarray) -> tuple[float, float]:
        fpr, tpr = (np.concatenate([[0.0], np.cumsum(row[::-1]) / row.sum()]) for row in table)
        # The true curve passes through the same points, and rises between them.
        after = int(np.argmax(fpr + tpr >= 1))
        low = max(fpr[after - 1], 1 - tpr[after])
        high = min(fpr[after], 1 - tpr[after - 1])
        return low, high

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        edges = None if self.edges is None else self.edges[1]
        return {**super().get_config(), "edges": edges}
