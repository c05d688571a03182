"""The triplet embedding loss of FaceNet, as Torch7's TripletEmbeddingCriterion computes it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import parts

__all__ = ["TripletEmbeddingLoss", "triplet_embedding"]


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_embedding(y_true: Any, y_pred: Any, alpha: float = 0.2) -> Any:
    """How far each anchor is from being nearer to its positive than to its negative.

    For each triplet: `loss = max(0, |a - p|^2 + alpha - |a - n|^2)`, with squared Euclidean
    distances. A triplet whose loss is zero has a zero gradient.

    Args:
        y_true: Ignored (the order inside a triplet says what is alike); may be None.
        y_pred: Embeddings, floating point, of shape `(batch, 3, d)` in the order anchor,
            positive, negative; or a list or tuple `[a, p, n]` of three `(batch, d)`. Half
            precision is computed in 32 bits.
        alpha: The margin, in units of squared distance.

    Returns:
        One loss per triplet, of shape `(batch,)`.

    Raises:
        ValueError: If `y_pred` does not hold three embeddings per triplet, or if they differ
            in shape.

    References:
        Schroff, Kalenichenko, Philbin: FaceNet: A Unified Embedding for Face Recognition and
        Clustering, 2015 (https://arxiv.org/abs/1503.03832), equation 3.
        Torch twin: `nn.TripletEmbeddingCriterion`, TripletEmbedding.lua of
        https://github.com/Atcold/torch-TripletEmbedding.

    Example:
        >>> import numpy as np
        >>> anchor, positive, negative = [0.0, 0.0], [0.5, 0.0], [0.6, 0.0]
        >>> y_pred = np.array([[anchor, positive, negative]], "float32")
        >>> print(f"{float(triplet_embedding(None, y_pred)[0]):.2f}")
        0.09
    """
    anchor, positive, negative = parts(
        "triplet_embedding", y_pred, ("anchor", "positive", "negative"), rank=2
    )
    near = ops.sum(ops.square(anchor - positive), axis=-1)
    far = ops.sum(ops.square(anchor - negative), axis=-1)
    return ops.relu(near + alpha - far)


@keras.saving.register_keras_serializable(package="nngraph")
class TripletEmbeddingLoss(ElementLoss):
    """Mean over the batch of `max(0, |a - p|^2 + alpha - |a - n|^2)`; see `triplet_embedding`.

    Torch twin: `nn.TripletEmbeddingCriterion([alpha])`. A model trained with `fit` has one output
    of shape `(batch, 3, d)`, which `keras.ops.stack([a, p, n], axis=1)` makes of three
    embeddings; a direct call takes `[a, p, n]` as well.

    Args:
        alpha: The margin, in units of squared distance.
        reduction: How the losses of the triplets become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Example:
        >>> import numpy as np
        >>> anchor, positive, negative = [0.0, 0.0], [0.5, 0.0], [0.6, 0.0]
        >>> y_pred = np.array([[anchor, positive, negative]], "float32")
        >>> print(f"{float(TripletEmbeddingLoss(alpha=1.0)(None, y_pred)):.2f}")
        0.89
    """

    def __init__(
        self,
        alpha: float = 0.2,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "triplet_embedding",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.alpha = float(alpha)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per triplet, of shape `(batch,)`."""
        return triplet_embedding(y_true, y_pred, self.alpha)
