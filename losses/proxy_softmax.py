"""Softmax over learned proxies of the classes: normalised softmax and ProxyNCA."""

from __future__ import annotations

from typing import Any

import keras

from ._batch_loss import ConfiguredLoss
from ._class_targets import class_targets, cross_entropy

__all__ = ["NormalizedSoftmaxLoss", "ProxyNCALoss", "normalized_softmax", "proxy_nca"]


@keras.saving.register_keras_serializable(package="nngraph")
def normalized_softmax(y_true: Any, y_pred: Any, temperature: float = 0.05) -> Any:
    """Cross-entropy of cosines with one proxy a class.

    `loss = -log softmax(y_pred / temperature)[y_true]`.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes)`, as `losses.ClassProxies(classes)` gives them.
        temperature: What cosines are divided by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Zhai, Wu: Classification is a Strong Baseline for Deep Metric Learning, 2019
        (https://arxiv.org/abs/1811.12649).
        PML twin: `NormalizedSoftmaxLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("normalized_softmax", y_true, y_pred)
    return cross_entropy(target, cosines / temperature)


@keras.saving.register_keras_serializable(package="nngraph")
def proxy_nca(y_true: Any, y_pred: Any, softmax_scale: float = 1.0) -> Any:
    """How probably the nearest proxy is that of the class.

    `loss = -log softmax(-softmax_scale D)[y_true]`, with squared distances of normalised
    embeddings and proxies, `D = 2 - 2 y_pred`.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes)`, as `losses.ClassProxies(classes)` gives them.
        softmax_scale: What distances are multiplied by.

    Returns:
        One loss per sample, of shape `(batch,)`.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Movshovitz-Attias et al.: No Fuss Distance Metric Learning using Proxies, 2017
        (https://arxiv.org/abs/1703.07464).
        PML twin: `ProxyNCALoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("proxy_nca", y_true, y_pred)
    return cross_entropy(target, 2 * softmax_scale * cosines)


@keras.saving.register_keras_serializable(package="nngraph")
class NormalizedSoftmaxLoss(ConfiguredLoss):
    """Cross-entropy of cosines with one proxy a class; see `normalized_softmax`.

    Args:
        temperature: What cosines are divided by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        temperature: float = 0.05,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "normalized_softmax",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.temperature = float(temperature)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return normalized_softmax(y_true, y_pred, self.temperature)


@keras.saving.register_keras_serializable(package="nngraph")
class ProxyNCALoss(ConfiguredLoss):
    """How probably the nearest proxy is that of the class; see `proxy_nca`.

    Args:
        softmax_scale: What distances are multiplied by.
        reduction: How the losses of the samples become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        softmax_scale: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "proxy_nca",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.softmax_scale = float(softmax_scale)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per sample, of shape `(batch,)`."""
        return proxy_nca(y_true, y_pred, self.softmax_scale)
