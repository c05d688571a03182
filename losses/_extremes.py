"""The largest and smallest distance of each row, and who shares their gradient."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["extreme"]


def extreme(d: Any, mask: Any, *, largest: bool) -> tuple[Any, Any]:
    """The extreme of each row within a mask, and its derivative.

    A row without a masked element gives its opposite extreme: its minimum where the largest is
    asked for. Equal elements share the derivative as tensorflow-addons has it, which takes the
    maximum of `(d - min(d)) * mask`: where that is zero, the unmasked elements tie too.

    Args:
        d: Distances of shape `(n, m)`.
        mask: Booleans of the same shape.
        largest: Whether the largest or the smallest is asked for.

    Returns:
        The extremes, of shape `(n,)`, and the derivative of each with respect to its row, of
        shape `(n, m)`, each row of which sums to one.
    """
    if not largest:
        value, share = extreme(-d, mask, largest=True)
        return -value, share
    least = ops.min(d, axis=1, keepdims=True)
    above = ops.where(mask, d - least, 0.0)
    height = ops.max(above, axis=1, keepdims=True)
    tied = above == height
    share = ops.cast(ops.logical_and(tied, mask), d.dtype) / ops.sum(
        ops.cast(tied, d.dtype), axis=1, keepdims=True
    )
    lowest = ops.cast(d == least, d.dtype)
    lowest = lowest / ops.sum(lowest, axis=1, keepdims=True)
    rest = 1 - ops.sum(share, axis=1, keepdims=True)
    inside = ops.max(ops.where(mask, d, float("-inf")), axis=1)
    value = ops.where(ops.any(mask, axis=1), inside, least[:, 0])
    return value, ops.where(height > 0, share, share + lowest * rest)
