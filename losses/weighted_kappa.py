"""Cohen's weighted kappa of ordered classes, as a loss of a batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, like
from ._numerics import divide

__all__ = ["WeightedKappaLoss", "weighted_kappa"]


@keras.saving.register_keras_serializable(package="nngraph")
def weighted_kappa(
    y_true: Any,
    y_pred: Any,
    num_classes: int,
    weightage: str = "quadratic",
    epsilon: float = 1e-6,
) -> Any:
    """Disagreement, compared with that of chance: `loss = log(1 - kappa + epsilon)`.

    `1 - kappa = sum_ij w_ij O_ij / sum_ij w_ij E_ij`, where O are the probabilities given to class
    j where i is true, E what they would be if independent, and w_ij = (i - j)^2 or |i - j|.

    Args:
        y_true: One-hot labels, of shape `(batch, num_classes)`.
        y_pred: Probabilities, of shape `(batch, num_classes)`; half precision is computed in 32
            bits.
        num_classes: At least 2, in their order.
        weightage: "quadratic" or "linear".
        epsilon: Keeps the logarithm finite; its value at perfect agreement is `log(epsilon)`.

    Returns:
        One number for the batch.

    Raises:
        ValueError: If the shapes do not fit, or `weightage` is unknown.

    References:
        de la Torre, Puig, Valls: Weighted kappa loss function for multi-class classification of
        ordinal data in deep learning, 2018.
        TFA twin: `tfa.losses.WeightedKappaLoss`, kappa_loss.py of tensorflow-addons.

    Example:
        >>> import numpy as np
        >>> p = np.array([[0.75, 0.25], [0.5, 0.5]], "float32")
        >>> print(f"{float(weighted_kappa([[1.0, 0.0], [0.0, 1.0]], p, 2)):.4f}")
        -0.2877
    """
    _check_weightage("weighted_kappa", weightage)
    p = as_float(y_pred)
    y = like("weighted_kappa", y_true, p)
    if len(p.shape) != 2 or p.shape[-1] != num_classes:
        raise ValueError(
            f"weighted_kappa needs y_pred of shape (batch, {num_classes}); got {tuple(p.shape)}"
        )
    classes = ops.arange(num_classes, dtype=p.dtype)
    apart = ops.abs(classes[:, None] - classes[None, :])
    w = ops.square(apart) if weightage == "quadratic" else apart
    observed = ops.sum(ops.matmul(y, w) * p)
    totals = ops.sum(y, axis=0), ops.sum(p, axis=0)
    batch = ops.cast(ops.shape(p)[0], p.dtype)
    expected = ops.sum(totals[0][:, None] * w * totals[1][None, :]) / batch
    return ops.log(divide(observed, expected) + epsilon)


@keras.saving.register_keras_serializable(package="nngraph")
class WeightedKappaLoss(ElementLoss):
    """`log(1 - kappa + epsilon)` of a batch, which should be large; see `weighted_kappa`.

    Args:
        num_classes: At least 2, in their order.
        weightage: "quadratic" or "linear".
        epsilon: Keeps the logarithm finite.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `weightage` is unknown; when called, if a weight for each sample is given.
    """

    def __init__(
        self,
        num_classes: int,
        weightage: str = "quadratic",
        epsilon: float = 1e-6,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "weighted_kappa",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        _check_weightage("WeightedKappaLoss", weightage)
        self.num_classes = int(num_classes)
        self.weightage = weightage
        self.epsilon = float(epsilon)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One number for the batch."""
        return weighted_kappa(y_true, y_pred, self.num_classes, self.weightage, self.epsilon)


def _check_weightage(name: str, weightage: str) -> None:
    if weightage not in ("linear", "quadratic"):
        raise ValueError(f'{name} needs weightage "linear" or "quadratic"; got {weightage!r}')
