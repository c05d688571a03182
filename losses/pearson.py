"""Pearson's correlation, from running moments."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._ranks import correlation, has_nan, one_per_sample, paired, ratio

__all__ = ["PearsonCorrelation", "pearson"]


@keras.saving.register_keras_serializable(package="nngraph")
def pearson(y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
    """Pearson's correlation.

    `r = sum(w (x - mean(x)) (y - mean(y))) / sqrt(sum(w (x - mean(x))^2) sum(w (y - mean(y))^2))`

    Args:
        y_true: Numbers of shape `(n,)` or `(n, 1)`.
        y_pred: Numbers of the same shape.
        sample_weight: How often each sample counts, of shape `(n,)` or `(n, 1)`; by default
            once. Any number, zero or more.

    Returns:
        A scalar between -1 and 1; NaN for fewer than two samples, if all values of one input
        are equal, or if a value is NaN or infinite, as `scipy.stats.pearsonr` gives.

    Raises:
        ValueError: If there is not one value per sample, or if the lengths differ.

    References:
        Twins: `scipy.stats.pearsonr`; tensorflow-addons `PearsonsCorrelation`.

    Example:
        >>> print(f"{float(pearson([1, 2, 3, 4], [1.0, 3.0, 2.0, 4.0])):.2f}")
        0.80
    """
    x, y, w = paired(y_true, y_pred, sample_weight, "pearson")
    x, y = (_centred(_centred(_from_first(ops.cast(v, w.dtype), w), w), w) for v in (x, y))
    return correlation(x, y, w, has_nan(x, y, w))


@keras.saving.register_keras_serializable(package="nngraph")
class PearsonCorrelation(keras.metrics.Metric):
    """Pearson's correlation of all samples of an epoch; see `pearson`.

    Exact over batches in constant memory: means and centred moments are merged batch by batch,
    and all values are taken from the first one, so that a large common offset costs no digits.

    Args:
        name: A name for the metric.
        dtype: The dtype of the moments; by default `keras.config.floatx()`.

    References:
        Chan, Golub, LeVeque: Updating Formulae and a Pairwise Algorithm for Computing Sample
        Variances, 1979.

    Example:
        >>> metric = PearsonCorrelation()
        >>> metric.update_state([1, 2], [1.0, 3.0])
        >>> metric.update_state([3, 4], [2.0, 4.0])
        >>> print(f"{float(metric.result()):.2f}")
        0.80
    """

    _direction = "up"  # what EarlyStopping(mode="auto") asks for

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

        def variable(shape: tuple[int, ...], what: str) -> Any:
            return self.add_variable(shape, "zeros", dtype=self.dtype, name=what)

        self._weight = variable((), "weight")
        self._first = variable((2,), "first")
        self._mean = variable((2,), "mean")
        self._moments = variable((3,), "moments")  # of xx, yy and xy

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: `y_true` and `y_pred` of shape `(batch,)` or `(batch, 1)`."""
        true, pred = (ops.cast(v, self.dtype) for v in (y_true, y_pred))
        if sample_weight is not None and len(ops.shape(sample_weight)) == 0:
            sample_weight = ops.full_like(one_per_sample(y_true, self.name), sample_weight)
        x, y, w = paired(true, pred, sample_weight, self.name)
        w = ops.cast(w, self.dtype)
        batch, before = ops.sum(w), self._weight.value
        is_start = before == 0
        first = ops.where(is_start, ops.stack([_first(x, w), _first(y, w)]), self._first.value)
        xy = ops.stack([x, y]) - first[:, None]
        xy = ops.where(w > 0, xy, ops.zeros_like(xy))
        both = before + batch
        one = ops.ones_like(both)
        batch_mean = ops.sum(w * xy, axis=1) / ops.where(batch > 0, batch, one)
        d = xy - batch_mean[:, None]
        d = d - (ops.sum(w * d, axis=1) / ops.where(batch > 0, batch, one))[:, None]
        jump = batch_mean - self._mean.value
        share = batch / ops.where(both > 0, both, one)
        moments = ops.sum(w * _products(d), axis=1) + _products(jump) * before * share
        self._first.assign(first)
        self._mean.assign(self._mean.value + jump * share)
        self._moments.assign(self._moments.value + moments)
        self._weight.assign(both)

    def result(self) -> Any:
        """The correlation of all samples so far, a scalar."""
        xx, yy, xy = (self._moments.value[i] for i in range(3))
        return ratio(xy, ops.sqrt(xx) * ops.sqrt(yy))


def _products(pair: Any) -> Any:
    """Of `[x, y]` the list of `x x`, `y y` and `x y`."""
    return ops.stack([pair[0] * pair[0], pair[1] * pair[1], pair[0] * pair[1]])


def _first(values: Any, w: Any) -> Any:
    """The first value that counts."""
    return ops.take(values, ops.argmax(ops.cast(w > 0, "int32")))


def _from_first(values: Any, w: Any) -> Any:
    """Differences from the first value that counts: exactly zero for a constant."""
    return ops.where(w > 0, values - _first(values, w), ops.zeros_like(values))


def _centred(values: Any, w: Any) -> Any:
    total = ops.sum(w)
    return values - ops.sum(w * values) / ops.where(total > 0, total, ops.ones_like(total))
