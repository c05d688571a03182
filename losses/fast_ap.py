"""Average precision by soft histograms of distances."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, pairs_of, reduced
from .distances import LpDistance

__all__ = ["FastAPLoss", "fast_ap"]


@keras.saving.register_keras_serializable(package="nngraph")
def fast_ap(y_true: Any, y_pred: Any, num_bins: int = 10, *, reducer: str = "mean") -> Any:
    """One minus the average precision of retrieving the positives of each anchor.

    With `h+` and `h` soft histograms, over the bins of `D[a, .] = |a - b|^2` of normalised
    embeddings, of positives and of all others, and H their running sums, `loss = mean over
    anchors of 1 - sum_b h+[b] H+[b] / H[b] / (number of positives)`. Memory is O(N^2 num_bins).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        num_bins: Bins of the histograms, between 0 and 4.
        reducer: "mean" of the anchors that have a positive, "non-zero" or "sum".

    Returns:
        One number; 0 where no anchor has a positive.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Cakir, He, Xia, Kulis, Sclaroff: Deep Metric Learning to Rank, 2019.
        PML twin: `FastAPLoss` of pytorch-metric-learning.
    """
    owner = "fast_ap"
    d, positive, negative = pairs_of(owner, y_true, y_pred, LpDistance(power=2))
    width = 4.0 / num_bins
    hits, others = [], []
    for edge in range(num_bins + 1):
        pulse = ops.relu(1 - ops.abs(d - edge * width) / width)
        hits.append(ops.sum(ops.where(positive, pulse, 0.0), axis=1))
        others.append(ops.sum(ops.where(negative, pulse, 0.0), axis=1))
    hit = ops.stack(hits, axis=1)
    hit_so_far = ops.cumsum(hit, axis=1)
    so_far = ops.cumsum(hit + ops.stack(others, axis=1), axis=1)
    found = ops.logical_and(hit * hit_so_far > 0, so_far > 0)
    precision = ops.where(found, hit * hit_so_far / ops.where(found, so_far, 1.0), 0.0)
    count = ops.sum(ops.cast(positive, d.dtype), axis=1)
    losses = 1 - ops.sum(precision, axis=1) / ops.maximum(count, 1.0)
    return reduced(losses, count > 0, reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class FastAPLoss(BatchLoss):
    """One minus the average precision of retrieval, by soft histograms; see `fast_ap`.

    Args:
        num_bins: Bins of the histograms.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        num_bins: int = 10,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "fast_ap",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.reduce_by(reducer)
        self.num_bins = int(num_bins)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return fast_ap(
            y_true,
            y_pred,
            self.num_bins,
            reducer=self.reducer,
        )
