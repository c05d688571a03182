"""Norms and squared distances with finite gradients and no more than O(N^2) memory."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["eye", "full_precision", "normalized", "safe_power", "squared_distances"]

# Up to this many numbers the differences of all pairs are formed one by one, which is exact;
# beyond it |a|^2 + |b|^2 - 2ab, in O(N^2) memory.
_DIRECT = 2**18


def full_precision(x: Any) -> Any:
    """The tensor in at least 32 bits: squares of half-precision numbers soon overflow."""
    x = ops.convert_to_tensor(x)
    half = keras.backend.standardize_dtype(x.dtype) in ("float16", "bfloat16")
    return ops.cast(x, "float32") if half else x


def normalized(x: Any, p: float = 2, axis: int = -1) -> Any:
    """`x / max(|x|_p, 1e-12)` along an axis, with a finite gradient at zero."""
    if p == 2:
        norm = safe_power(ops.sum(ops.square(x), axis=axis, keepdims=True), 0.5)
    else:
        norm = safe_power(ops.sum(safe_power(ops.abs(x), p), axis=axis, keepdims=True), 1 / p)
    return x / ops.maximum(norm, 1e-12)


def squared_distances(x: Any, y: Any = None) -> Any:
    """`|x_i - y_j|^2` of shape `(n, m)`; exact differences where few, else O(n m) memory."""
    other = x if y is None else y
    (n, d), m = x.shape, other.shape[0]
    if n is not None and m is not None and d is not None and n * m * d <= _DIRECT:
        return ops.sum(ops.square(x[:, None, :] - other[None, :, :]), axis=-1)
    # Distances do not change when all points move; near the origin less is lost to rounding.
    centre = ops.stop_gradient(ops.mean(x, axis=0, keepdims=True))
    x, other = x - centre, other - centre
    squares = ops.sum(ops.square(x), axis=1)[:, None] + ops.sum(ops.square(other), axis=1)[None, :]
    squared = ops.relu(squares - 2 * ops.matmul(x, ops.transpose(other)))
    return ops.where(eye(x), ops.zeros_like(squared), squared) if y is None else squared


def eye(x: Any) -> Any:
    """The diagonal of an `(n, n)` matrix, as booleans, n being the rows of `x`."""
    rows = ops.arange(ops.shape(x)[0])
    return rows[:, None] == rows[None, :]


def safe_power(x: Any, power: float) -> Any:
    """`x ** power` of non-negative numbers, with gradient zero at zero."""
    if power == 1:
        return x
    positive = x > 0
    inside = ops.where(positive, x, ops.ones_like(x))
    raised = ops.sqrt(inside) if power == 0.5 else ops.power(inside, power)
    return ops.where(positive, raised, ops.zeros_like(x))
