"""Losses of distributions: divergence, and likelihood of a normal or a Poisson variable."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float, concrete, like, parts

__all__ = [
    "GaussianNLLLoss",
    "KLDivLoss",
    "PoissonNLLLoss",
    "gaussian_nll",
    "kl_div",
    "poisson_nll",
]


@keras.saving.register_keras_serializable(package="nngraph")
def kl_div(y_true: Any, y_pred: Any, log_target: bool = False) -> Any:
    """The terms of the Kullback-Leibler divergence: `loss = y (log y - x)`, 0 where y is 0.

    Args:
        y_true: Probabilities y, or with `log_target` their logarithms; of the shape of `y_pred`.
        y_pred: Log-probabilities x, of any shape; half precision is computed in 32 bits.
        log_target: Whether `y_true` holds logarithms.

    Returns:
        One loss per element, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ.

    References:
        Torch twin: `nn.DistKLDivCriterion`, DistKLDivCriterion.lua of
        https://github.com/torch/nn. PyTorch twin: `KLDivLoss`.
    """
    x = as_float(y_pred)
    y = like("kl_div", y_true, x)
    if log_target:
        return ops.exp(y) * (y - x)
    positive = y > 0
    log = ops.log(ops.where(positive, y, ops.ones_like(y)))
    return ops.where(positive, y * (log - x), ops.zeros_like(x))


@keras.saving.register_keras_serializable(package="nngraph")
def gaussian_nll(y_true: Any, y_pred: Any, full: bool = False, eps: float = 1e-6) -> Any:
    """How unlikely a number is: `loss = (log v + (y - mean)^2 / v) / 2`, v = max(variance, eps).

    The gradient in the variance is that of v, also where the variance is below `eps`. A
    negative variance is an error; in compiled code, where none can be raised, its loss is NaN.

    Args:
        y_true: Numbers y, of the shape of the means.
        y_pred: Means and variances, of shape `(batch, 2, ...)` in this order, or a list
            `[mean, variance]`, where the last axis of the variance may be missing or of length 1.
            Half precision is computed in 32 bits.
        full: Whether to add the constant `log(2 pi) / 2`.
        eps: The least variance.

    Returns:
        One loss per number, of the shape of the means.

    Raises:
        ValueError: If the shapes do not fit, a variance is negative, or `eps` is not positive.

    References:
        Nix, Weigend: Estimating the mean and variance of the target probability distribution,
        1994. PyTorch twin: `GaussianNLLLoss`.
    """
    if eps <= 0:
        raise ValueError(f"gaussian_nll needs eps > 0; got {eps}")
    mean, variance = _mean_and_variance(y_pred)
    y = like("gaussian_nll", y_true, mean)
    values = concrete(variance)
    if values is not None and (values < 0).any():
        raise ValueError(f"gaussian_nll needs variances >= 0; got {values.min()}")
    clipped = ops.where(variance < eps, ops.full_like(variance, eps), variance)
    v = variance + ops.stop_gradient(clipped - variance)
    v = ops.where(variance < 0, ops.full_like(v, float("nan")), v)
    loss = 0.5 * (ops.log(v) + ops.square(y - mean) / v)
    return loss + 0.5 * math.log(2 * math.pi) if full else loss


@keras.saving.register_keras_serializable(package="nngraph")
def poisson_nll(
    y_true: Any, y_pred: Any, log_input: bool = True, full: bool = False, eps: float = 1e-8
) -> Any:
    """How unlikely a count is: `loss = exp(x) - y x`, or `x - y log(x + eps)` of a rate x.

    Args:
        y_true: Counts y, of the shape of `y_pred`.
        y_pred: Logarithms of rates, or with `log_input=False` rates; of any shape. Half
            precision is computed in 32 bits.
        log_input: Whether `y_pred` holds logarithms.
        full: Whether to add Stirling's `log y!`: `y log y - y + log(2 pi y) / 2` where y > 1.
        eps: Keeps the logarithm of a rate finite.

    Returns:
        One loss per count, of the shape of `y_pred`.

    Raises:
        ValueError: If the shapes differ.

    References:
        PyTorch twin: `PoissonNLLLoss`.
    """
    x = as_float(y_pred)
    y = like("poisson_nll", y_true, x)
    loss = ops.exp(x) - y * x if log_input else x - y * ops.log(x + eps)
    if not full:
        return loss
    many = y > 1
    safe = ops.where(many, y, ops.ones_like(y))
    stirling = safe * ops.log(safe) - safe + 0.5 * ops.log(2 * math.pi * safe)
    return loss + ops.where(many, stirling, ops.zeros_like(y))


@keras.saving.register_keras_serializable(package="nngraph")
class KLDivLoss(ElementLoss):
    """Mean over the elements of `y (log y - x)`; see `kl_div`.

    Args:
        log_target: Whether `y_true` holds logarithms.
        reduction: How the losses of the elements become one number, as in `keras.losses.Loss`;
            or "batchmean", the sum divided by the batch size, which is the divergence itself.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        log_target: bool = False,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_div",
        dtype: Any = None,
    ) -> None:
        self._batchmean = reduction == "batchmean"
        reduction = "sum_over_batch_size" if self._batchmean else reduction
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.log_target = bool(log_target)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per element; one per sample for "batchmean"."""
        loss = kl_div(y_true, y_pred, self.log_target)
        axes = tuple(range(1, len(loss.shape)))
        return ops.sum(loss, axis=axes) if self._batchmean and axes else loss

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        config = super().get_config()
        return {**config, "reduction": "batchmean"} if self._batchmean else config


@keras.saving.register_keras_serializable(package="nngraph")
class GaussianNLLLoss(ElementLoss):
    """Mean of `(log v + (y - mean)^2 / v) / 2`; see `gaussian_nll`.

    Args:
        full: Whether to add the constant `log(2 pi) / 2`.
        eps: The least variance.
        reduction: How the losses of the numbers become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        full: bool = False,
        eps: float = 1e-6,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "gaussian_nll",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.full = bool(full)
        self.eps = float(eps)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per number."""
        return gaussian_nll(y_true, y_pred, self.full, self.eps)


@keras.saving.register_keras_serializable(package="nngraph")
class PoissonNLLLoss(ElementLoss):
    """Mean of `exp(x) - y x`, or of `x - y log(x + eps)` of a rate x; see `poisson_nll`.

    Args:
        log_input: Whether `y_pred` holds logarithms of rates.
        full: Whether to add Stirling's approximation of `log y!`.
        eps: Keeps the logarithm of a rate finite.
        reduction: How the losses of the counts become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        eps: float = 1e-8,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson_nll",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.log_input = bool(log_input)
        self.full = bool(full)
        self.eps = float(eps)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per count."""
        return poisson_nll(y_true, y_pred, self.log_input, self.full, self.eps)


def _mean_and_variance(y_pred: Any) -> tuple[Any, Any]:
    if not isinstance(y_pred, (list, tuple)) or len(y_pred) != 2:
        mean, variance = parts("gaussian_nll", y_pred, ("mean", "variance"))
        return mean, variance
    mean, variance = (as_float(part) for part in y_pred)
    if len(variance.shape) == len(mean.shape) - 1:
        variance = ops.expand_dims(variance, axis=-1)
    if variance.shape[-1:] == (1,) and len(variance.shape) == len(mean.shape):
        variance = variance + ops.zeros_like(mean)  # One variance for all numbers of a sample.
    mean, variance = parts("gaussian_nll", [mean, variance], ("mean", "variance"))
    return mean, variance
