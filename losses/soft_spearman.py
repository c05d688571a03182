"""Spearman's rank correlation with ranks that have a gradient."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._ranks import midranks, one_per_sample

__all__ = ["SoftSpearmanLoss", "soft_spearman"]

# Of the variance of ranks as shares, which is at most 1/12. Below it, when all scores are nearly
# equal, the value shrinks towards 0 and the gradient stays finite.
_LEAST_VARIANCE = 1e-8


@keras.saving.register_keras_serializable(package="nngraph")
def soft_spearman(
    y_true: Any, y_pred: Any, sample_weight: Any = None, temperature: float = 0.1
) -> Any:
    """Spearman's correlation of the exact ranks of `y_true` and soft ranks of `y_pred`.

    `r_i = 1/2 + sum_j sigmoid((y_i - y_j) / temperature)`: each comparison counts with a
    sigmoid in place of a step. As the temperature goes to 0 this becomes the average rank, ties
    included, and the value becomes `spearman`. It takes memory for `n^2` numbers.

    Args:
        y_true: Numbers of shape `(n,)` or `(n, 1)`, the values to be ranked alike. They get no
            gradient.
        y_pred: Scores of the same shape.
        sample_weight: How often each sample counts, of shape `(n,)` or `(n, 1)`.
        temperature: In units of `y_pred`. Scores that differ by much more have a rank but no
            gradient; those that differ by much less are taken as nearly tied.

    Returns:
        A scalar between -1 and 1; 0 if all values of one input are equal.

    Raises:
        ValueError: If there is not one value per sample, if the lengths differ, or if the
            temperature is not positive.

    References:
        Qin, Liu, Li: A General Approximation Framework for Direct Optimization of Information
        Retrieval Measures, 2010 (sums of sigmoids for ranks). Compare Blondel, Teboul, Berthet,
        Djolonga: Fast Differentiable Sorting and Ranking, 2020.

    Example:
        >>> y_true, y_pred = [1.0, 2.0, 3.0, 4.0], [0.1, 0.3, 0.2, 9.0]
        >>> print(f"{float(soft_spearman(y_true, y_pred, temperature=1e-3)):.2f}")
        0.80
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be positive; got {temperature!r}")
    x, y = one_per_sample(y_true, "soft_spearman"), one_per_sample(y_pred, "soft_spearman")
    if keras.backend.standardize_dtype(y.dtype) != "float64":
        y = ops.cast(y, "float32")
    if sample_weight is None:
        w = ops.ones_like(y)
    else:
        w = ops.cast(one_per_sample(sample_weight, "soft_spearman"), y.dtype)
    if len({v.shape[0] for v in (x, y, w)} - {None}) > 1:
        raise ValueError(
            "soft_spearman needs y_true, y_pred and sample_weight of one length; "
            f"got {x.shape[0]}, {y.shape[0]} and {w.shape[0]}"
        )
    total = ops.sum(w)
    total = ops.where(total > 0, total, ops.ones_like(total))
    exact = ops.cast(ops.stop_gradient(midranks(x, w)[0]), y.dtype)
    steps = ops.sigmoid((ops.expand_dims(y, 1) - ops.expand_dims(y, 0)) / temperature)
    # The comparisons of i with j and of j with i make one: the mean of these ranks is 1/2.
    soft = ops.sum(steps * w, axis=1) / total - 0.5
    var_exact, var_soft, cov = (
        ops.sum(w * a * b) / total for a, b in ((exact, exact), (soft, soft), (exact, soft))
    )
    least = ops.cast(_LEAST_VARIANCE, y.dtype)
    return cov / (ops.sqrt(ops.maximum(var_exact, least)) * ops.sqrt(ops.maximum(var_soft, least)))


@keras.saving.register_keras_serializable(package="nngraph")
class SoftSpearmanLoss(keras.losses.Loss):
    """`1 - soft_spearman(y_true, y_pred)` of the batch; see `soft_spearman`.

    It trains scores to be in the order of the targets, whatever their size. The ranks are those
    in the batch, so batches must not be small. `sample_weight` says how often a sample counts.

    Args:
        temperature: In units of `y_pred`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If the temperature is not positive, or as `soft_spearman` does.

    Example:
        >>> loss = SoftSpearmanLoss(temperature=1e-3)
        >>> print(f"{float(loss([1.0, 2.0, 3.0], [[0.3], [0.2], [0.1]])):.2f}")
        2.00
    """

    def __init__(
        self, temperature: float = 0.1, name: str | None = "soft_spearman", dtype: Any = None
    ) -> None:
        super().__init__(name=name, reduction="sum_over_batch_size", dtype=dtype)
        if not temperature > 0:
            raise ValueError(f"temperature must be positive; got {temperature!r}")
        self.temperature = float(temperature)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of the batch, a scalar; weights are part of the ranks."""
        y_true, y_pred = (ops.cast(v, self.dtype) for v in (y_true, y_pred))
        if sample_weight is not None and len(ops.shape(sample_weight)) == 0:
            return sample_weight * self.call(y_true, y_pred)
        value = 1 - soft_spearman(y_true, y_pred, sample_weight, self.temperature)
        return ops.cast(value, self.dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of the batch without weights, a scalar."""
        return ops.cast(1 - soft_spearman(y_true, y_pred, None, self.temperature), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        return {"name": self.name, "dtype": self.dtype, "temperature": self.temperature}
