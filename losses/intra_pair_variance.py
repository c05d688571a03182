"""The intra-pair variance loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, pairs_of, reduced
from .distances import CosineSimilarity, as_distance

__all__ = ["IntraPairVarianceLoss", "intra_pair_variance"]


@keras.saving.register_keras_serializable(package="nngraph")
def intra_pair_variance(
    y_true: Any,
    y_pred: Any,
    positive_eps: float = 0.01,
    negative_eps: float = 0.01,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "mean",
) -> Any:
    """How far positives are less alike than most of them, and negatives more alike.

    `loss = mean_p max(0, (1 - positive_eps) m_p - S[p])^2 + mean_n max(0, S[n] -
    (1 + negative_eps) m_n)^2`, with m the mean similarity of all positive or negative pairs. Of
    distances, `max(0, D[p] - (1 + positive_eps) m_p)` and `max(0, (1 - negative_eps) m_n - D[n])`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        positive_eps: Tolerance of positives, a fraction of their mean.
        negative_eps: Tolerance of negatives, a fraction of their mean.
        distance_metric: A similarity or distance of this package, "L2", "squared-L2", "angular",
            "cosine", or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.CosineSimilarity()`.
        reducer: "mean" of the pairs of a kind, "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Yu, Tao: Deep Metric Learning with Tuplet Margin Loss, 2019.
        PML twin: `IntraPairVarianceLoss` of pytorch-metric-learning.
    """
    owner = "intra_pair_variance"
    distance = as_distance(distance_metric or CosineSimilarity(), owner=owner)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance)
    # Both tolerances widen the distance of positives and narrow that of negatives.
    pull = d - (1 + sign * positive_eps) * _mean(d, positive)
    push = (1 - sign * negative_eps) * _mean(d, negative) - d
    return reduced(ops.square(ops.relu(pull)), positive, reducer, owner=owner) + reduced(
        ops.square(ops.relu(push)), negative, reducer, owner=owner
    )


def _mean(d: Any, mask: Any) -> Any:
    count = ops.maximum(ops.sum(ops.cast(mask, d.dtype)), 1.0)
    return ops.sum(ops.where(mask, d, 0.0)) / count


@keras.saving.register_keras_serializable(package="nngraph")
class IntraPairVarianceLoss(BatchLoss):
    """How far pairs are behind the mean of their kind; see `intra_pair_variance`.

    Args:
        positive_eps: Tolerance of positives, a fraction of their mean.
        negative_eps: Tolerance of negatives, a fraction of their mean.
        distance_metric: As in `intra_pair_variance`.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        positive_eps: float = 0.01,
        negative_eps: float = 0.01,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "intra_pair_variance",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=CosineSimilarity())
        self.reduce_by(reducer)
        self.positive_eps = float(positive_eps)
        self.negative_eps = float(negative_eps)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return intra_pair_variance(
            y_true,
            y_pred,
            self.positive_eps,
            self.negative_eps,
            self.distance_metric,
            reducer=self.reducer,
        )
