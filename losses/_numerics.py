"""Functions whose value or gradient the backends define differently, or not at all, at a corner."""

from __future__ import annotations

from typing import Any

from keras import ops

from ._euclidean import safe_power

__all__ = ["divide", "hinge", "maximum", "minimum", "norm"]


def hinge(x: Any) -> Any:
    """`max(0, x)`, with the gradient 1 at 0, as PyTorch's `clamp` has it."""
    return ops.where(x >= 0, x, ops.zeros_like(x))


def maximum(a: Any, b: Any) -> Any:
    """The larger of two, the whole gradient to `a` where they are equal, as in TensorFlow."""
    return ops.where(a >= b, a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two, half of the gradient to each where they are equal, as in PyTorch."""
    return ops.where(a < b, a, ops.where(b < a, b, (a + b) / 2))


def divide(a: Any, b: Any) -> Any:
    """`a / b`, and 0 with zero gradients where `b` is 0."""
    nothing = ops.equal(b, 0)
    quotient = a / ops.where(nothing, ops.ones_like(b), b)
    return ops.where(nothing, ops.zeros_like(quotient), quotient)


def norm(x: Any, p: float) -> Any:
    """The p-norm along the last axis, `p` >= 1 or infinite, with a zero gradient at 0."""
    size = ops.abs(x)
    if p == float("inf"):
        return ops.max(size, axis=-1)
    powers = ops.square(x) if p == 2 else safe_power(size, p)
    return safe_power(ops.sum(powers, axis=-1), 1 / p)
