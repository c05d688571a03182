"""Softmax with a multiple of the angle of the true class: large margin and SphereFace."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ._batch_loss import ConfiguredLoss
from ._class_targets import class_targets, cross_entropy

__all__ = ["LargeMarginSoftmaxLoss", "SphereFaceLoss", "large_margin_softmax", "sphere_face"]


@keras.saving.register_keras_serializable(package="nngraph")
def large_margin_softmax(y_true: Any, y_pred: Any, margin: int = 4, scale: float = 1.0) -> Any:
    """Softmax with a multiple of the angle of the true class.

    `loss = -log softmax(scale |x| |w| z)[y_true]`, where z is `cos t`, and for the true class
    `(-1)^k cos(margin t) - 2k` with `k = floor(margin t / pi)`, which falls from 1 to
    `1 - 2 margin` as t goes from 0 to pi.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines and the sizes they are multiplied by, of shape `(batch, classes, 2)`, as
            `losses.ClassProxies(classes, magnitude="both")` gives them.
        margin: What the angle is multiplied by, a whole number.
        scale: What logits are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Liu, Wen, Yu, Yang: Large-Margin Softmax Loss, 2016 (https://arxiv.org/abs/1612.02295).
        PML twin: `LargeMarginSoftmaxLoss` of pytorch-metric-learning.
    """
    return _multiplied("large_margin_softmax", y_true, y_pred, margin, scale)


@keras.saving.register_keras_serializable(package="nngraph")
def sphere_face(y_true: Any, y_pred: Any, margin: int = 4, scale: float = 1.0) -> Any:
    """`large_margin_softmax` with proxies of norm 1.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines and the sizes they are multiplied by, of shape `(batch, classes, 2)`, as
            `losses.ClassProxies(classes, magnitude="embedding")` gives them.
        margin: What the angle is multiplied by, a whole number.
        scale: What logits are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Liu, Wen, Yu, Li, Raj, Song: SphereFace, 2017 (https://arxiv.org/abs/1704.08063).
        PML twin: `SphereFaceLoss` of pytorch-metric-learning.
    """
    return _multiplied("sphere_face", y_true, y_pred, margin, scale)


def _multiplied(owner: str, y_true: Any, y_pred: Any, margin: int, scale: float) -> Any:
    scores, target = class_targets(owner, y_true, y_pred, last="2")
    if scores.shape[2] != 2:
        raise ValueError(
            f"{owner} needs cosines and sizes, of shape (batch, classes, 2); got shape "
            f"{tuple(scores.shape)}"
        )
    cosines, sizes = scores[..., 0], scores[..., 1]
    inside = ops.clip(ops.stop_gradient(cosines), -1.0, 1.0)
    k = ops.floor(ops.arccos(inside) * (margin / math.pi))
    sign = 1 - 2 * ops.mod(k, 2)
    z = ops.where(target, sign * _multiple(cosines, margin) - 2 * k, cosines)
    return cross_entropy(target, scale * sizes * z)


def _multiple(cosines: Any, times: int) -> Any:
    """`cos(times t)` of `cos t`, by Chebyshev's recurrence, which has no root to differentiate."""
    before, now = ops.ones_like(cosines), cosines
    for _ in range(times - 1):
        before, now = now, 2 * cosines * now - before
    return now


@keras.saving.register_keras_serializable(package="nngraph")
class LargeMarginSoftmaxLoss(ConfiguredLoss):
    """Softmax with a multiple of the angle of the true class; see `large_margin_softmax`.

    Args:
        margin: What the angle is multiplied by, a whole number.
        scale: What logits are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: int = 4,
        scale: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "large_margin_softmax",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = int(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return large_margin_softmax(y_true, y_pred, self.margin, self.scale)


@keras.saving.register_keras_serializable(package="nngraph")
class SphereFaceLoss(ConfiguredLoss):
    """`LargeMarginSoftmaxLoss` with proxies of norm 1; see `sphere_face`.

    Args:
        margin: What the angle is multiplied by, a whole number.
        scale: What logits are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: int = 4,
        scale: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sphere_face",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = int(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return sphere_face(y_true, y_pred, self.margin, self.scale)
