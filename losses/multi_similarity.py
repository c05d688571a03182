"""The multi-similarity loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from .distances import CosineSimilarity, as_distance

__all__ = ["MultiSimilarityLoss", "multi_similarity"]


@keras.saving.register_keras_serializable(package="nngraph")
def multi_similarity(
    y_true: Any,
    y_pred: Any,
    alpha: float = 2.0,
    beta: float = 50.0,
    base: float = 0.5,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "mean",
    miner: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    reference: tuple[Any, Any] | None = None,
) -> Any:
    """All positives and negatives of each anchor, weighted by how hard they are.

    `loss = mean over anchors of log(1 + sum_p exp(-alpha (S[a, p] - base))) / alpha +
    log(1 + sum_n exp(beta (S[a, n] - base))) / beta`. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        alpha: Weight of positives in the exponent.
        beta: Weight of negatives in the exponent.
        base: The similarity that both are measured from.
        distance_metric: A similarity or distance of this package, "L2", "squared-L2", "angular",
            "cosine", or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.CosineSimilarity()`. Of distances D, S = -D.
        reducer: "mean" of the anchors, "non-zero" (mean of the losses above 0) or "sum".
        miner: Which pairs count, such as `losses.multi_similarity_pairs`; by default all.
        reference: `(labels, embeddings)` that rows are compared with, rather than the batch.

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Wang, Han, Huang, Dong, Scott: Multi-Similarity Loss with General Pair Weighting for Deep
        Metric Learning, 2019 (https://arxiv.org/abs/1904.06627).
        PML twin: `MultiSimilarityLoss` of pytorch-metric-learning.
    """
    owner = "multi_similarity"
    distance = as_distance(distance_metric or CosineSimilarity(), owner=owner)
    base = -base if getattr(distance, "similarity", False) else base
    d, positive, negative = pairs_of(
        owner, y_true, y_pred, distance, reference=reference, miner=miner
    )
    pull = masked_logsumexp(alpha * (d - base), positive, add_one=True)[:, 0] / alpha
    push = masked_logsumexp(beta * (base - d), negative, add_one=True)[:, 0] / beta
    return reduced(pull + push, ops.ones_like(pull, dtype="bool"), reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class MultiSimilarityLoss(BatchLoss):
    """All positives and negatives of each anchor, the hard ones most; see `multi_similarity`.

    Args:
        alpha: Weight of positives in the exponent.
        beta: Weight of negatives in the exponent.
        base: The similarity that both are measured from.
        distance_metric: As in `multi_similarity`.
        reducer: "mean", "non-zero" or "sum".
        miner: Which pairs count; by default all.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "mean",
        miner: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "multi_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=CosineSimilarity())
        self.reduce_by(reducer)
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.base = float(base)
        self.miner = miner

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return multi_similarity(
            y_true,
            y_pred,
            self.alpha,
            self.beta,
            self.base,
            self.distance_metric,
            reducer=self.reducer,
            miner=self.miner,
        )
