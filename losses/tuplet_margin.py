"""The tuplet margin loss."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from ._euclidean import safe_power
from .distances import CosineSimilarity

__all__ = ["TupletMarginLoss", "tuplet_margin"]


@keras.saving.register_keras_serializable(package="nngraph")
def tuplet_margin(
    y_true: Any,
    y_pred: Any,
    margin: float = 5.73,
    scale: float = 64.0,
    *,
    reducer: str = "mean",
) -> Any:
    """Each positive pair, its angle made smaller by a margin, against the negatives of its anchor.

    `loss = mean over positive pairs of log(1 + sum_n exp(scale (cos t[a, n] -
    cos(t[a, p] - margin))))`, t being angles between embeddings.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        margin: In degrees.
        scale: What cosines are multiplied by.
        reducer: "mean" of the positive pairs, "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number; 0 where there is no positive pair or no negative. Positives in the same
        direction, where the original's gradient is not a number, have the gradient of `cos t`
        alone.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Yu, Tao: Deep Metric Learning with Tuplet Margin Loss, 2019.
        PML twin: `TupletMarginLoss` of pytorch-metric-learning.
    """
    owner = "tuplet_margin"
    d, positive, negative = pairs_of(owner, y_true, y_pred, CosineSimilarity())
    cosine = -d
    turn = math.radians(margin)
    sine = safe_power(ops.relu(1 - ops.square(cosine)), 0.5)
    nearer = cosine * math.cos(turn) + sine * math.sin(turn)
    others = masked_logsumexp(scale * cosine, negative, add_one=False)
    opposed = ops.any(negative, axis=1, keepdims=True)
    losses = ops.where(opposed, ops.softplus(others - scale * nearer), 0.0)
    return reduced(losses, positive, reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class TupletMarginLoss(BatchLoss):
    """Each positive pair, by a margin, against the negatives of its anchor; see `tuplet_margin`.

    Args:
        margin: In degrees.
        scale: What cosines are multiplied by.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 5.73,
        scale: float = 64.0,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tuplet_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.reduce_by(reducer)
        self.margin = float(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return tuplet_margin(
            y_true,
            y_pred,
            self.margin,
            self.scale,
            reducer=self.reducer,
        )
