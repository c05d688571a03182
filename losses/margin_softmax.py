"""Softmax with a margin for the true class: ArcFace, its sub-centres, and CosFace."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ._batch_loss import ConfiguredLoss
from ._class_targets import class_targets, cross_entropy
from ._euclidean import safe_power

__all__ = [
    "ArcFaceLoss",
    "CosFaceLoss",
    "SubCenterArcFaceLoss",
    "arc_face",
    "cos_face",
    "sub_center_arc_face",
]


@keras.saving.register_keras_serializable(package="nngraph")
def arc_face(y_true: Any, y_pred: Any, margin: float = 28.6, scale: float = 64.0) -> Any:
    """Softmax with an angular margin for the true class.

    `loss = -log softmax(scale z)[y_true]`, where z is `y_pred`, and `cos(t + margin)` for the true
    class, t being the angle; beyond `t = 180 - margin` degrees, `cos t - m sin m`, m being the
    margin in radians.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes)`, as `losses.ClassProxies(classes)` gives them.
        margin: In degrees.
        scale: What cosines are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Deng, Guo, Xue, Zafeiriou: ArcFace, 2018 (https://arxiv.org/abs/1801.07698).
        PML twin: `ArcFaceLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("arc_face", y_true, y_pred)
    return cross_entropy(target, scale * ops.where(target, _turned(cosines, margin), cosines))


@keras.saving.register_keras_serializable(package="nngraph")
def cos_face(y_true: Any, y_pred: Any, margin: float = 0.35, scale: float = 64.0) -> Any:
    """Softmax with a margin of the cosine for the true class.

    `loss = -log softmax(scale z)[y_true]`, where z is `y_pred`, less `margin` for the true class.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes)`, as `losses.ClassProxies(classes)` gives them.
        margin: What is taken off the cosine of the true class.
        scale: What cosines are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Wang et al.: CosFace, 2018 (https://arxiv.org/abs/1801.09414).
        PML twin: `CosFaceLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("cos_face", y_true, y_pred)
    return cross_entropy(target, scale * ops.where(target, cosines - margin, cosines))


@keras.saving.register_keras_serializable(package="nngraph")
def sub_center_arc_face(y_true: Any, y_pred: Any, margin: float = 28.6, scale: float = 64.0) -> Any:
    """`arc_face` of the nearest of several proxies of each class.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes, proxies)`, as
            `losses.ClassProxies(classes, proxies_per_class=3)` gives them.
        margin: In degrees.
        scale: What cosines are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Deng, Guo, Liu, Gong, Zafeiriou: Sub-center ArcFace, 2020.
        PML twin: `SubCenterArcFaceLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("sub_center_arc_face", y_true, y_pred, last="proxies")
    # The first of equally near proxies alone has the gradient.
    nearest = ops.argmax(cosines, axis=2)[:, :, None] == ops.arange(cosines.shape[2])
    cosines = ops.sum(ops.where(nearest, cosines, 0.0), axis=2)
    return cross_entropy(target, scale * ops.where(target, _turned(cosines, margin), cosines))


def _turned(cosines: Any, margin: float) -> Any:
    """The cosine of angles made larger by a margin in degrees, never rising again."""
    turn = math.radians(margin)
    # Rounding may leave a cosine just beyond 1; its angle is then 0 or 180 degrees.
    inside = ops.clip(cosines, -1.0, 1.0)
    sine = safe_power(ops.relu(1 - ops.square(inside)), 0.5)
    turned = inside * math.cos(turn) - sine * math.sin(turn)
    return ops.where(inside >= math.cos(math.pi - turn), turned, inside - turn * math.sin(turn))


@keras.saving.register_keras_serializable(package="nngraph")
class ArcFaceLoss(ConfiguredLoss):
    """Softmax with an angular margin for the true class; see `arc_face`.

    Args:
        margin: In degrees.
        scale: What cosines are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 28.6,
        scale: float = 64.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "arc_face",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return arc_face(y_true, y_pred, self.margin, self.scale)


@keras.saving.register_keras_serializable(package="nngraph")
class CosFaceLoss(ConfiguredLoss):
    """Softmax with a margin of the cosine for the true class; see `cos_face`.

    Args:
        margin: What is taken off the cosine of the true class.
        scale: What cosines are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 0.35,
        scale: float = 64.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cos_face",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return cos_face(y_true, y_pred, self.margin, self.scale)


@keras.saving.register_keras_serializable(package="nngraph")
class SubCenterArcFaceLoss(ConfiguredLoss):
    """ArcFace of the nearest of several proxies of each class; see `sub_center_arc_face`.

    Args:
        margin: In degrees.
        scale: What cosines are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 28.6,
        scale: float = 64.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sub_center_arc_face",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.scale = float(scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return sub_center_arc_face(y_true, y_pred, self.margin, self.scale)
