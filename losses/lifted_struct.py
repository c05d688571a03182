"""Lifted structured losses: each positive pair against all negatives of both its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, check_reducer, masked_logsumexp, pairs_of, reduced
from .distances import LpDistance, as_distance

__all__ = [
    "GeneralizedLiftedStructLoss",
    "LiftedStructLoss",
    "generalized_lifted_struct",
    "lifted_struct",
]


@keras.saving.register_keras_serializable(package="nngraph")
def lifted_struct(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    distance_metric: str | Callable[[Any], Any] = "L2",
    *,
    positive_margin: float = 0.0,
    reducer: str = "mean",
) -> Any:
    """Each positive pair against all negatives of both its samples.

    `J[i, j] = log(sum_n exp(margin - D[i, n]) + sum_n exp(margin - D[j, n])) + D[i, j]`, n being
    the negatives, and `loss = mean over positive pairs of max(0, J)^2 / 2`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        margin: Of negatives, in units of the distance.
        distance_metric: "L2", "squared-L2", "angular" or "cosine", a distance or similarity of
            this package, or a function from `(batch, d)` to `(batch, batch)`.
        positive_margin: What is taken off the distance of a positive pair.
        reducer: "mean", "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number; 0 where there is no positive pair or no negative.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Oh Song, Xiang, Jegelka, Savarese: Deep Metric Learning via Lifted Structured Feature
        Embedding, 2016 (https://arxiv.org/abs/1511.06452).
        TFA twin: `tfa.losses.lifted_struct_loss`, which is not a number without positive pairs or
        negatives, and overflows where distances are large.
        PML twin: `LiftedStructureLoss` of pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(lifted_struct(np.array([0, 0, 1, 1]), x)):.3f}")
        3.772
    """
    owner = "lifted_struct"
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance_metric)
    distance = as_distance(distance_metric, owner=owner)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    push = masked_logsumexp(sign * margin - d, negative, add_one=False)
    pull = d - sign * positive_margin
    losses = ops.square(ops.relu(ops.logaddexp(push, ops.transpose(push)) + pull)) / 2
    paired = ops.logical_and(positive, ops.any(negative, axis=1, keepdims=True))
    return reduced(losses, paired, reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
def generalized_lifted_struct(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    positive_margin: float = 0.0,
    reducer: str = "mean",
) -> Any:
    """All positives of an anchor against all its negatives.

    `loss = mean over anchors of max(0, log(sum_p exp(D[a, p] - positive_margin)) +
    log(sum_n exp(margin - D[a, n])))`; an empty sum counts as 1.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        margin: Of negatives, in units of the distance.
        distance_metric: As in `lifted_struct`; by default `losses.LpDistance()`, which normalises.
        positive_margin: What is taken off the distance of a positive pair.
        reducer: "mean", "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Hermans, Beyer, Leibe: In Defense of the Triplet Loss for Person Re-Identification, 2017
        (https://arxiv.org/abs/1703.07737), equation 8.
        PML twin: `GeneralizedLiftedStructureLoss` of pytorch-metric-learning.
    """
    owner = "generalized_lifted_struct"
    distance = as_distance(distance_metric or LpDistance(), owner=owner)
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    pull = masked_logsumexp(d - sign * positive_margin, positive, add_one=False)
    push = masked_logsumexp(sign * margin - d, negative, add_one=False)
    losses = ops.relu(pull + push)
    return reduced(losses, ops.ones_like(losses, dtype="bool"), reducer, owner=owner)


@keras.saving.register_keras_serializable(package="nngraph")
class LiftedStructLoss(BatchLoss):
    """Each positive pair against all negatives of both its samples; see `lifted_struct`.

    Args:
        margin: Of negatives, in units of the distance.
        distance_metric: "L2", "squared-L2", "angular", "cosine", a distance or a function.
        positive_margin: What is taken off the distance of a positive pair.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: str | Callable[[Any], Any] = "L2",
        *,
        positive_margin: float = 0.0,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "lifted_struct",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        as_distance(distance_metric, owner=type(self).__name__)
        check_reducer(reducer, owner=type(self).__name__)
        self.margin = float(margin)
        self.distance_metric = distance_metric
        self.positive_margin = float(positive_margin)
        self.reducer = reducer

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return lifted_struct(
            y_true,
            y_pred,
            self.margin,
            self.distance_metric,
            positive_margin=self.positive_margin,
            reducer=self.reducer,
        )


@keras.saving.register_keras_serializable(package="nngraph")
class GeneralizedLiftedStructLoss(BatchLoss):
    """All positives of an anchor against all its negatives; see `generalized_lifted_struct`.

    Args:
        margin: Of negatives, in units of the distance.
        distance_metric: As in `generalized_lifted_struct`.
        positive_margin: What is taken off the distance of a positive pair.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        positive_margin: float = 0.0,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "generalized_lifted_struct",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        as_distance(distance_metric or LpDistance(), owner=type(self).__name__)
        check_reducer(reducer, owner=type(self).__name__)
        self.margin = float(margin)
        self.distance_metric = distance_metric
        self.positive_margin = float(positive_margin)
        self.reducer = reducer

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return generalized_lifted_struct(
            y_true,
            y_pred,
            self.margin,
            self.distance_metric,
            positive_margin=self.positive_margin,
            reducer=self.reducer,
        )
