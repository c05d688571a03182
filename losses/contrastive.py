"""Contrastive losses: of given pair distances, as in tensorflow-addons, and of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, ConfiguredLoss, pairs_of, reduced
from ._euclidean import full_precision
from .distances import LpDistance, as_distance

__all__ = ["BatchContrastiveLoss", "ContrastiveLoss", "batch_contrastive", "contrastive"]


@keras.saving.register_keras_serializable(package="nngraph")
def contrastive(y_true: Any, y_pred: Any, margin: float = 1.0) -> Any:
    """Distances of alike pairs drawn to zero, those of unlike pairs pushed beyond a margin.

    `loss = y d^2 + (1 - y) max(0, margin - d)^2`.

    Args:
        y_true: 1 for an alike pair, 0 for an unlike one, or between; of the shape of `y_pred`.
        y_pred: Distances d of the pairs, of any shape; half precision is computed in 32 bits.
        margin: In units of the distance.

    Returns:
        One loss per pair, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ: `(n, 1)` and `(n,)` would give all n^2 combinations.

    References:
        Hadsell, Chopra, LeCun: Dimensionality Reduction by Learning an Invariant Mapping, 2006.
        TFA twin: `tfa.losses.contrastive_loss`.

    Example:
        >>> import numpy as np
        >>> d = np.array([0.5, 0.25], "float32")
        >>> [round(float(loss), 4) for loss in contrastive(np.array([1, 0]), d)]
        [0.25, 0.5625]
    """
    d = full_precision(y_pred)
    alike = ops.cast(ops.convert_to_tensor(y_true), d.dtype)
    known = zip(alike.shape, d.shape, strict=False)
    if len(alike.shape) != len(d.shape) or any(a != b for a, b in known if None not in (a, b)):
        raise ValueError(
            "contrastive needs a label for each distance; got labels of shape "
            f"{tuple(alike.shape)} and distances of shape {tuple(d.shape)}"
        )
    return alike * ops.square(d) + (1 - alike) * ops.square(ops.relu(margin - d))


@keras.saving.register_keras_serializable(package="nngraph")
def batch_contrastive(
    y_true: Any,
    y_pred: Any,
    positive_margin: float = 0.0,
    negative_margin: float = 1.0,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "non-zero",
    miner: Callable[[Any, Any], tuple[Any, Any]] | None = None,
    reference: tuple[Any, Any] | None = None,
) -> Any:
    """All pairs of a batch: alike ones within a margin, unlike ones beyond another.

    `loss = mean over alike pairs of max(0, D - positive_margin) + mean over unlike pairs of
    max(0, negative_margin - D)`. Of similarities S it is `max(0, positive_margin - S)` and
    `max(0, S - negative_margin)`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        positive_margin: In units of the distance; 1 is usual for a cosine similarity.
        negative_margin: In units of the distance; 0 is usual for a cosine similarity.
        distance_metric: "L2", "squared-L2", "angular" or "cosine", a distance or similarity of
            this package, or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.LpDistance()`, which normalises. `losses.SNRDistance()` gives the
            signal-to-noise-ratio contrastive loss.
        reducer: "non-zero" (mean of the losses above 0), "mean" or "sum", for each of the sums.
        miner: Which pairs count, such as `losses.pair_margin_pairs`; by default all.
        reference: `(labels, embeddings)` that rows are paired with, rather than with the batch.

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Hadsell, Chopra, LeCun: Dimensionality Reduction by Learning an Invariant Mapping, 2006.
        PML twins: `ContrastiveLoss` and `SignalToNoiseRatioContrastiveLoss` of
        pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [0.5], [1.25]], "float32")
        >>> print(f"{float(batch_contrastive(np.array([0, 0, 1]), x, distance_metric='L2')):.2f}")
        0.75
    """
    owner = "batch_contrastive"
    distance = as_distance(distance_metric or LpDistance(), owner=owner)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    d, positive, negative = pairs_of(
        owner, y_true, y_pred, distance, reference=reference, miner=miner
    )
    pull = ops.relu(d - sign * positive_margin)
    push = ops.relu(sign * negative_margin - d)
    return reduced(pull, positive, reducer, owner=owner) + reduced(
        push, negative, reducer, owner=owner
    )


@keras.saving.register_keras_serializable(package="nngraph")
class ContrastiveLoss(ConfiguredLoss):
    """`y d^2 + (1 - y) max(0, margin - d)^2` of pair distances d; see `contrastive`.

    Args:
        margin: In units of the distance.
        reduction: How the losses of the pairs become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "contrastive",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per pair."""
        return contrastive(y_true, y_pred, self.margin)


@keras.saving.register_keras_serializable(package="nngraph")
class BatchContrastiveLoss(BatchLoss):
    """All pairs of a batch, alike within a margin, unlike beyond another; see `batch_contrastive`.

    Args:
        positive_margin: In units of the distance.
        negative_margin: In units of the distance.
        distance_metric: As in `batch_contrastive`.
        reducer: "non-zero", "mean" or "sum".
        miner: Which pairs count, such as `losses.pair_margin_pairs`; by default all.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        positive_margin: float = 0.0,
        negative_margin: float = 1.0,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "non-zero",
        miner: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "batch_contrastive",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=LpDistance())
        self.reduce_by(reducer)
        self.positive_margin = float(positive_margin)
        self.negative_margin = float(negative_margin)
        self.miner = miner

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return batch_contrastive(
            y_true,
            y_pred,
            self.positive_margin,
            self.negative_margin,
            self.distance_metric,
            reducer=self.reducer,
            miner=self.miner,
        )
