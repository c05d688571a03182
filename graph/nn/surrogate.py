"""One function's value with another's gradient, where Torch's modules are defined so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

__all__ = ["root", "with_added_gradient", "with_gradient"]


def with_gradient(value: Any, line: Any) -> Any:
    """`value`, with the gradient of `line`.

    Made of plain operations, so that it survives `to_keras`.
    """
    return ops.stop_gradient(value) + (line - ops.stop_gradient(line))


def root(squares: Any, eps: float) -> Any:
    """``sqrt(squares)`` whose gradient is ``1 / (2 (sqrt(squares) + eps))``, finite at 0."""
    value = ops.stop_gradient(ops.sqrt(squares))
    return with_gradient(value, squares * (0.5 / (value + eps)))


def with_added_gradient(x: Any, added: Callable[[Any], Any], *, keep: bool = True) -> Any:
    """`x` itself, whose gradient has something added to it, whatever comes from above.

    Not for symbolic tensors, which pass: Keras cannot save a custom gradient.

    Args:
        x: A tensor.
        added: Gives what is added, for `x`.
        keep: Whether the gradient from above passes as well.
    """
    if isinstance(x, keras.KerasTensor):
        return x

    @ops.custom_gradient
    def identity(x: Any) -> Any:
        extra = added(x)  # In here, since JAX lets nothing that depends on `x` come from outside.

        def gradient(*args: Any, upstream: Any = None) -> Any:
            above = args[0] if upstream is None else upstream
            return above + extra if keep else ops.zeros_like(above) + extra

        return x, gradient

    return identity(x * 1)  # Where `x` is a variable, TensorFlow wants it read out here.
