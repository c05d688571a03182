"""Sparsemax, a softmax that gives exact zeros, and its loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like

__all__ = ["SparsemaxLoss", "sparsemax", "sparsemax_loss"]


@keras.saving.register_keras_serializable(package="nngraph")
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The nearest probabilities to some scores: `max(0, x - tau)`, tau such that they add up to 1.

    Args:
        x: Scores, of any shape, -inf for what is impossible; half precision is computed in 32
            bits.
        axis: Along which they are competing.

    Returns:
        Probabilities, of the shape of `x`.

    References:
        Martins, Astudillo: From Softmax to Sparsemax, 2016 (https://arxiv.org/abs/1602.02068),
        algorithm 1.
        TFA twin: `tfa.activations.sparsemax`. `keras.activations.sparsemax` takes no -inf.

    Example:
        >>> import numpy as np
        >>> [round(float(p), 4) for p in sparsemax(np.array([1.0, 0.5, -2.0], "float32"))]
        [0.75, 0.25, 0.0]
    """
    x = ops.moveaxis(as_float(x), axis, -1)
    z = x - ops.stop_gradient(ops.max(x, axis=-1, keepdims=True))
    ordered = ops.flip(ops.sort(z, axis=-1), axis=-1)
    count = ops.arange(1, x.shape[-1] + 1, dtype=x.dtype)
    # What lies more than 1 below the largest never takes part; sums of -inf are not numbers.
    ordered = ops.maximum(ordered, -2.0 * ops.ones_like(ordered))
    total = ops.cumsum(ordered, axis=-1)
    inside = 1 + count * ordered > total
    size = ops.sum(ops.cast(inside, "int32"), axis=-1, keepdims=True)
    # The largest always takes part; NaN compares to nothing and stays NaN.
    size = ops.maximum(size, 1)
    tau = (ops.take_along_axis(total, size - 1, axis=-1) - 1) / ops.cast(size, x.dtype)
    p = ops.where(z > tau, z - tau, ops.where(z <= tau, ops.zeros_like(z), z))
    return ops.moveaxis(p, -1, axis)


@keras.saving.register_keras_serializable(package="nngraph")
def sparsemax_loss(y_true: Any, y_pred: Any, from_logits: bool = True) -> Any:
    """The loss whose gradient is `sparsemax(x) - y`.

    `loss = sum of p (x - p / 2) + y (y / 2 - x)`, p = sparsemax(x).

    Args:
        y_true: Probabilities y, or one-hot labels, of the shape of `y_pred`.
        y_pred: Scores x, of shape `(..., classes)`, -inf for what is impossible; half precision
            is computed in 32 bits.
        from_logits: There for the sake of tensorflow-addons; only True is possible.

    Returns:
        One loss per vector of scores, of shape `(...)`.

    Raises:
        ValueError: If the shapes differ, or `from_logits` is False.

    References:
        Martins, Astudillo: From Softmax to Sparsemax, 2016 (https://arxiv.org/abs/1602.02068),
        equation 25. TFA twin: `tfa.losses.sparsemax_loss`, sparsemax_loss.py of
        tensorflow-addons.
    """
    if not from_logits:
        raise ValueError("sparsemax_loss needs scores: from_logits must be True")
    x = as_float(y_pred)
    y = like("sparsemax_loss", y_true, x)
    p = sparsemax(x)
    chosen = ops.not_equal(p, 0)
    own = ops.where(
        chosen, p * (ops.where(chosen, x, ops.zeros_like(x)) - 0.5 * p), ops.zeros_like(p)
    )
    # Where y is 0 the term is 0, for a score of -inf too.
    wanted = ops.not_equal(y, 0)
    true = y * (0.5 * y - ops.where(wanted, x, ops.zeros_like(x)))
    return ops.sum(own + true, axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class SparsemaxLoss(ElementLoss):
    """Mean of `sum of p (x - p / 2) + y (y / 2 - x)`, p = sparsemax(x); see `sparsemax_loss`.

    Args:
        from_logits: There for the sake of tensorflow-addons; only True is possible.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `from_logits` is False.
    """

    def __init__(
        self,
        from_logits: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sparsemax_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if not from_logits:
            raise ValueError("SparsemaxLoss needs scores: from_logits must be True")
        self.from_logits = True

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample."""
        return sparsemax_loss(y_true, y_pred)
