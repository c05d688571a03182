"""The angular loss."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ._batch_loss import (
    BatchLoss,
    attach,
    check_reducer,
    checked,
    masked_logsumexp,
    pair_masks,
)
from ._euclidean import normalized

__all__ = ["AngularLoss", "angular"]


@keras.saving.register_keras_serializable(package="nngraph")
def angular(y_true: Any, y_pred: Any, alpha: float = 40.0, *, reducer: str = "mean") -> Any:
    """The angle at each negative, of the triangle it makes with each positive pair.

    `loss = mean over positive pairs of log(1 + sum_n exp(4 tan^2(alpha) (a + p) . n -
    2 (1 + tan^2(alpha)) a . p))`. Triplets are visited one positive of every anchor at a time:
    memory is O(N^2), time is that of the triplets.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
            As in the original, they are normalised as a and p but not as n.
        alpha: The angle, in degrees, that is tolerated.
        reducer: "mean" of the positive pairs, "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number, whose first derivative alone is known; 0 where there is no positive pair or no
        negative.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Wang, Zhou, Wen, Liu, Lin: Deep Metric Learning with Angular Loss, 2017
        (https://arxiv.org/abs/1708.01682).
        PML twin: `AngularLoss` of pytorch-metric-learning.
    """
    owner = "angular"
    check_reducer(reducer, owner=owner)
    labels, embeddings = checked(owner, y_true, y_pred)
    unit = normalized(embeddings)
    products = ops.matmul(unit, ops.transpose(embeddings))
    cosines = ops.matmul(unit, ops.transpose(unit))
    value, from_products, from_cosines = _visit(
        ops.stop_gradient(products),
        ops.stop_gradient(cosines),
        pair_masks(labels),
        math.tan(math.radians(alpha)) ** 2,
        reducer,
    )
    return attach(value, from_products, products) + attach(
        ops.zeros_like(value), from_cosines, cosines
    )


def _visit(
    products: Any, cosines: Any, masks: tuple[Any, Any], square: float, reducer: str
) -> tuple[Any, Any, Any]:
    """The loss, and its derivatives with respect to both matrices."""
    positive, negative = masks
    opposed = ops.any(negative, axis=1)
    rank = ops.cumsum(ops.cast(positive, "int32"), axis=1) * ops.cast(positive, "int32")
    zero = ops.zeros((), products.dtype)

    def step(
        k: Any, total: Any, counted: Any, to_products: Any, to_cosines: Any
    ) -> tuple[Any, ...]:
        chosen = rank == k
        valid = ops.logical_and(ops.any(chosen, axis=1), opposed)
        p = ops.argmax(ops.cast(chosen, "int32"), axis=1)
        near = ops.sum(ops.where(chosen, cosines, 0.0), axis=1, keepdims=True)
        exponent = 4 * square * (products + ops.take(products, p, axis=0))
        exponent = exponent - 2 * (1 + square) * near
        losses = masked_logsumexp(exponent, negative, add_one=True)
        shares = ops.where(negative, ops.exp(ops.where(negative, exponent - losses, 0.0)), 0.0)
        shares = ops.where(valid[:, None], shares, 0.0)
        losses = ops.where(valid, losses[:, 0], 0.0)
        above = losses > 0 if reducer == "non-zero" else valid
        slope = 4 * square * shares
        to_products = to_products + slope + ops.scatter(p[:, None], slope, ops.shape(slope))
        pull = -2 * (1 + square) * ops.sum(shares, axis=1, keepdims=True)
        to_cosines = to_cosines + ops.where(chosen, pull, 0.0)
        counted = counted + ops.sum(ops.cast(above, losses.dtype))
        return k + 1, total + ops.sum(losses), counted, to_products, to_cosines

    last = ops.max(rank)
    _, total, counted, to_products, to_cosines = ops.while_loop(
        lambda k, *_: k <= last,
        step,
        (
            ops.ones((), "int32"),
            zero,
            zero,
            ops.zeros_like(products),
            ops.zeros_like(cosines),
        ),
    )
    divisor = ops.ones_like(counted) if reducer == "sum" else ops.maximum(counted, 1.0)
    return total / divisor, to_products / divisor, to_cosines / divisor


@keras.saving.register_keras_serializable(package="nngraph")
class AngularLoss(BatchLoss):
    """The angle at each negative, of the triangle it makes with a positive pair; see `angular`.

    Args:
        alpha: The angle, in degrees, that is tolerated.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        alpha: float = 40.0,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "angular",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.reduce_by(reducer)
        self.alpha = float(alpha)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return angular(
            y_true,
            y_pred,
            self.alpha,
            reducer=self.reducer,
        )
