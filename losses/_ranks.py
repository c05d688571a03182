"""Weighted ranks, in ops that every backend compiles.

A weight counts its sample that many times, so an empty place is a sample of weight zero.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = [
    "correlation",
    "distinct",
    "group_ids",
    "groups",
    "has_nan",
    "midranks",
    "one_per_sample",
    "paired",
    "ratio",
    "run_sums",
    "running",
    "scattered",
    "sums_at",
    "wide_dtype",
]


def wide_dtype() -> str:
    """float64; on JAX float32, unless JAX was told to enable float64."""
    return keras.backend.standardize_dtype(ops.convert_to_tensor(np.zeros(1)).dtype)


def one_per_sample(values: Any, what: str) -> Any:
    """`values` of shape `(n,)`, from that or from `(n, 1)`.

    Raises:
        ValueError: If there is not one value per sample.
    """
    values = ops.convert_to_tensor(values)
    if len(values.shape) == 0 or any(size != 1 for size in values.shape[1:]):
        raise ValueError(
            f"{what} needs one value per sample, of shape (n,) or (n, 1); "
            f"got shape {tuple(values.shape)}"
        )
    if keras.backend.standardize_dtype(values.dtype) in ("bool", "float16", "bfloat16"):
        values = ops.cast(values, "float32")
    return ops.reshape(values, (-1,))


def paired(y_true: Any, y_pred: Any, sample_weight: Any, what: str) -> tuple[Any, Any, Any]:
    """`y_true`, `y_pred` and the weights, each of shape `(n,)`, the weights in `wide_dtype`.

    Values whose weight is zero become zero, so that not even a NaN there counts.

    Raises:
        ValueError: If a shape is not `(n,)` or `(n, 1)`, or if the lengths differ.
    """
    x, y = one_per_sample(y_true, what), one_per_sample(y_pred, what)
    if sample_weight is None:
        w = ops.ones_like(x, dtype=wide_dtype())
    else:
        w = ops.cast(one_per_sample(sample_weight, what), wide_dtype())
    if len({v.shape[0] for v in (x, y, w)} - {None}) > 1:
        raise ValueError(
            f"{what} needs y_true, y_pred and sample_weight of one length; "
            f"got {x.shape[0]}, {y.shape[0]} and {w.shape[0]}"
        )
    if sample_weight is None:
        return x, y, w
    counts = w != 0
    return ops.where(counts, x, ops.zeros_like(x)), ops.where(counts, y, ops.zeros_like(y)), w


def running(w: Any) -> Any:
    """The running sum, in the dtype of `w`, which Keras on PyTorch would not keep."""
    return ops.cumsum(w, dtype=keras.backend.standardize_dtype(w.dtype))


def scattered(order: Any, values: Any) -> Any:
    """`result` with `result[order[i]] = values[i]`; `order` is a permutation."""
    return ops.scatter_update(ops.zeros_like(values), ops.expand_dims(order, 1), values)


def group_ids(ordered: Any, *more: Any) -> Any:
    """Numbers from 0 for runs of equal elements, of one or several sequences at once."""
    steps = [values != ops.roll(values, 1) for values in (ordered, *more)]
    ids = ops.cumsum(ops.cast(ops.any(ops.stack(steps), axis=0), "int32"))
    return ids - ids[:1]


def groups(x: Any) -> Any:
    """For each element, which of the distinct values it has, in ascending order from 0."""
    order = ops.argsort(x)
    return scattered(order, group_ids(ops.take(x, order)))


def run_ends(ids: Any) -> tuple[Any, Any]:
    """For each element the first and the last place of its run; `ids` are of `group_ids`."""
    n = ops.shape(ids)[0]
    place = ops.arange(n, dtype="int32")
    is_last = ops.logical_or(ids != ops.roll(ids, -1), place == n - 1)
    slot = ops.expand_dims(ops.where(is_last, ids, n), 1)  # all others share one slot, not read
    last = ops.scatter_update(ops.zeros((n + 1,), dtype="int32"), slot, place)
    first = ops.where(ids > 0, ops.take(last, ops.maximum(ids - 1, 0)) + 1, 0)
    return first, ops.take(last, ids)


def run_sums(ids: Any, w: Any) -> Any:
    """For each element the weight of its run."""
    first, last = run_ends(ids)
    upto = running(w)
    return ops.take(upto, last) - ops.take(upto - w, first)


def sums_at(place: Any, w: Any, size: int) -> Any:
    """The weight at each place from 0 to `size - 1`."""
    order = ops.argsort(place)
    place = ops.take(place, order)
    # All of a run write the same number.
    sums = run_sums(group_ids(place), ops.take(w, order))
    return ops.scatter_update(ops.zeros((size,), dtype=w.dtype), ops.expand_dims(place, 1), sums)


def distinct(ids: Any, w: Any) -> Any:
    """How many runs have any weight."""
    present = ops.cast(w > 0, "int32")  # counted in integers, which cancel to zero
    is_first = ops.arange(ops.shape(ids)[0], dtype="int32") == run_ends(ids)[0]
    return ops.sum(ops.cast(ops.logical_and(is_first, run_sums(ids, present) > 0), w.dtype))


def midranks(x: Any, w: Any) -> tuple[Any, Any]:
    """The share of the weight below each element and half of its ties, less one half.

    With unit weights this is the average rank, counted from 1, less its mean, over `n`.

    Returns:
        These ranks, and how many distinct values there are.
    """
    order = ops.argsort(x)
    ids, w = group_ids(ops.take(x, order)), ops.take(w, order)
    first, last = run_ends(ids)
    upto = running(w)
    middle = (ops.take(upto - w, first) + ops.take(upto, last)) / 2
    total = ops.where(upto[-1:] > 0, upto[-1:], ops.ones_like(upto[-1:]))
    return scattered(order, middle / total - 0.5), distinct(ids, w)


def has_nan(*values: Any) -> Any:
    """Whether any value is NaN, which a sort would take for a number."""
    found = [ops.any(ops.isnan(ops.cast(v, wide_dtype()))) for v in values]
    return ops.any(ops.stack(found))


def ratio(above: Any, below: Any, is_nan: Any = False) -> Any:
    """`above / below`, which is NaN unless `below` is positive."""
    defined = ops.logical_and(below > 0, ops.logical_not(is_nan))
    safe = ops.where(defined, below, ops.ones_like(below))
    return ops.where(defined, above / safe, ops.ones_like(safe) * np.nan)


def correlation(x: Any, y: Any, w: Any, is_nan: Any = False) -> Any:
    """The weighted Pearson correlation of centred values, NaN where one is constant."""
    xx, yy, xy = (ops.sum(w * a * b) for a, b in ((x, x), (y, y), (x, y)))
    # A root for each, because the product of two sums may overflow.
    return ratio(xy, ops.sqrt(xx) * ops.sqrt(yy), is_nan)
