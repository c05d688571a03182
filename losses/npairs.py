"""N-pairs losses: of a matrix of similarities, as in tensorflow-addons, and of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, masked_logsumexp, pairs_of, reduced
from ._euclidean import eye, full_precision
from .distances import DotProductSimilarity

__all__ = [
    "BatchNPairsLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "batch_n_pairs",
    "npairs",
    "npairs_multilabel",
]


@keras.saving.register_keras_serializable(package="nngraph")
def npairs(y_true: Any, y_pred: Any) -> Any:
    """Cross-entropy of each row of similarities against the columns of its class.

    `loss = mean_i -sum_j t[i, j] log softmax(y_pred)[i, j]`, with `t[i, j]` one over the size of
    the class of i where j is of it, else 0.

    Args:
        y_true: Class labels, of shape `(n,)` or `(n, 1)`.
        y_pred: Similarities of shape `(n, n)`, such as `matmul(a, transpose(b))`; in half
            precision they are computed in 32 bits.

    Returns:
        One number.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Sohn: Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016.
        TFA twin: `tfa.losses.npairs_loss`, which takes labels of shape `(n,)` alone.

    Example:
        >>> import numpy as np
        >>> print(f"{float(npairs(np.array([0, 1]), np.eye(2, dtype='float32'))):.4f}")
        0.3133
    """
    similarities = _similarities("npairs", y_true, y_pred)
    labels = ops.convert_to_tensor(y_true)
    if len(labels.shape) == 2 and labels.shape[1] != 1 or len(labels.shape) > 2:
        raise ValueError(
            f"npairs needs one class label a row, of shape (n,) or (n, 1); got shape "
            f"{tuple(labels.shape)}; npairs_multilabel takes several"
        )
    labels = ops.reshape(labels, (-1,))
    return _cross_entropy(labels[:, None] == labels[None, :], similarities)


@keras.saving.register_keras_serializable(package="nngraph")
def npairs_multilabel(y_true: Any, y_pred: Any) -> Any:
    """Cross-entropy of each row of similarities against the columns it has labels in common with.

    As `npairs`, with `t[i, j]` in proportion to how many labels i and j have in common.

    Args:
        y_true: Indicators of the labels of each row, 0 or 1, of shape `(n, classes)`.
        y_pred: Similarities of shape `(n, n)`; in half precision they are computed in 32 bits.

    Returns:
        One number; a row without labels counts as 0 in the mean.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Sohn: Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016.
        TFA twin: `tfa.losses.npairs_multilabel_loss`, which is not a number where a row has no
        label.

    Example:
        >>> import numpy as np
        >>> labels = np.array([[1, 1, 0], [0, 1, 1]])
        >>> print(f"{float(npairs_multilabel(labels, np.eye(2, dtype='float32'))):.4f}")
        0.6466
    """
    similarities = _similarities("npairs_multilabel", y_true, y_pred)
    indicators = ops.cast(ops.convert_to_tensor(y_true), similarities.dtype)
    if len(indicators.shape) != 2:
        raise ValueError(
            "npairs_multilabel needs indicators of shape (n, classes); got shape "
            f"{tuple(indicators.shape)}"
        )
    return _cross_entropy(ops.matmul(indicators, ops.transpose(indicators)), similarities)


@keras.saving.register_keras_serializable(package="nngraph")
def batch_n_pairs(
    y_true: Any,
    y_pred: Any,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    reducer: str = "mean",
) -> Any:
    """The first two samples of each class as anchor and positive, the others' as negatives.

    `loss = mean over classes c of -log softmax_c'(S[a_c, p_c'])[c]`, classes of one sample left
    out.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        distance_metric: A similarity S, or a distance whose negative is S; by default
            `losses.DotProductSimilarity()`, which normalises.
        reducer: "mean", "non-zero" (mean of the losses above 0) or "sum".

    Returns:
        One number; 0 where no class has two samples.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        Sohn: Improved Deep Metric Learning with Multi-class N-pair Loss Objective, 2016.
        PML twin: `NPairsLoss` of pytorch-metric-learning.

    Example:
        >>> import numpy as np
        >>> print(f"{float(batch_n_pairs(np.array([0, 0, 1, 1]), np.eye(4)[[0, 0, 1, 1]])):.4f}")
        0.3133
    """
    owner = "batch_n_pairs"
    d, positive, _ = pairs_of(owner, y_true, y_pred, distance_metric or DotProductSimilarity())
    order = ops.cumsum(ops.cast(ops.logical_or(positive, eye(d)), "int32"), axis=1)
    anchor = ops.logical_and(ops.any(positive, axis=1), ops.diagonal(order) == 1)
    # The second of a class; of a class of one, itself, and that is left out.
    partner = ops.argmax(ops.cast(positive, "int32"), axis=1)
    logits = ops.take(-d, partner, axis=1)
    chosen = ops.broadcast_to(anchor[None, :], ops.shape(logits))
    losses = masked_logsumexp(logits, chosen, add_one=False)[:, 0] - ops.diagonal(logits)
    return reduced(losses, anchor, reducer, owner=owner)


def _similarities(owner: str, y_true: Any, y_pred: Any) -> Any:
    similarities = full_precision(y_pred)
    shape, labels = tuple(similarities.shape), tuple(ops.convert_to_tensor(y_true).shape)
    if len(shape) != 2 or (None not in shape and shape[0] != shape[1]):
        raise ValueError(f"{owner} needs similarities of shape (n, n); got shape {shape}")
    if None not in (labels[:1] or (0,)) + shape and labels[:1] != shape[:1]:
        raise ValueError(f"{owner} got labels of shape {labels} for {shape[0]} rows")
    return similarities


def _cross_entropy(counts: Any, similarities: Any) -> Any:
    counts = ops.cast(counts, similarities.dtype)
    total = ops.sum(counts, axis=1, keepdims=True)
    targets = counts / ops.where(total > 0, total, 1.0)
    return -ops.mean(ops.sum(targets * ops.log_softmax(similarities, axis=1), axis=1))


@keras.saving.register_keras_serializable(package="nngraph")
class NpairsLoss(BatchLoss):
    """Cross-entropy of rows of similarities against the columns of their class; see `npairs`.

    Args:
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "npairs",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return npairs(y_true, y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class NpairsMultilabelLoss(BatchLoss):
    """`npairs` for samples of several labels; see `npairs_multilabel`.

    Args:
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "npairs_multilabel",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return npairs_multilabel(y_true, y_pred)


@keras.saving.register_keras_serializable(package="nngraph")
class BatchNPairsLoss(BatchLoss):
    """The first two samples of each class against those of the others; see `batch_n_pairs`.

    Args:
        distance_metric: As in `batch_n_pairs`.
        reducer: "mean", "non-zero" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        reducer: str = "mean",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "batch_n_pairs",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=DotProductSimilarity())
        self.reduce_by(reducer)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return batch_n_pairs(y_true, y_pred, self.distance_metric, reducer=self.reducer)
