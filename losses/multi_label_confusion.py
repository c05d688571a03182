"""A confusion matrix for each label."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._ranks import one_per_sample

__all__ = ["MultiLabelConfusionMatrix"]


@keras.saving.register_keras_serializable(package="nngraph")
class MultiLabelConfusionMatrix(keras.metrics.Metric):
    """For each label `[[true negatives, false positives], [false negatives, true positives]]`.

    The result has shape `(num_classes, 2, 2)`; since it is no scalar, call it outside `compile`.

    Args:
        num_classes: The number of labels.
        threshold: What a score must exceed to be predicted.
        name: A name for the metric.
        dtype: The dtype of the counts; float32 counts exactly up to 2^24.

    Raises:
        ValueError: If `num_classes` is not positive, or if a shape is not `(batch, num_classes)`.

    References:
        Twins: tensorflow-addons `MultiLabelConfusionMatrix`;
        `sklearn.metrics.multilabel_confusion_matrix`.

    Example:
        >>> metric = MultiLabelConfusionMatrix(num_classes=2)
        >>> metric.update_state([[1, 0], [0, 1], [1, 1]], [[0.9, 0.2], [0.6, 0.4], [0.7, 0.8]])
        >>> print(keras.ops.convert_to_numpy(metric.result()).astype(int).tolist())
        [[[0, 1], [0, 2]], [[1, 0], [1, 1]]]
    """

    def __init__(
        self,
        num_classes: int,
        threshold: float = 0.5,
        name: str | None = "multi_label_confusion_matrix",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if int(num_classes) != num_classes or num_classes < 1:
            raise ValueError(f"num_classes must be a whole number, 1 or more; got {num_classes!r}")
        self.num_classes = int(num_classes)
        self.threshold = float(threshold)
        shape = (self.num_classes, 2, 2)
        self._counts = self.add_variable(shape, "zeros", dtype=self.dtype, name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: zeros and ones, and scores, both of shape `(batch, num_classes)`."""
        y_true, y_pred = (ops.cast(v, self.dtype) for v in (y_true, y_pred))
        for what, values in (("y_true", y_true), ("y_pred", y_pred)):
            if len(values.shape) != 2 or values.shape[1] != self.num_classes:
                raise ValueError(
                    f"{self.name} needs {what} of shape (batch, {self.num_classes}); "
                    f"got {tuple(values.shape)}"
                )
        w = ops.ones_like(y_true[:, 0])
        if sample_weight is not None:
            given = ops.cast(sample_weight, self.dtype)
            w = w * (given if len(given.shape) == 0 else one_per_sample(given, self.name))
        true = ops.cast(y_true != 0, self.dtype)
        predicted = ops.cast(y_pred > self.threshold, self.dtype)
        rows = [
            [ops.sum(ops.expand_dims(w, 1) * t * p, axis=0) for p in (1 - predicted, predicted)]
            for t in (1 - true, true)
        ]
        counts = ops.stack([ops.stack(row, axis=-1) for row in rows], axis=-2)
        self._counts.assign(self._counts.value + counts)

    def result(self) -> Any:
        """The counts of all samples so far, of shape `(num_classes, 2, 2)`."""
        return self._counts.value

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        mine = {"num_classes": self.num_classes, "threshold": self.threshold}
        return {**super().get_config(), **mine}
