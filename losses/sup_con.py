"""The supervised contrastive loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from .distances import CosineSimilarity

__all__ = ["SupConLoss", "sup_con"]


@keras.saving.register_keras_serializable(package="nngraph")
def sup_con(
    y_true: Any,
    y_pred: Any,
    temperature: float = 0.1,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "non-zero",
    reference: tuple[Any, Any] | None = None,
) -> Any:
    """The mean log-probability of the positives of each anchor, among all other samples.

    `loss = mean over anchors i of -mean_p log(e(i, p) / sum_(j != i) e(i, j))`, with
    `e(i, j) = exp(S[i, j] / temperature)`. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        temperature: What similarities are divided by.
        distance_metric: A similarity or distance of this package, "L2", "squared-L2", "angular",
            "cosine", or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.CosineSimilarity()`. Of distances D, S = -D.
        reducer: "non-zero" (mean of the anchors whose loss is above 0), "mean" or "sum".
        reference: `(labels, embeddings)` that rows are compared with, rather than the batch.

    Returns:
        One number; 0 where there is no positive pair or, as in the original, no negative.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Khosla et al.: Supervised Contrastive Learning, 2020 (https://arxiv.org/abs/2004.11362).
        PML twin: `SupConLoss` of pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "float32")
        >>> print(f"{float(sup_con(np.array([0, 0, 1]), x, temperature=1.0)):.4f}")
        0.3133
    """
    owner = "sup_con"
    d, positive, negative = pairs_of(
        owner, y_true, y_pred, distance_metric or CosineSimilarity(), reference=reference
    )
    logits = -d / temperature
    every = masked_logsumexp(logits, ops.logical_or(positive, negative), add_one=False)
    count = ops.sum(ops.cast(positive, d.dtype), axis=1)
    log_probability = ops.sum(ops.where(positive, logits - every, 0.0), axis=1)
    losses = -log_probability / ops.maximum(count, 1.0)
    valid = ops.logical_and(ops.ones_like(count, dtype="bool"), ops.any(negative))
    return reduced(losses, valid, reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class SupConLoss(BatchLoss):
    """Each anchor with all its positives against everything else; see `sup_con`.

    Args:
        temperature: What similarities are divided by.
        distance_metric: As in `sup_con`.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "non-zero",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sup_con",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=CosineSimilarity())
        self.reduce_by(reducer)
        self.temperature = float(temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return sup_con(
            y_true,
            y_pred,
            self.temperature,
            self.distance_metric,
            reducer=self.reducer,
        )
