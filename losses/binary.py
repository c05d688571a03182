"""Losses of yes-or-no targets: probabilities, and scores with targets 1 and -1."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, class_weights, like, vector
from ._numerics import hinge

__all__ = [
    "BCELoss",
    "MarginHingeLoss",
    "SoftMarginLoss",
    "bce",
    "margin_hinge",
    "soft_margin",
]

_EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="nngraph")
def bce(y_true: Any, y_pred: Any, weights: Any = None) -> Any:
    """Binary cross-entropy: `loss = -w (y log(p + e) + (1 - y) log(1 - p + e))`, e = 1e-12.

    Args:
        y_true: y, 1 for yes, 0 for no, or between; of the shape of `y_pred`.
        y_pred: Probabilities p, of shape `(batch, ..., d)`; half precision is computed in 32
            bits.
        weights: w, one for each entry of the last axis; by default 1.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ, or there is another number of weights than d.

    References:
        Torch twin: `nn.BCECriterion`, BCECriterion.lua of https://github.com/torch/nn.
        PyTorch twin: `BCELoss`, which cuts the logarithm off at -100 instead.

    Example:
        >>> import numpy as np
        >>> [round(float(x), 4) for x in bce(np.array([1.0, 0.0]), np.array([0.5, 0.0]))]
        [0.6931, -0.0]
    """
    p = as_float(y_pred)
    y = like("bce", y_true, p)
    loss = -(y * ops.log(p + _EPSILON) + (1 - y) * ops.log(1 - p + _EPSILON))
    return loss if weights is None else loss * class_weights("bce", weights, p)


@keras.saving.register_keras_serializable(package="nngraph")
def soft_margin(y_true: Any, y_pred: Any) -> Any:
    """Logistic loss of a score: `loss = log(1 + exp(-y_true y_pred))`.

    Args:
        y_true: 1 or -1; of the shape of `y_pred`.
        y_pred: Scores, of any shape; half precision is computed in 32 bits.

    Returns:
        One loss per element, of the shape of `y_pred`; finite where exp overflows.

    Raises:
        ValueError: If the shapes differ.

    References:
        Torch twin: `nn.SoftMarginCriterion`, SoftMarginCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `SoftMarginLoss`, infinite for large scores.
    """
    y_pred = as_float(y_pred)
    return ops.softplus(-like("soft_margin", y_true, y_pred) * y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
def margin_hinge(y_true: Any, y_pred: Any, margin: float = 1.0) -> Any:
    """Hinge loss of a score: `loss = max(0, margin - y_true y_pred)`.

    Args:
        y_true: 1 or -1; of the shape of `y_pred`.
        y_pred: Scores, of any shape; half precision is computed in 32 bits.
        margin: In units of `y_pred`.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ.

    References:
        Torch twin: `nn.MarginCriterion`, MarginCriterion.lua of https://github.com/torch/nn.
    """
    y_pred = as_float(y_pred)
    return hinge(margin - like("margin_hinge", y_true, y_pred) * y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class BCELoss(ElementLoss):
    """Mean of `-w (y log p + (1 - y) log(1 - p))`, of probabilities p; see `bce`.

    Args:
        weights: One for each entry of the last axis; by default 1. The mean still divides by
            the number of elements.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        weights: Any = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "bce",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.weights = vector(weights)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return bce(y_true, y_pred, self.weights)


@keras.saving.register_keras_serializable(package="nngraph")
class SoftMarginLoss(ElementLoss):
    """Mean of `log(1 + exp(-y_true y_pred))`; see `soft_margin`.

    Args:
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "soft_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return soft_margin(y_true, y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class MarginHingeLoss(ElementLoss):
    """Mean of `max(0, margin - y_true y_pred)`; see `margin_hinge`.

    Args:
        margin: In units of `y_pred`.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "margin_hinge",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return margin_hinge(y_true, y_pred, self.margin)
