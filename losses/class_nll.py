"""Negative log-likelihood of a class, of log-probabilities or of scores."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, class_weights, concrete, labels, vector

__all__ = ["ClassNLLLoss", "CrossEntropyLoss", "class_nll", "cross_entropy"]


@keras.saving.register_keras_serializable(package="nngraph")
def class_nll(
    y_true: Any, y_pred: Any, weights: Any = None, ignore_index: int | None = -100
) -> Any:
    """How unlikely the true class is: `loss = -w[y_true] y_pred[y_true]`.

    A label that is `ignore_index` has the loss 0. A label outside 0..classes-1 is an error;
    in compiled code, where no error can be raised, its loss is NaN.

    Args:
        y_true: Labels 0..classes-1 (Torch: from 1), of the shape of `y_pred` without its last
            axis, or with a last axis of length 1.
        y_pred: Log-probabilities, of shape `(batch, ..., classes)`: classes last, also for
            images (Torch: second); half precision is computed in 32 bits.
        weights: w, one for each class; by default 1.
        ignore_index: The label of what does not count; may lie outside 0..classes-1. None
            for no such label.

    Returns:
        One loss per label, of the shape of `y_pred` without its last axis.

    Raises:
        ValueError: If the shapes do not fit, if there is another number of weights than classes,
            or if a label lies outside 0..classes-1.

    References:
        Torch twin: `nn.ClassNLLCriterion` and `nn.SpatialClassNLLCriterion`,
        ClassNLLCriterion.lua of https://github.com/torch/nn. PyTorch twin: `NLLLoss`.

    Example:
        >>> import numpy as np
        >>> y_pred = np.log(np.array([[0.25, 0.75], [0.5, 0.5]]))
        >>> [round(float(x), 4) for x in class_nll(np.array([1, -100]), y_pred)]
        [0.2877, 0.0]
    """
    name = "class_nll"
    y_pred = as_float(y_pred)
    y_true = labels(name, y_true, y_pred)
    _check(name, y_true, y_pred.shape[-1], ignore_index)
    classes = ops.shape(y_pred)[-1]
    inside = ops.logical_and(y_true >= 0, y_true < classes)
    index = ops.where(inside, y_true, ops.zeros_like(y_true))
    loss = -ops.squeeze(
        ops.take_along_axis(y_pred, ops.expand_dims(index, axis=-1), axis=-1), axis=-1
    )
    if weights is not None:
        loss = loss * ops.take(class_weights(name, weights, y_pred), index, axis=0)
    loss = ops.where(inside, loss, ops.full_like(loss, float("nan")))
    if ignore_index is None:
        return loss
    return ops.where(ops.equal(y_true, ignore_index), ops.zeros_like(loss), loss)


@keras.saving.register_keras_serializable(package="nngraph")
def cross_entropy(
    y_true: Any, y_pred: Any, weights: Any = None, ignore_index: int | None = -100
) -> Any:
    """How unlikely the true class is: `loss = -w[y_true] log_softmax(y_pred)[y_true]`.

    Args:
        y_true: Labels as in `class_nll`.
        y_pred: Scores (logits), of shape `(batch, ..., classes)`; half precision is computed
            in 32 bits.
        weights: w, one for each class; by default 1.
        ignore_index: The label of what does not count; None for no such label.

    Returns:
        One loss per label, of the shape of `y_pred` without its last axis.

    Raises:
        ValueError: As in `class_nll`.

    References:
        Torch twin: `nn.CrossEntropyCriterion`, CrossEntropyCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `CrossEntropyLoss`.
    """
    y_pred = ops.log_softmax(as_float(y_pred), axis=-1)
    return class_nll(y_true, y_pred, weights, ignore_index)


@keras.saving.register_keras_serializable(package="nngraph")
class ClassNLLLoss(ElementLoss):
    """Weighted mean of `-w[y_true] y_pred[y_true]`, log-probabilities; see `class_nll`.

    The mean divides by the sum of the weights `w[y_true]` of the labels that count, as in Torch;
    0 if none counts. The masks of Keras are heeded too.

    Args:
        weights: One for each class; by default 1.
        ignore_index: The label of what does not count; None for no such label.
        reduction: How the losses of the labels become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        weights: Any = None,
        ignore_index: int | None = -100,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "class_nll",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.weights = vector(weights)
        self.ignore_index = ignore_index

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per label."""
        return class_nll(y_true, y_pred, self.weights, self.ignore_index)

    def counts(self, y_true: Any, y_pred: Any) -> Any:
        """The weight of each label; 0 of those that are ignored."""
        y_pred = as_float(y_pred)
        y_true = labels("class_nll", y_true, y_pred)
        if self.weights is None:
            weights = ops.ones(ops.shape(y_true), dtype=y_pred.dtype)
        else:
            last = y_pred.shape[-1] - 1
            weights = ops.take(
                class_weights("class_nll", self.weights, y_pred), ops.clip(y_true, 0, last), axis=0
            )
        if self.ignore_index is None:
            return weights
        ignored = ops.equal(y_true, self.ignore_index)
        return ops.where(ignored, ops.zeros_like(weights), weights)


@keras.saving.register_keras_serializable(package="nngraph")
class CrossEntropyLoss(ClassNLLLoss):
    """Weighted mean of `-w[y_true] log_softmax(y_pred)[y_true]`, scores; see `cross_entropy`.

    Args:
        weights: One for each class; by default 1.
        ignore_index: The label of what does not count; None for no such label.
        reduction: How the losses of the labels become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        weights: Any = None,
        ignore_index: int | None = -100,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cross_entropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(weights, ignore_index, reduction, name, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per label."""
        return cross_entropy(y_true, y_pred, self.weights, self.ignore_index)


def _check(name: str, y_true: Any, classes: int, ignore_index: int | None) -> None:
    values = concrete(y_true)
    if values is None:
        return
    bad = (values < 0) | (values >= classes)
    if ignore_index is not None:
        bad &= values != ignore_index
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"{name} needs labels 0..{classes - 1}"
            + (f" or {ignore_index} (ignored)" if ignore_index is not None else "")
            + f"; got {values[where]} at {list(where)}. Torch's labels count from 1: subtract 1"
        )
