"""The pinball loss, whose least value is a quantile."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like
from ._numerics import maximum

__all__ = ["PinballLoss", "pinball"]


@keras.saving.register_keras_serializable(package="nngraph")
def pinball(y_true: Any, y_pred: Any, tau: Any = 0.5) -> Any:
    """Quantile loss: `loss = mean of max(tau (y - x), (tau - 1) (y - x))` along the last axis.

    Args:
        y_true: Numbers y, of the shape of `y_pred`.
        y_pred: Estimates x of the quantile, of shape `(..., d)`; half precision is computed in
            32 bits.
        tau: The quantile, from 0 to 1: a number, or an array that broadcasts against `y_pred`.

    Returns:
        The mean along the last axis, of shape `(...)`.

    Raises:
        ValueError: If the shapes differ, or a quantile lies outside 0..1.

    References:
        Koenker, Bassett: Regression Quantiles, 1978.
        TFA twin: `tfa.losses.pinball_loss`, quantiles.py of tensorflow-addons.

    Example:
        >>> import numpy as np
        >>> print(f"{float(pinball([[0.0, 0.0]], [[1.0, -1.0]], tau=0.1)[0]):.2f}")
        0.50
    """
    x = as_float(y_pred)
    if np.min(tau) < 0 or np.max(tau) > 1:
        raise ValueError(f"pinball needs quantiles tau from 0 to 1; got {tau}")
    difference = like("pinball", y_true, x) - x
    tau = ops.convert_to_tensor(tau, dtype=x.dtype)
    return ops.mean(maximum(tau * difference, (tau - 1) * difference), axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class PinballLoss(ElementLoss):
    """Mean of `max(tau (y - x), (tau - 1) (y - x))`; see `pinball`.

    Args:
        tau: The quantile, from 0 to 1: a number, or an array that broadcasts against `y_pred`.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        tau: Any = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "pinball",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.tau = np.asarray(tau, "float64").tolist()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The mean along the last axis of each sample."""
        return pinball(y_true, y_pred, self.tau)
