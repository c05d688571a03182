"""Losses that are squared near 0 and linear beyond."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like

__all__ = ["HuberLoss", "SmoothL1Loss", "huber", "smooth_l1"]


@keras.saving.register_keras_serializable(package="nngraph")
def smooth_l1(y_true: Any, y_pred: Any, beta: float = 1.0) -> Any:
    """Squared near 0, absolute beyond: `loss = d^2 / (2 beta) if |d| < beta else |d| - beta / 2`.

    Args:
        y_true: Numbers, of the shape of `y_pred`; d = y_pred - y_true.
        y_pred: Numbers (scores), of any shape; half precision is computed in 32 bits.
        beta: Where the two forms meet, in units of `y_pred`; 0 gives the absolute error.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ, or `beta` is negative.

    References:
        Girshick: Fast R-CNN, 2015 (https://arxiv.org/abs/1504.08083), equation 3.
        Torch twin: `nn.SmoothL1Criterion` (beta 1), SmoothL1Criterion.lua of
        https://github.com/torch/nn. PyTorch twin: `SmoothL1Loss`.

    Example:
        >>> import numpy as np
        >>> loss = smooth_l1(np.array([0.0, 0.0]), np.array([0.5, -3.0]))
        >>> [float(x) for x in loss]
        [0.125, 2.5]
    """
    if beta < 0:
        raise ValueError(f"smooth_l1 needs beta >= 0; got {beta}")
    y_pred = as_float(y_pred)
    d = ops.abs(y_pred - like("smooth_l1", y_true, y_pred))
    if beta == 0:
        return d
    # Far away the square is not taken: it could overflow, and its gradient become 0 * infinity.
    near = ops.minimum(d, beta)
    return ops.where(d < beta, ops.square(near) / (2 * beta), d - beta / 2)


@keras.saving.register_keras_serializable(package="nngraph")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Squared near 0, linear beyond: `loss = d^2 / 2 if |d| <= delta else delta (|d| - delta / 2)`.

    Args:
        y_true: Numbers, of the shape of `y_pred`; d = y_pred - y_true.
        y_pred: Numbers (scores), of any shape; half precision is computed in 32 bits.
        delta: Where the two forms meet, in units of `y_pred`; positive.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ, or `delta` is not positive.

    References:
        Huber: Robust Estimation of a Location Parameter, 1964. PyTorch twin: `HuberLoss`.
        `keras.losses.Huber` is its mean along the last axis.
    """
    if delta <= 0:
        raise ValueError(f"huber needs delta > 0; got {delta}")
    return delta * smooth_l1(y_true, y_pred, delta)


@keras.saving.register_keras_serializable(package="nngraph")
class SmoothL1Loss(ElementLoss):
    """Mean of `d^2 / (2 beta)` near 0 and of `|d| - beta / 2` beyond; see `smooth_l1`.

    Args:
        beta: Where the two forms meet, in units of `y_pred`.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        beta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "smooth_l1",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.beta = float(beta)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return smooth_l1(y_true, y_pred, self.beta)


@keras.saving.register_keras_serializable(package="nngraph")
class HuberLoss(ElementLoss):
    """Mean of `d^2 / 2` near 0 and of `delta (|d| - delta / 2)` beyond; see `huber`.

    Args:
        delta: Where the two forms meet, in units of `y_pred`.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.delta = float(delta)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return huber(y_true, y_pred, self.delta)
