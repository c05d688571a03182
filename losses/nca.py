"""Neighbourhood components analysis as a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from .distances import LpDistance

__all__ = ["NCALoss", "nca"]


@keras.saving.register_keras_serializable(package="nngraph")
def nca(
    y_true: Any,
    y_pred: Any,
    softmax_scale: float = 1.0,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "mean",
) -> Any:
    """The probability that a stochastic neighbour of each sample is of its class.

    `loss = mean over samples i of -log sum_p q(i, p)`, with `q(i, .)` the softmax over all
    `j != i` of `-softmax_scale D[i, j]`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        softmax_scale: What similarities are multiplied by.
        distance_metric: "L2", "squared-L2", "angular" or "cosine", a distance or similarity of
            this package, or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.LpDistance(power=2)`, squared and of normalised embeddings.
        reducer: "mean" of the samples that have a positive, "non-zero" or "sum".

    Returns:
        One number; 0 where no sample has a positive, where the original is not a number.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Goldberger, Roweis, Hinton, Salakhutdinov: Neighbourhood Components Analysis, 2004.
        PML twin: `NCALoss` of pytorch-metric-learning.
    """
    owner = "nca"
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance_metric or LpDistance(power=2))
    logits = -softmax_scale * d
    every = masked_logsumexp(logits, ops.logical_or(positive, negative), add_one=False)
    losses = (every - masked_logsumexp(logits, positive, add_one=False))[:, 0]
    return reduced(losses, ops.any(positive, axis=1), reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class NCALoss(BatchLoss):
    """The probability that a stochastic neighbour is of the same class; see `nca`.

    Args:
        softmax_scale: What similarities are multiplied by.
        distance_metric: As in `nca`.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        softmax_scale: float = 1.0,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "nca",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=LpDistance())
        self.reduce_by(reducer)
        self.softmax_scale = float(softmax_scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return nca(
            y_true,
            y_pred,
            self.softmax_scale,
            self.distance_metric,
            reducer=self.reducer,
        )
