"""The margin loss, whose boundary between near and far is learned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, pairs_of
from .distances import LpDistance, as_distance

__all__ = ["MarginBeta", "MarginLoss", "margin_loss"]


@keras.saving.register_keras_serializable(package="nngraph")
def margin_loss(
    y_true: Any,
    y_pred: Any,
    margin: float = 0.2,
    beta: Any = 1.2,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    nu: float = 0.0,
) -> Any:
    """Positives within `beta - margin` of their anchor, negatives beyond `beta + margin`.

    Over all triplets, `loss = sum of (max(0, D[a, p] - beta + margin) +
    max(0, beta - D[a, n] + margin)) / (how many of both are above 0)`. No triplet is formed: a pair
    counts as often as it is in one. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype; indices of classes
            from 0 where `beta` has one for each.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        margin: In units of the distance.
        beta: The boundary, in units of the distance: a number; or a tensor of shape `(classes,)`;
            or of shape `(batch, 1)` or `(batch, classes)`, a row for each anchor.
        distance_metric: "L2", "squared-L2", "angular" or "cosine", a distance or similarity of
            this package, or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.LpDistance()`, which normalises.
        nu: How much the loss grows with beta, so that a learned one does not: `nu beta` is added
            of a beta that all classes share, else the sum over triplets divided as above.

    Returns:
        One number; 0 where there is no triplet.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Wu, Manmatha, Smola, Krahenbuhl: Sampling Matters in Deep Embedding Learning, 2017
        (https://arxiv.org/abs/1706.07567).
        PML twin: `MarginLoss` of pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.1], [1.3]], "float32")
        >>> print(f"{float(margin_loss(np.array([0, 0, 1]), x, distance_metric='L2')):.3f}")
        0.375
    """
    owner = "margin_loss"
    distance = as_distance(distance_metric or LpDistance(), owner=owner)
    sign = -1.0 if getattr(distance, "similarity", False) else 1.0
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance)
    beta, shared = _of_anchors(ops.cast(ops.convert_to_tensor(beta), d.dtype), y_true)
    boundary = sign * beta
    pull = ops.where(positive, ops.relu(d - boundary + margin), 0.0)
    push = ops.where(negative, ops.relu(boundary - d + margin), 0.0)
    # How many triplets an anchor's positive, or its negative, is in.
    positives = ops.sum(ops.cast(positive, d.dtype), axis=1, keepdims=True)
    negatives = ops.sum(ops.cast(negative, d.dtype), axis=1, keepdims=True)
    total = ops.sum(pull * negatives + push * positives)
    above = ops.cast(pull > 0, d.dtype) * negatives + ops.cast(push > 0, d.dtype) * positives
    divisor = ops.maximum(ops.sum(above), 1.0)
    triplets = positives * negatives
    some = ops.cast(ops.sum(triplets) > 0, d.dtype)
    if shared:
        return total / divisor + nu * some * ops.mean(beta)
    counted = ops.cast(ops.sum(above) > 0, d.dtype)
    return (total + nu * counted * ops.sum(beta * triplets)) / divisor


def _of_anchors(beta: Any, y_true: Any) -> tuple[Any, bool]:
    """Beta of shape `(n, 1)`, or of none if it is one number, and whether all classes share it."""
    if len(beta.shape) == 0 or tuple(beta.shape) == (1,):
        return ops.reshape(beta, ()), True
    if beta.shape[-1] == 1:
        return beta, True
    labels = ops.cast(ops.reshape(ops.convert_to_tensor(y_true), (-1, 1)), "int32")
    chosen = labels == ops.arange(beta.shape[-1], dtype="int32")[None, :]
    rows = beta if len(beta.shape) == 2 else beta[None, :]
    return ops.sum(ops.where(chosen, rows, 0.0), axis=1, keepdims=True), False


@keras.saving.register_keras_serializable(package="nngraph")
class MarginBeta(keras.layers.Layer):
    """Embeddings with a learned beta put after them, what `MarginLoss(betas=...)` takes.

    It is the last layer in training; the embeddings before it are what a trained model is used for.

    Args:
        num_classes: One beta for each class, or None for one that all share.
        beta: What they start from, in units of the distance.
        name: A name for the layer.
        dtype: The dtype policy of the layer.
        trainable: Whether the betas are learned.

    Raises:
        ValueError: If `num_classes` is below 1.

    Example:
        >>> import numpy as np
        >>> MarginBeta()(np.ones((4, 8), "float32")).shape == (4, 9)
        True
    """

    def __init__(
        self,
        num_classes: int | None = None,
        beta: float = 1.2,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if num_classes is not None and num_classes < 1:
            raise ValueError(f"MarginBeta needs at least one class, or None; got {num_classes}")
        self.num_classes = num_classes
        self.initial = float(beta)

    def build(self, input_shape: Any) -> None:
        """Make the betas."""
        self.beta = self.add_weight(
            name="beta",
            shape=(self.num_classes or 1,),
            initializer=keras.initializers.Constant(self.initial),
        )
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Embeddings and betas, of shape `(batch, d + betas)`."""
        rows = ops.ones_like(inputs[:, :1]) * ops.cast(self.beta, inputs.dtype)[None, :]
        return ops.concatenate([inputs, rows], axis=1)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        """`(batch, d + betas)`."""
        return input_shape[0], input_shape[1] + (self.num_classes or 1)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same layer again."""
        return {**super().get_config(), "num_classes": self.num_classes, "beta": self.initial}


@keras.saving.register_keras_serializable(package="nngraph")
class MarginLoss(BatchLoss):
    """Positives within a boundary and negatives beyond it; see `margin_loss`.

    Args:
        margin: In units of the distance.
        beta: The boundary, a number, where it is not learned.
        distance_metric: As in `margin_loss`.
        nu: How much the loss grows with beta.
        betas: How many of the last columns of `y_pred` are betas, which the layer `MarginBeta`
            has learned: 1, or the number of classes; 0 if `beta` is used.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 0.2,
        beta: float = 1.2,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        nu: float = 0.0,
        betas: int = 0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "margin_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        as_distance(distance_metric or LpDistance(), owner=type(self).__name__)
        self.margin = float(margin)
        self.beta = float(beta)
        self.distance_metric = distance_metric
        self.nu = float(nu)
        self.betas = int(betas)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        beta = self.beta
        if self.betas:
            y_pred, beta = y_pred[:, : -self.betas], y_pred[:, -self.betas :]
        return margin_loss(y_true, y_pred, self.margin, beta, self.distance_metric, nu=self.nu)
