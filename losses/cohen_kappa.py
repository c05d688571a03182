"""Cohen's kappa: agreement beyond that of chance."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._confusion import ConfusionMetric
from ._ranks import ratio

__all__ = ["CohenKappa"]


@keras.saving.register_keras_serializable(package="nngraph")
class CohenKappa(ConfusionMetric):
    """Cohen's kappa of all samples of an epoch, exact over batches in constant memory.

    `kappa = 1 - sum_ij w_ij O_ij / sum_ij w_ij E_ij`, with `O` the observed counts of true class i
    and predicted class j, `E` those expected of independent ones with the same totals, and `w_ij`
    0 for i = j, and else 1 (no weightage), `|i - j|` ("linear") or `(i - j)^2` ("quadratic").

    Args:
        num_classes: The number of classes, 2 or more.
        weightage: None, "linear" or "quadratic".
        name: A name for the metric.
        dtype: The dtype of the counts; float32 counts exactly up to 2^24.

    Raises:
        ValueError: If an argument is not as above, or if a shape is wrong.

    References:
        Cohen: A Coefficient of Agreement for Nominal Scales, 1960; Weighted Kappa, 1968.
        Twins: tensorflow-addons `CohenKappa`, of which `sparse_labels` and `regression` are told
        from the shapes here; `sklearn.metrics.cohen_kappa_score`. As there, the value is NaN
        where only one class occurs.

    Example:
        >>> metric = CohenKappa(num_classes=3, weightage="quadratic")
        >>> metric.update_state([0, 1, 2, 2], [0, 2, 2, 1])
        >>> print(f"{float(metric.result()):.2f}")
        0.64
    """

    def __init__(
        self,
        num_classes: int,
        weightage: str | None = None,
        name: str | None = "cohen_kappa",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, name, dtype)
        if weightage not in (None, "linear", "quadratic"):
            raise ValueError(f"weightage must be None, 'linear' or 'quadratic'; got {weightage!r}")
        self.weightage = weightage

    def result(self) -> Any:
        """Kappa of all samples so far, a scalar."""
        observed = self._matrix.value
        number = np.arange(self.num_classes)
        apart = np.abs(number[:, None] - number)
        cost = {None: np.sign(apart), "linear": apart, "quadratic": apart**2}[self.weightage]
        cost = ops.cast(cost, self.dtype)
        rows, columns = ops.sum(observed, axis=1), ops.sum(observed, axis=0)
        expected = ops.outer(rows, columns) / ops.sum(observed)
        return 1 - ratio(ops.sum(cost * observed), ops.sum(cost * expected))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "weightage": self.weightage}
