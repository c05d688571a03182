"""A metric of the confusion matrix of single-label classification."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._ranks import one_per_sample, sums_at

__all__ = ["ConfusionMetric"]


class ConfusionMetric(keras.metrics.Metric):
    """Counts pairs of true and predicted class in a matrix of fixed size.

    Args:
        num_classes: The number of classes, 2 or more.
        name: A name for the metric.
        dtype: The dtype of the counts; float32 counts exactly up to 2^24.
    """

    _direction = "up"  # what EarlyStopping(mode="auto") asks for

    def __init__(self, num_classes: int, name: str | None, dtype: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        if int(num_classes) != num_classes or num_classes < 2:
            raise ValueError(f"num_classes must be a whole number, 2 or more; got {num_classes!r}")
        self.num_classes = int(num_classes)
        shape = (self.num_classes, self.num_classes)
        self._matrix = self.add_variable(shape, "zeros", dtype=self.dtype, name="matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: Classes of shape `(batch,)` or `(batch, 1)`, or one-hot `(batch, num_classes)`.
                One that is no class makes the result NaN.
            y_pred: Scores of shape `(batch, num_classes)`, of which the largest counts; or one
                number each, `(batch,)` or `(batch, 1)`, rounded to the nearest class. So with two
                classes it may be the probability of class 1.
            sample_weight: How often each sample counts.
        """
        true, predicted = self._classes(y_true), self._classes(y_pred)
        predicted = ops.clip(predicted, 0, self.num_classes - 1)
        is_class = ops.logical_and(true >= 0, true < self.num_classes)
        w = ops.where(is_class, 1.0, np.nan)
        w = ops.cast(w, self.dtype)
        if sample_weight is not None:
            given = ops.cast(sample_weight, self.dtype)
            w = w * (given if len(given.shape) == 0 else one_per_sample(given, self.name))
        cell = ops.where(is_class, true, 0) * self.num_classes + predicted
        counts = sums_at(cell, w, self.num_classes**2)
        self._matrix.assign(self._matrix.value + ops.reshape(counts, self._matrix.shape))

    def _classes(self, values: Any) -> Any:
        values = ops.convert_to_tensor(values)
        if len(values.shape) == 2 and values.shape[1] == self.num_classes:
            return ops.cast(ops.argmax(values, axis=1), "int32")
        if len(values.shape) == 2 and values.shape[1] != 1:
            raise ValueError(
                f"{self.name} needs shape (batch,), (batch, 1) or (batch, {self.num_classes}); "
                f"got {tuple(values.shape)}"
            )
        return ops.cast(ops.round(ops.cast(one_per_sample(values, self.name), "float32")), "int32")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "num_classes": self.num_classes}
