"""Margin losses over classes: of one true class, or of several."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, class_weights, concrete, labels, like, vector

__all__ = [
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "multi_label_margin",
    "multi_label_soft_margin",
    "multi_margin",
]


@keras.saving.register_keras_serializable(package="nngraph")
def multi_margin(
    y_true: Any, y_pred: Any, p: int = 1, weights: Any = None, margin: float = 1.0
) -> Any:
    """The true class's score above all others by a margin.

    `loss = w[y] / C sum over i != y of max(0, margin - x[y] + x[i])^p`, C the number of classes.

    Args:
        y_true: Labels y, 0..C-1 (Torch: from 1), of shape `(batch,)` or `(batch, 1)`. A label
            outside gives NaN in compiled code, where no error can be raised.
        y_pred: Scores x, of shape `(batch, C)`; half precision is computed in 32 bits.
        p: 1 or 2.
        weights: w, one for each class; by default 1.
        margin: In units of the scores.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If the shapes do not fit, if `p` is neither 1 nor 2, if there is another
            number of weights than classes, or if a label lies outside 0..C-1.

    References:
        Torch twin: `nn.MultiMarginCriterion`, MultiMarginCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `MultiMarginLoss`.

    Example:
        >>> import numpy as np
        >>> print(f"{float(multi_margin([0], np.array([[0.5, 1.0, -1.0]]))[0]):.2f}")
        0.50
    """
    if p not in (1, 2):
        raise ValueError(f"multi_margin needs p = 1 or 2; got {p}")
    x = as_float(y_pred)
    y = labels("multi_margin", y_true, x)
    classes = x.shape[-1]
    _check("multi_margin", y, 0, classes)
    index = ops.expand_dims(ops.clip(y, 0, classes - 1), axis=-1)
    short = ops.relu(margin - ops.take_along_axis(x, index, axis=-1) + x)
    others = ops.arange(classes, dtype="int32") != index
    terms = ops.where(others, short if p == 1 else ops.square(short), ops.zeros_like(x))
    loss = ops.sum(terms, axis=-1) / classes
    if weights is not None:
        loss = loss * ops.take(class_weights("multi_margin", weights, x), index[..., 0], axis=0)
    inside = ops.logical_and(y >= 0, y < classes)
    return ops.where(inside, loss, ops.full_like(loss, float("nan")))


@keras.saving.register_keras_serializable(package="nngraph")
def multi_label_margin(y_true: Any, y_pred: Any) -> Any:
    """The scores of all true classes above all others by 1.

    `loss = 1 / C sum over true j, not true i of max(0, 1 - x[j] + x[i])`, C classes.

    Args:
        y_true: A list of the true labels 0..C-1 in each row, of shape `(batch, C)`; what comes
            after the first -1 is ignored (Torch: labels from 1, up to the first 0).
        y_pred: Scores x, of shape `(batch, C)`; half precision is computed in 32 bits.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If the shapes do not fit, or a label is C or more, or less than -1.

    References:
        Torch twin: `nn.MultiLabelMarginCriterion`, MultiLabelMarginCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `MultiLabelMarginLoss`.
    """
    x = as_float(y_pred)
    y = ops.cast(like("multi_label_margin", y_true, x), "int32")
    classes = x.shape[-1]
    _check("multi_label_margin", y, -1, classes)
    listed = ops.cumprod(ops.cast(y >= 0, "int32"), axis=-1) > 0
    index = ops.clip(y, 0, classes - 1)
    hits = ops.logical_and(
        ops.expand_dims(index, axis=-1) == ops.arange(classes, dtype="int32"),
        ops.expand_dims(listed, axis=-1),
    )  # (batch, list, classes)
    true = ops.any(hits, axis=-2, keepdims=True)
    of_true = ops.take_along_axis(x, index, axis=-1)
    short = ops.relu(1 - ops.expand_dims(of_true, axis=-1) + ops.expand_dims(x, axis=-2))
    pairs = ops.logical_and(ops.expand_dims(listed, axis=-1), ops.logical_not(true))
    terms = ops.where(pairs, short, ops.zeros_like(short))
    return ops.sum(terms, axis=(-2, -1)) / classes


@keras.saving.register_keras_serializable(package="nngraph")
def multi_label_soft_margin(y_true: Any, y_pred: Any, weights: Any = None) -> Any:
    """Logistic loss of each class: `loss = -mean of w (y log s(x) + (1 - y) log(1 - s(x)))`.

    Args:
        y_true: y, 1 for each true class, 0 for others, of shape `(batch, C)`.
        y_pred: Scores x, of shape `(batch, C)`, s their sigmoid; half precision is computed in
            32 bits.
        weights: w, one for each class; by default 1.

    Returns:
        One loss per sample, the mean over its classes, of shape `(batch,)`.

    Raises:
        ValueError: If the shapes differ, or there is another number of weights than classes.

    References:
        Torch twin: `nn.MultiLabelSoftMarginCriterion`, MultiLabelSoftMarginCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `MultiLabelSoftMarginLoss`.
    """
    x = as_float(y_pred)
    y = like("multi_label_soft_margin", y_true, x)
    loss = y * ops.softplus(-x) + (1 - y) * ops.softplus(x)
    if weights is not None:
        loss = loss * class_weights("multi_label_soft_margin", weights, x)
    return ops.mean(loss, axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class MultiMarginLoss(ElementLoss):
    """Mean of `w[y] / C sum of max(0, margin - x[y] + x[i])^p`; see `multi_margin`.

    Args:
        p: 1 or 2.
        weights: One for each class; by default 1. The mean still divides by the batch size.
        margin: In units of the scores.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        p: int = 1,
        weights: Any = None,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "multi_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.p = int(p)
        self.weights = vector(weights)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample."""
        return multi_margin(y_true, y_pred, self.p, self.weights, self.margin)


@keras.saving.register_keras_serializable(package="nngraph")
class MultiLabelMarginLoss(ElementLoss):
    """Mean of `1 / C sum of max(0, 1 - x[j] + x[i])`, j true, i not; see `multi_label_margin`.

    Args:
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "multi_label_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample."""
        return multi_label_margin(y_true, y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class MultiLabelSoftMarginLoss(ElementLoss):
    """Mean of the logistic losses of the classes; see `multi_label_soft_margin`.

    Args:
        weights: One for each class; by default 1. The mean still divides by their number.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        weights: Any = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "multi_label_soft_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.weights = vector(weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample."""
        return multi_label_soft_margin(y_true, y_pred, self.weights)


def _check(name: str, y_true: Any, lowest: int, classes: int) -> None:
    values = concrete(y_true)
    if values is not None and ((values < lowest) | (values >= classes)).any():
        raise ValueError(
            f"{name} needs labels {lowest}..{classes - 1}; got {values.min()} to {values.max()}. "
            "Torch's labels count from 1: subtract 1"
        )
