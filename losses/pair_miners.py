"""Miners of pairs: which pairs of a batch a loss is made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._batch_loss import pairs_of
from .distances import CosineSimilarity, LpDistance

__all__ = ["multi_similarity_pairs", "pair_margin_pairs"]


@keras.saving.register_keras_serializable(package="nngraph")
def pair_margin_pairs(
    y_true: Any,
    y_pred: Any,
    positive_margin: float = 0.2,
    negative_margin: float = 0.8,
    distance_metric: Any = None,
) -> tuple[Any, Any]:
    """Positive pairs beyond one margin, and negative pairs within another.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`.
        positive_margin: In units of the distance.
        negative_margin: In units of the distance.
        distance_metric: A distance or similarity of this package, a name, or a function; by
            default `losses.LpDistance()`, which normalises.

    Returns:
        Two boolean masks of shape `(batch, batch)`: positive and negative pairs.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        PML twin: `PairMarginMiner` of pytorch-metric-learning.
    """
    distance = distance_metric or LpDistance()
    d, positive, negative = pairs_of("pair_margin_pairs", y_true, y_pred, distance)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    return (
        ops.logical_and(positive, d > sign * positive_margin),
        ops.logical_and(negative, d < sign * negative_margin),
    )


@keras.saving.register_keras_serializable(package="nngraph")
def multi_similarity_pairs(
    y_true: Any, y_pred: Any, epsilon: float = 0.1, distance_metric: Any = None
) -> tuple[Any, Any]:
    """Positives less alike than the most alike negative, and negatives than the least positive.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`.
        epsilon: By how much they may be on the right side and still count.
        distance_metric: A distance or similarity of this package, a name, or a function; by
            default `losses.CosineSimilarity()`.

    Returns:
        Two boolean masks of shape `(batch, batch)`: positive and negative pairs.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        Wang, Han, Huang, Dong, Scott, 2019 (https://arxiv.org/abs/1904.06627).
        PML twin: `MultiSimilarityMiner` of pytorch-metric-learning.
    """
    owner = "multi_similarity_pairs"
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance_metric or CosineSimilarity())
    d = ops.stop_gradient(d)
    nearest = ops.min(ops.where(negative, d, float("inf")), axis=1, keepdims=True)
    farthest = ops.max(ops.where(positive, d, float("-inf")), axis=1, keepdims=True)
    return (
        ops.logical_and(positive, d + epsilon > nearest),
        ops.logical_and(negative, d - epsilon < farthest),
    )
