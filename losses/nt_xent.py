"""NT-Xent, the normalised temperature-scaled cross-entropy of SimCLR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from .distances import CosineSimilarity

__all__ = ["NTXentLoss", "nt_xent"]


@keras.saving.register_keras_serializable(package="nngraph")
def nt_xent(
    y_true: Any,
    y_pred: Any,
    temperature: float = 0.07,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "mean",
    reference: tuple[Any, Any] | None = None,
) -> Any:
    """Cross-entropy of each positive pair against the negatives of its anchor.

    `loss = mean over positive pairs of -log(e(i, j) / (e(i, j) + sum_n e(i, n)))`, with
    `e(i, j) = exp(S[i, j] / temperature)`. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        temperature: What similarities are divided by.
        distance_metric: A similarity or distance of this package, "L2", "squared-L2", "angular",
            "cosine", or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.CosineSimilarity()`. Of distances D, S = -D.
        reducer: "mean" of the positive pairs, "non-zero" (mean of the losses above 0) or "sum".
        reference: `(labels, embeddings)` that rows are compared with, rather than the batch.

    Returns:
        One number; 0 where there is no positive pair or no negative.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Sohn, 2016; Chen, Kornblith, Norouzi, Hinton: A Simple Framework for Contrastive Learning
        of Visual Representations, 2020 (https://arxiv.org/abs/2002.05709).
        PML twin: `NTXentLoss` of pytorch-metric-learning, whose losses end at 87.3 a pair.

    Example:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], "float32")
        >>> print(f"{float(nt_xent(np.array([0, 0, 1]), x, temperature=1.0)):.4f}")
        0.3133
    """
    owner = "nt_xent"
    d, positive, negative = pairs_of(
        owner, y_true, y_pred, distance_metric or CosineSimilarity(), reference=reference
    )
    logits = -d / temperature
    others = masked_logsumexp(logits, negative, add_one=False)
    opposed = ops.any(negative, axis=1, keepdims=True)
    losses = ops.where(opposed, ops.softplus(others - logits), 0.0)
    return reduced(losses, positive, reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class NTXentLoss(BatchLoss):
    """Each positive pair against the negatives of its anchor; see `nt_xent`.

    Args:
        temperature: What similarities are divided by.
        distance_metric: As in `nt_xent`.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        temperature: float = 0.07,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "nt_xent",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=CosineSimilarity())
        self.reduce_by(reducer)
        self.temperature = float(temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return nt_xent(
            y_true,
            y_pred,
            self.temperature,
            self.distance_metric,
            reducer=self.reducer,
        )
