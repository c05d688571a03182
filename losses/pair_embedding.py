"""Losses of pairs: alike ones drawn together, unlike ones pushed apart, or one ranked higher."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like, parts
from ._numerics import hinge, norm

__all__ = [
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "cosine_embedding",
    "hinge_embedding",
    "margin_ranking",
]

_EPSILON = 1e-12


@keras.saving.register_keras_serializable(package="nngraph")
def hinge_embedding(y_true: Any, y_pred: Any, margin: float = 1.0, p: float | None = None) -> Any:
    """Alike pairs drawn together, others pushed apart: `loss = d if y = 1 else max(0, margin - d)`.

    Args:
        y_true: y, 1 for alike, -1 for unlike; one for each distance.
        y_pred: Distances d, of any shape; or, if `p` is given, pairs of embeddings, of shape
            `(batch, 2, d)` or a list of two `(batch, d)`. Half precision is computed in 32 bits.
        margin: In units of the distance.
        p: 1 or 2: d is the L1 or L2 distance of each pair. None: `y_pred` holds the distances.

    Returns:
        One loss per distance.

    Raises:
        ValueError: If the shapes do not fit, or `p` is less than 1.

    References:
        Torch twin: `nn.HingeEmbeddingCriterion` and `nn.L1HingeEmbeddingCriterion` (`p=1`),
        HingeEmbeddingCriterion.lua and L1HingeEmbeddingCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `HingeEmbeddingLoss`.

    Example:
        >>> import numpy as np
        >>> loss = hinge_embedding(np.array([1, -1]), np.array([0.5, 0.25], "float32"))
        >>> [float(x) for x in loss]
        [0.5, 0.75]
    """
    if p is None:
        d = as_float(y_pred)
    else:
        if p < 1:
            raise ValueError(f"hinge_embedding needs p >= 1, or None for distances; got {p}")
        a, b = parts("hinge_embedding", y_pred, ("one", "other"), rank=2)
        d = norm(a - b, p)
    return ops.where(like("hinge_embedding", y_true, d) > 0, d, hinge(margin - d))


@keras.saving.register_keras_serializable(package="nngraph")
def cosine_embedding(y_true: Any, y_pred: Any, margin: float = 0.0) -> Any:
    """Alike pairs made parallel: `loss = 1 - cos if y = 1 else max(0, cos - margin)`.

    `cos = a . b / sqrt((|a|^2 + e) (|b|^2 + e))`, e = 1e-12.

    Args:
        y_true: y, 1 for alike, -1 for unlike, of shape `(batch,)`.
        y_pred: Pairs a, b of embeddings, of shape `(batch, 2, d)` or a list of two
            `(batch, d)`; half precision is computed in 32 bits.
        margin: In units of the cosine, from -1 to 1.

    Returns:
        One loss per pair, of shape `(batch,)`.

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Torch twin: `nn.CosineEmbeddingCriterion`, CosineEmbeddingCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `CosineEmbeddingLoss`.
    """
    a, b = parts("cosine_embedding", y_pred, ("one", "other"), rank=2)
    product = ops.sum(a * b, axis=-1)
    squares = [ops.sum(ops.square(x), axis=-1) + _EPSILON for x in (a, b)]
    # One root of the product: so the cosine of equal vectors is exactly 1.
    cosine = product / ops.sqrt(squares[0] * squares[1])
    alike = like("cosine_embedding", y_true, cosine) > 0
    return ops.where(alike, 1 - cosine, hinge(cosine - margin))


@keras.saving.register_keras_serializable(package="nngraph")
def margin_ranking(y_true: Any, y_pred: Any, margin: float = 1.0) -> Any:
    """The one score above the other by a margin: `loss = max(0, margin - y_true (x1 - x2))`.

    Args:
        y_true: 1 if x1 should be the higher, -1 if x2; one for each pair of scores.
        y_pred: Scores x1, x2, of shape `(batch, 2, ...)` or a list of two of one shape; half
            precision is computed in 32 bits.
        margin: In units of the scores. PyTorch's default is 0.

    Returns:
        One loss per pair.

    Raises:
        ValueError: If the shapes do not fit.

    References:
        Torch twin: `nn.MarginRankingCriterion`, MarginRankingCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `MarginRankingLoss`.
    """
    first, second = parts("margin_ranking", y_pred, ("x1", "x2"))
    difference = first - second
    return hinge(margin - like("margin_ranking", y_true, difference) * difference)


@keras.saving.register_keras_serializable(package="nngraph")
class HingeEmbeddingLoss(ElementLoss):
    """Mean of `d if y = 1 else max(0, margin - d)`; see `hinge_embedding`.

    Args:
        margin: In units of the distance.
        p: 1 or 2: d is the L1 or L2 distance of each pair. None: `y_pred` holds the distances.
        reduction: How the losses of the pairs become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge_embedding",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.p = p

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per pair."""
        return hinge_embedding(y_true, y_pred, self.margin, self.p)


@keras.saving.register_keras_serializable(package="nngraph")
class CosineEmbeddingLoss(ElementLoss):
    """Mean of `1 - cos if y = 1 else max(0, cos - margin)`; see `cosine_embedding`.

    Args:
        margin: In units of the cosine.
        reduction: How the losses of the pairs become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 0.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_embedding",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per pair."""
        return cosine_embedding(y_true, y_pred, self.margin)


@keras.saving.register_keras_serializable(package="nngraph")
class MarginRankingLoss(ElementLoss):
    """Mean of `max(0, margin - y_true (x1 - x2))`; see `margin_ranking`.

    Args:
        margin: In units of the scores.
        reduction: How the losses of the pairs become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "margin_ranking",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per pair."""
        return margin_ranking(y_true, y_pred, self.margin)
