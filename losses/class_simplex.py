"""Classification by regression to the corners of a regular simplex."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, concrete, labels

__all__ = ["ClassSimplexLoss", "class_simplex", "simplex_corners"]


def simplex_corners(num_classes: int) -> np.ndarray:
    """Points of norm 1, all at one distance of each other: a corner for each class.

    Args:
        num_classes: How many, at least 2.

    Returns:
        A float64 array of shape `(num_classes, num_classes)`, one corner in a row. The last
        column is zero, since the corners span one dimension less.

    Raises:
        ValueError: If there are fewer than two classes.

    Example:
        >>> simplex_corners(2).tolist()
        [[1.0, 0.0], [-1.0, 0.0]]
    """
    if num_classes < 2:
        raise ValueError(f"simplex_corners needs at least 2 classes; got {num_classes}")
    n = num_classes - 1
    corners = np.zeros((num_classes, num_classes))
    for k in range(n):
        corners[k, k] = np.sqrt(1 - np.sum(corners[k, :k] ** 2))
        # The inner product of any two corners is -1/n.
        corners[k + 1 :, k] = (-1 / n - corners[k, :k] @ corners[k, :k]) / corners[k, k]
    return corners


@keras.saving.register_keras_serializable(package="nngraph")
def class_simplex(y_true: Any, y_pred: Any) -> Any:
    """How far a vector is from its class's corner: `loss = (y_pred - corner[y_true])^2`.

    Args:
        y_true: Labels 0..classes-1 (Torch: from 1), of shape `(batch,)` or `(batch, 1)`. A label
            outside gives NaN in compiled code, where no error can be raised.
        y_pred: Vectors, of shape `(batch, classes)`; half precision is computed in 32 bits.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes do not fit, or a label lies outside 0..classes-1.

    References:
        Mroueh, Poggio, Rosasco, Slotine: Multiclass Learning with Simplex Coding, 2012.
        Torch twin: `nn.ClassSimplexCriterion`, ClassSimplexCriterion.lua of
        https://github.com/torch/nn.
    """
    y_pred = as_float(y_pred)
    y_true = labels("class_simplex", y_true, y_pred)
    classes = y_pred.shape[-1]
    values = concrete(y_true)
    if values is not None and ((values < 0) | (values >= classes)).any():
        raise ValueError(
            f"class_simplex needs labels 0..{classes - 1}; got {values.min()} to {values.max()}. "
            "Torch's labels count from 1: subtract 1"
        )
    corners = ops.convert_to_tensor(simplex_corners(classes), dtype=y_pred.dtype)
    target = ops.take(corners, ops.clip(y_true, 0, classes - 1), axis=0)
    inside = ops.logical_and(y_true >= 0, y_true < classes)[..., None]
    loss = ops.square(y_pred - target)
    return ops.where(inside, loss, ops.full_like(loss, float("nan")))


@keras.saving.register_keras_serializable(package="nngraph")
class ClassSimplexLoss(ElementLoss):
    """Mean of `(y_pred - corner[y_true])^2`; see `class_simplex`.

    The class of a vector is the row of `y_pred @ simplex_corners(classes).T` that is greatest.

    Args:
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "class_simplex",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element."""
        return class_simplex(y_true, y_pred)
