"""The focal loss of RetinaNet, as in tensorflow-addons."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._euclidean import safe_power
from ._inputs import as_float, like

__all__ = ["SigmoidFocalCrossEntropy", "sigmoid_focal_crossentropy"]

_EPSILON = 1e-7


@keras.saving.register_keras_serializable(package="nngraph")
def sigmoid_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | None = 0.25,
    gamma: float | None = 2.0,
    from_logits: bool = False,
) -> Any:
    """Cross-entropy that easy samples hardly count in.

    `loss = sum over classes of a (1 - p_t)^gamma (-log p_t)`, where p_t is the probability of the
    truth and a is alpha where y = 1 and 1 - alpha where y = 0.

    Args:
        y_true: y, 1 for each true class, 0 for others, or between; of the shape of `y_pred`.
        y_pred: Probabilities, or scores if `from_logits`; of shape `(..., classes)`. Half
            precision is computed in 32 bits.
        alpha: The weight of the true classes; 0 or None for no weights at all.
        gamma: How little the easy ones count; 0 or None for plain cross-entropy.
        from_logits: Whether `y_pred` holds scores.

    Returns:
        The sum over the classes, of shape `(...)`.

    Raises:
        ValueError: If the shapes differ, or `gamma` is negative.

    References:
        Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object Detection, 2017
        (https://arxiv.org/abs/1708.02002), equation 5.
        TFA twin: `tfa.losses.sigmoid_focal_crossentropy`, focal_loss.py of tensorflow-addons.
        `keras.losses.BinaryFocalCrossentropy` takes the mean of the classes, not their sum.

    Example:
        >>> import numpy as np
        >>> print(f"{float(sigmoid_focal_crossentropy([[1.0]], [[0.5]])[0]):.4f}")
        0.0433
    """
    if gamma is not None and gamma < 0:
        raise ValueError(f"sigmoid_focal_crossentropy needs gamma >= 0; got {gamma}")
    x = as_float(y_pred)
    y = like("sigmoid_focal_crossentropy", y_true, x)
    if from_logits:
        entropy = y * ops.softplus(-x) + (1 - y) * ops.softplus(x)
        wrong = y * ops.sigmoid(-x) + (1 - y) * ops.sigmoid(x)
    else:
        p = ops.clip(x, _EPSILON, 1 - _EPSILON)
        entropy = -(y * ops.log(p + _EPSILON) + (1 - y) * ops.log(1 - p + _EPSILON))
        wrong = y * (1 - x) + (1 - y) * x
    if alpha:
        entropy = entropy * (y * alpha + (1 - y) * (1 - alpha))
    if gamma:
        entropy = entropy * safe_power(wrong, gamma)
    return ops.sum(entropy, axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class SigmoidFocalCrossEntropy(ElementLoss):
    """Mean over the samples of `a (1 - p_t)^gamma (-log p_t)`; see `sigmoid_focal_crossentropy`.

    Args:
        from_logits: Whether `y_pred` holds scores.
        alpha: The weight of the true classes; 0 or None for no weights at all.
        gamma: How little the easy ones count; 0 or None for plain cross-entropy.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`;
            the mean here, while tensorflow-addons left each sample its own.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `gamma` is negative.
    """

    def __init__(
        self,
        from_logits: bool = False,
        alpha: float | None = 0.25,
        gamma: float | None = 2.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "sigmoid_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if gamma is not None and gamma < 0:
            raise ValueError(f"SigmoidFocalCrossEntropy needs gamma >= 0; got {gamma}")
        self.from_logits = bool(from_logits)
        self.alpha = alpha
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The sum over the classes of each sample."""
        return sigmoid_focal_crossentropy(y_true, y_pred, self.alpha, self.gamma, self.from_logits)
