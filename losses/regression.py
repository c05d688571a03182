"""The absolute and the squared error, one value per element as in Torch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like

__all__ = [
    "L1Loss",
    "MSELoss",
    "absolute_error",
    "squared_error",
]


@keras.saving.register_keras_serializable(package="nngraph")
def absolute_error(y_true: Any, y_pred: Any) -> Any:
    """The distance of two numbers: `loss = |y_pred - y_true|`.

    Args:
        y_true: Numbers, of the shape of `y_pred`.
        y_pred: Numbers, of any shape; half precision is computed in 32 bits.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ.

    References:
        Torch twin: `nn.AbsCriterion`, AbsCriterion.lua of https://github.com/torch/nn.
        PyTorch twin: `L1Loss`.

    Example:
        >>> import numpy as np
        >>> loss = absolute_error(np.array([1.0, 2.0]), np.array([0.5, 4.0]))
        >>> [float(x) for x in loss]
        [0.5, 2.0]
    """
    y_pred = as_float(y_pred)
    return ops.abs(y_pred - like("absolute_error", y_true, y_pred))


@keras.saving.register_keras_serializable(package="nngraph")
def squared_error(y_true: Any, y_pred: Any, target_weights: Any = None) -> Any:
    """The squared distance of two numbers: `loss = (y_pred - w y_true)^2`.

    Args:
        y_true: Numbers, of the shape of `y_pred`.
        y_pred: Numbers, of any shape; half precision is computed in 32 bits.
        target_weights: w, what the targets are multiplied by (the targets alone: that is what
            Torch's weights do); an array of the shape of the last axes of `y_pred`; by default 1.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ, or the weights do not fit the last axes.

    References:
        Torch twin: `nn.MSECriterion` and `nn.WeightedMSECriterion`, MSECriterion.lua and
        WeightedMSECriterion.lua of https://github.com/torch/nn. PyTorch twin: `MSELoss`.
    """
    y_pred = as_float(y_pred)
    y_true = like("squared_error", y_true, y_pred)
    if target_weights is not None:
        w = ops.convert_to_tensor(target_weights, dtype=y_pred.dtype)
        if not 0 < len(w.shape) <= len(y_pred.shape) or any(
            known is not None and size != known
            for size, known in zip(w.shape, y_pred.shape[-len(w.shape) :], strict=True)
        ):
            raise ValueError(
                f"squared_error got target_weights of shape {tuple(w.shape)}, which are not the "
                f"last axes of y_pred, {tuple(y_pred.shape)}"
            )
        y_true = y_true * w
    return ops.square(y_pred - y_true)


@keras.saving.register_keras_serializable(package="nngraph")
class L1Loss(ElementLoss):
    """Mean of `|y_pred - y_true|`; see `absolute_error`.

    Args:
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "absolute_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return absolute_error(y_true, y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class MSELoss(ElementLoss):
    """Mean of `(y_pred - w y_true)^2`; see `squared_error`.

    Args:
        target_weights: What the targets are multiplied by, of the shape of the last axes of
            `y_pred`; by default 1.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        target_weights: Any = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        given = None if target_weights is None else np.asarray(target_weights, "float64").tolist()
        self.target_weights = given

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return squared_error(y_true, y_pred, self.target_weights)
