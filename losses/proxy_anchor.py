"""The proxy-anchor loss."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp
from ._class_targets import class_targets

__all__ = ["ProxyAnchorLoss", "proxy_anchor"]


@keras.saving.register_keras_serializable(package="nngraph")
def proxy_anchor(y_true: Any, y_pred: Any, margin: float = 0.1, alpha: float = 32.0) -> Any:
    """Each proxy as an anchor, with the samples of its class and those of the others.

    `loss = mean over proxies in the batch of log(1 + sum_p exp(-alpha (s - margin))) + mean over
    all proxies of log(1 + sum_n exp(alpha (s + margin)))`, s being `y_pred` of its samples.

    Args:
        y_true: Class indices from 0, of shape `(batch,)` or `(batch, 1)`.
        y_pred: Cosines of shape `(batch, classes)`, as `losses.ClassProxies(classes)` gives them.
        margin: Of the cosine.
        alpha: What cosines are multiplied by.

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Kim, Kim, Cho, Kwak: Proxy Anchor Loss for Deep Metric Learning, 2020
        (https://arxiv.org/abs/2003.13911).
        PML twin: `ProxyAnchorLoss` of pytorch-metric-learning.
    """
    cosines, target = class_targets("proxy_anchor", y_true, y_pred)
    pull = masked_logsumexp(alpha * (margin - cosines), target, add_one=True, axis=0)
    others = ops.logical_not(target)
    push = masked_logsumexp(alpha * (cosines + margin), others, add_one=True, axis=0)
    present = ops.sum(ops.cast(ops.any(target, axis=0), cosines.dtype))
    return ops.sum(pull) / ops.maximum(present, 1.0) + ops.mean(push)


@keras.saving.register_keras_serializable(package="nngraph")
class ProxyAnchorLoss(BatchLoss):
    """Each proxy with the samples of its class and those of the others; see `proxy_anchor`.

    Args:
        margin: Of the cosine.
        alpha: What cosines are multiplied by.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 0.1,
        alpha: float = 32.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "proxy_anchor",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.alpha = float(alpha)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return proxy_anchor(
            y_true,
            y_pred,
            self.margin,
            self.alpha,
        )
