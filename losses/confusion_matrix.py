"""The confusion matrix of single-label classification."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._confusion import ConfusionMetric

__all__ = ["ConfusionMatrix"]


@keras.saving.register_keras_serializable(package="nngraph")
class ConfusionMatrix(ConfusionMetric):
    """How often each true class was taken for each, exact over batches in constant memory.

    `C[i, j]` is the number of samples of class i that were predicted as j, or with weights their
    sum; divided, if `normalize` asks for it, by the total of its row, of its column or of all.

    Args:
        num_classes: The number of classes, 2 or more.
        normalize: None for counts; "true": rows sum to 1, and the diagonal is each class's recall;
            "pred": columns sum to 1, and the diagonal is each class's precision; "all": everything
            sums to 1. What would be divided by 0 is 0.
        name: A name for the metric.
        dtype: The dtype of the counts; float32 counts exactly up to 2^24.

    `result()` has shape `(num_classes, num_classes)`: in `compile`, the history and `evaluate` with
    `return_dict=True` hold the matrix. `update_state` takes what that of `CohenKappa` does.

    Raises:
        ValueError: If an argument is not as above, or if a shape is wrong.

    References:
        Torch twin: `optim.ConfusionMatrix` of https://github.com/torch/optim, whose rows are true
        classes too. `sklearn.metrics.confusion_matrix`.

    Example:
        >>> metric = ConfusionMatrix(num_classes=3)
        >>> metric.update_state([0, 1, 2, 2], [0, 2, 2, 1])
        >>> print(keras.ops.convert_to_numpy(metric.result()).astype(int).tolist())
        [[1, 0, 0], [0, 0, 1], [0, 1, 1]]
    """

    def __init__(
        self,
        num_classes: int,
        normalize: str | None = None,
        name: str | None = "confusion_matrix",
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes, name, dtype)
        if normalize not in (None, "true", "pred", "all"):
            raise ValueError(f"normalize must be None, 'true', 'pred' or 'all'; got {normalize!r}")
        self.normalize = normalize

    def result(self) -> Any:
        """The matrix of all samples so far."""
        counts = ops.convert_to_tensor(self._matrix.value)
        if self.normalize is None:
            return counts
        axes = {"true": 1, "pred": 0, "all": (0, 1)}[self.normalize]
        totals = ops.sum(counts, axis=axes, keepdims=True)
        return ops.divide_no_nan(counts, totals)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "normalize": self.normalize}
