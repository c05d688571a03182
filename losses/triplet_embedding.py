"""The triplet embedding loss of FaceNet, as Torch7's TripletEmbeddingCriterion computes it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["TripletEmbeddingLoss", "triplet_embedding"]


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_embedding(y_true: Any, y_pred: Any, alpha: float = 0.2) -> Any:
    """How far each anchor is from being nearer to its positive than to its negative.

    For each triplet: `loss = max(0, |a - p|^2 + alpha - |a - n|^2)`, with squared Euclidean
    distances. A triplet whose loss is zero has a zero gradient.

    Args:
        y_true: Ignored (the order inside a triplet says what is alike); may be None.
        y_pred: Embeddings, floating point, of shape `(batch, 3, d)` in the order anchor,
            positive, negative; or a list or tuple `[a, p, n]` of three `(batch, d)`.
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
    anchor, positive, negative = _parts(y_pred)
    near = ops.sum(ops.square(anchor - positive), axis=-1)
    far = ops.sum(ops.square(anchor - negative), axis=-1)
    return ops.relu(near + alpha - far)


@keras.saving.register_keras_serializable(package="nngraph")
class TripletEmbeddingLoss(keras.losses.Loss):
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

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss; `y_true` may be None, which Keras itself would not accept."""
        return super().__call__(0.0 if y_true is None else y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per triplet, of shape `(batch,)`."""
        return triplet_embedding(y_true, y_pred, self.alpha)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        return {**super().get_config(), "alpha": self.alpha, "dtype": self.dtype}


def _parts(y_pred: Any) -> tuple[Any, Any, Any]:
    """The anchors, positives and negatives in `y_pred`, each of shape `(batch, d)`."""
    if isinstance(y_pred, (list, tuple)):
        parts = [ops.convert_to_tensor(part) for part in y_pred]
        shapes = [tuple(part.shape) for part in parts]
        if len(parts) != 3 or any(len(s) != 2 or s != shapes[0] for s in shapes):
            raise ValueError(
                "triplet_embedding needs [anchor, positive, negative], "
                f"three tensors of one shape (batch, d); got shapes {shapes}"
            )
        return parts[0], parts[1], parts[2]
    stacked = ops.convert_to_tensor(y_pred)
    if len(stacked.shape) != 3 or stacked.shape[1] != 3:
        raise ValueError(
            "triplet_embedding needs embeddings of shape (batch, 3, d), in the order anchor, "
            f"positive, negative; got shape {tuple(stacked.shape)}"
        )
    return stacked[:, 0], stacked[:, 1], stacked[:, 2]
