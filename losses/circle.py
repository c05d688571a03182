"""The circle loss for class labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from .distances import CosineSimilarity

__all__ = ["CircleLoss", "circle"]


@keras.saving.register_keras_serializable(package="nngraph")
def circle(
    y_true: Any,
    y_pred: Any,
    m: float = 0.4,
    gamma: float = 80.0,
    *,
    reducer: str = "non-zero",
) -> Any:
    """Cosines of positives drawn to 1 - m and of negatives to m, the farthest off the most.

    `loss = mean over anchors of softplus(log sum_n exp(gamma w_n (S[a, n] - m)) +
    log sum_p exp(-gamma w_p (S[a, p] - 1 + m)))`, with weights `w_n = max(0, S[a, n] + m)` and
    `w_p = max(0, 1 + m - S[a, p])` that have no gradient. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        m: The relaxation margin.
        gamma: The scale of similarities.
        reducer: "non-zero" (mean of the anchors whose loss is above 0), "mean" or "sum".

    Returns:
        One number; an anchor without positives or without negatives has loss 0.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Sun et al.: Circle Loss, 2020 (https://arxiv.org/abs/2002.10857).
        PML twin: `CircleLoss` of pytorch-metric-learning.
    """
    owner = "circle"
    d, positive, negative = pairs_of(owner, y_true, y_pred, CosineSimilarity())
    similarity = -d
    fixed = ops.stop_gradient(similarity)
    pull = -gamma * ops.relu(1 + m - fixed) * (similarity - 1 + m)
    push = gamma * ops.relu(fixed + m) * (similarity - m)
    both = masked_logsumexp(pull, positive, add_one=False) + masked_logsumexp(
        push, negative, add_one=False
    )
    valid = ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))
    losses = ops.where(valid, ops.softplus(both[:, 0]), 0.0)
    return reduced(losses, ops.ones_like(valid), reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class CircleLoss(BatchLoss):
    """Positives and negatives of each anchor, those far from their optimum the most; see `circle`.

    Args:
        m: The relaxation margin.
        gamma: The scale of similarities.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        m: float = 0.4,
        gamma: float = 80.0,
        *,
        reducer: str = "non-zero",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "circle",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.reduce_by(reducer)
        self.m = float(m)
        self.gamma = float(gamma)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return circle(
            y_true,
            y_pred,
            self.m,
            self.gamma,
            reducer=self.reducer,
        )
