"""The generalised intersection over union of boxes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float
from ._numerics import divide, maximum

__all__ = ["GIoULoss", "giou"]


@keras.saving.register_keras_serializable(package="nngraph")
def giou(y_true: Any, y_pred: Any, mode: str = "giou") -> Any:
    """How badly boxes overlap: `loss = 1 - IoU + (enclosing - union) / enclosing`.

    The last two are areas: of the smallest box around both, and of what both cover. A box whose
    maximum is below its minimum is empty. Where an area divides that is 0, the quotient is 0.

    Args:
        y_true: Boxes `[y_min, x_min, y_max, x_max]`, of shape `(..., 4)`.
        y_pred: Boxes of the same kind, of a shape that broadcasts against `y_true`; half
            precision is computed in 32 bits.
        mode: "giou", or "iou" for `1 - IoU` alone.

    Returns:
        One loss per box, of shape `(...)`.

    Raises:
        ValueError: If the last axis is not of length 4, or `mode` is unknown.

    References:
        Rezatofighi, Tsoi, Gwak, Sadeghian, Reid, Savarese: Generalized Intersection over Union,
        2019 (https://arxiv.org/abs/1902.09630).
        TFA twin: `tfa.losses.giou_loss`, giou_loss.py of tensorflow-addons.

    Example:
        >>> import numpy as np
        >>> print(f"{float(giou([[0.0, 0.0, 1.0, 2.0]], [[0.0, 1.0, 1.0, 3.0]])[0]):.4f}")
        0.6667
    """
    if mode not in ("giou", "iou"):
        raise ValueError(f'giou needs mode "giou" or "iou"; got {mode!r}')
    predicted = as_float(y_pred)
    true = ops.cast(ops.convert_to_tensor(y_true), predicted.dtype)
    if predicted.shape[-1:] != (4,) or true.shape[-1:] != (4,):
        raise ValueError(
            "giou needs boxes [y_min, x_min, y_max, x_max] along the last axis; got y_true of "
            f"shape {tuple(true.shape)} and y_pred of shape {tuple(predicted.shape)}"
        )
    (true_low, true_high), (low, high) = _corners(true), _corners(predicted)
    # Where two edges are equal the gradient goes to the prediction.
    shared = _area(maximum(low, true_low), _minimum(high, true_high))
    union = _area(true_low, true_high) + _area(low, high) - shared
    iou = divide(shared, union)
    if mode == "iou":
        return 1 - iou
    around = _area(_minimum(low, true_low), maximum(high, true_high))
    return 1 - iou + divide(around - union, around)


@keras.saving.register_keras_serializable(package="nngraph")
class GIoULoss(ElementLoss):
    """Mean of `1 - IoU + (enclosing - union) / enclosing`; see `giou`.

    Args:
        mode: "giou" or "iou".
        reduction: How the losses of the boxes become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `mode` is unknown.
    """

    def __init__(
        self,
        mode: str = "giou",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "giou",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if mode not in ("giou", "iou"):
            raise ValueError(f'GIoULoss needs mode "giou" or "iou"; got {mode!r}')
        self.mode = mode

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per box."""
        return giou(y_true, y_pred, self.mode)


def _corners(boxes: Any) -> tuple[Any, Any]:
    return boxes[..., :2], boxes[..., 2:]


def _minimum(a: Any, b: Any) -> Any:
    return -maximum(-a, -b)


def _area(low: Any, high: Any) -> Any:
    sides = ops.relu(high - low)
    return sides[..., 0] * sides[..., 1]
