"""The SoftTriple loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._batch_loss import ConfiguredLoss
from ._class_targets import class_targets, cross_entropy

__all__ = ["SoftTripleLoss", "soft_triple"]


@keras.saving.register_keras_serializable(package="nngraph")
def soft_triple(
    y_true: Any, y_pred: Any, la: float = 20.0, gamma: float = 0.1, margin: float = 0.01
) -> Any:
    """Softmax over classes of several proxies each, which share as they are near.

    `loss = -log softmax(la (s - margin at y_true))[y_true]`, with
    `s[c] = sum_k softmax_k(y_pred[c] / gamma)[k] y_pred[c, k]`.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes, proxies)`, as
            `losses.ClassProxies(classes, proxies_per_class=10)` gives them.
        la: What similarities of classes are multiplied by.
        gamma: What cosines are divided by where proxies of a class compete.
        margin: What is taken off the similarity of the true class.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Qian et al.: SoftTriple Loss, 2019 (https://arxiv.org/abs/1909.05235).
        PML twin: `SoftTripleLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("soft_triple", y_true, y_pred, last="proxies")
    share = ops.softmax(cosines / gamma, axis=2)
    similarity = ops.sum(share * cosines, axis=2)
    return cross_entropy(target, la * ops.where(target, similarity - margin, similarity))


@keras.saving.register_keras_serializable(package="nngraph")
class SoftTripleLoss(ConfiguredLoss):
    """Softmax over classes of several proxies each; see `soft_triple`.

    Args:
        la: What similarities of classes are multiplied by.
        gamma: What cosines are divided by where proxies of a class compete.
        margin: What is taken off the similarity of the true class.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        la: float = 20.0,
        gamma: float = 0.1,
        margin: float = 0.01,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "soft_triple",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.la = float(la)
        self.gamma = float(gamma)
        self.margin = float(margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return soft_triple(y_true, y_pred, self.la, self.gamma, self.margin)
