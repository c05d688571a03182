"""The Hamming loss, a metric: the share of labels that are wrong."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["HammingLoss", "hamming_loss"]


@keras.saving.register_keras_serializable(package="nngraph")
def hamming_loss(
    y_true: Any, y_pred: Any, mode: str = "multilabel", threshold: float | None = None
) -> Any:
    """The share of wrong labels of each sample.

    Args:
        y_true: Zeros and ones of shape `(batch, classes)`; one-hot for "multiclass".
        y_pred: Scores of the same shape.
        mode: "multilabel": the share of classes that are wrongly set or unset. "multiclass": 0 if
            the class is among those predicted, else 1.
        threshold: What a score must exceed to be predicted. By default the largest score (and
            each equal to it) is predicted, unless it is zero.

    Returns:
        Of shape `(batch,)`, between 0 and 1.

    Raises:
        ValueError: If `mode` is another.

    References:
        Twin: tensorflow-addons `HammingLoss`.

    Example:
        >>> loss = hamming_loss([[1, 0, 1, 0]], [[0.8, 0.7, 0.1, 0.2]], threshold=0.5)
        >>> print(float(loss[0]))
        0.5
    """
    _check(mode)
    y_pred = ops.convert_to_tensor(y_pred)
    if threshold is None:
        largest = ops.max(y_pred, axis=-1, keepdims=True)
        predicted = ops.logical_and(y_pred >= largest, ops.abs(y_pred) > 1e-12)
    else:
        predicted = y_pred > threshold
    true = ops.cast(y_true, y_pred.dtype) != 0
    if mode == "multiclass":
        found = ops.any(ops.logical_and(true, predicted), axis=-1)
        return 1 - ops.cast(found, y_pred.dtype)
    return ops.mean(ops.cast(ops.logical_xor(true, predicted), y_pred.dtype), axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class HammingLoss(keras.metrics.MeanMetricWrapper):
    """The mean share of wrong labels over all samples of an epoch; see `hamming_loss`.

    Args:
        mode: "multilabel" or "multiclass".
        threshold: What a score must exceed to be predicted; by default the largest is.
        name: A name for the metric.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `mode` is another.

    Example:
        >>> metric = HammingLoss(threshold=0.5)
        >>> metric.update_state([[1, 0, 1, 0]], [[0.8, 0.7, 0.1, 0.2]])
        >>> print(float(metric.result()))
        0.5
    """

    def __init__(
        self,
        mode: str = "multilabel",
        threshold: float | None = None,
        name: str | None = "hamming_loss",
        dtype: Any = None,
    ) -> None:
        _check(mode)
        super().__init__(hamming_loss, name=name, dtype=dtype, mode=mode, threshold=threshold)
        self.mode = mode
        self.threshold = threshold
        self._direction = "down"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        mine = {"mode": self.mode, "threshold": self.threshold}
        return {"name": self.name, "dtype": self.dtype, **mine}


def _check(mode: str) -> None:
    if mode not in ("multilabel", "multiclass"):
        raise ValueError(f"mode must be 'multilabel' or 'multiclass'; got {mode!r}")
