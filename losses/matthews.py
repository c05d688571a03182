"""The correlation coefficient of Matthews, for any number of classes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._confusion import ConfusionMetric

__all__ = ["MatthewsCorrelationCoefficient"]


@keras.saving.register_keras_serializable(package="nngraph")
class MatthewsCorrelationCoefficient(ConfusionMetric):
    """The correlation of true and predicted class, exact over batches in constant memory.

    With `c` correct ones of `s` samples, and `t_k`, `p_k` how often class k is true and
    predicted: `(c s - sum_k t_k p_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))`. It is 0
    where only one class occurs, or only one is predicted.

    Args:
        num_classes: The number of classes, 2 or more.
        name: A name for the metric.
        dtype: The dtype of the counts; float32 counts exactly up to 2^24.

    Raises:
        ValueError: If `num_classes` is not as above, or if a shape is wrong.

    References:
        Matthews, 1975; Gorodkin: Comparing Two K-Category Assignments by a K-Category
        Correlation Coefficient, 2004.
        Twins: tensorflow-addons `MatthewsCorrelationCoefficient`;
        `sklearn.metrics.matthews_corrcoef`.

    Example:
        >>> metric = MatthewsCorrelationCoefficient(num_classes=2)
        >>> metric.update_state([1, 1, 1, 0], [0.9, 0.1, 0.8, 0.4])
        >>> print(f"{float(metric.result()):.2f}")
        0.58
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = "matthews_correlation_coefficient",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, name, dtype)

    def result(self) -> Any:
        """The coefficient of all samples so far, a scalar."""
        total = ops.sum(self._matrix.value)
        # As shares: squares of counts would need more digits than counts.
        share = self._matrix.value / ops.where(total == 0, ops.ones_like(total), total)
        true, predicted = ops.sum(share, axis=1), ops.sum(share, axis=0)
        correct = ops.sum(ops.diagonal(share))
        spread = (1 - ops.sum(true * true)) * (1 - ops.sum(predicted * predicted))
        defined = ops.logical_and(ops.max(true) < 1, ops.max(predicted) < 1)
        below = ops.sqrt(ops.where(defined, spread, ops.ones_like(spread)))
        value = (correct - ops.sum(true * predicted)) / below
        # Of NaN counts, the comparisons are false and the sum is NaN.
        return ops.where(defined, value, 0 * total)
