"""The sum of absolute values, a penalty that keeps activations sparse."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float

__all__ = ["L1CostLoss", "l1_cost"]


@keras.saving.register_keras_serializable(package="nngraph")
def l1_cost(y_true: Any, y_pred: Any) -> Any:
    """The size of an activation, to keep it sparse: `loss = |y_pred|`.

    Args:
        y_true: Ignored; may be None.
        y_pred: Numbers, of any shape; half precision is computed in 32 bits.

    Returns:
        One loss per element, of the shape of `y_pred`.

    References:
        Torch twin: `nn.L1Cost`, L1Cost.lua of https://github.com/torch/nn.
    """
    return ops.abs(as_float(y_pred))


@keras.saving.register_keras_serializable(package="nngraph")
class L1CostLoss(ElementLoss):
    """Sum of `|y_pred|`; see `l1_cost`.

    Args:
        reduction: How the losses of the elements become one number; Torch's is the sum.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self, reduction: str | None = "sum", name: str | None = "l1_cost", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return l1_cost(y_true, y_pred)
