"""Checks of values while a model runs, told alike from eager and from compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError

__all__ = ["VALUE_BELOW", "checked", "checked_indices"]

VALUE_BELOW = "of the value below"
"""Where the refusal of compiled code, whose text is fixed, has its value after its end."""


def checked(x: Any, wrong: Any, value: Callable[[], Any], text: str) -> Any:
    """`x`, if nothing is `wrong`; compiled TensorFlow code looks whenever it runs.

    Traced code of other backends cannot look: there `x` passes. XLA drops the check, so a module
    that uses it has ``supports_jit = False``.

    Args:
        x: What is passed on.
        wrong: A boolean tensor.
        value: Gives the integer to tell.
        text: The message, with `VALUE_BELOW` in the place of that integer.

    Raises:
        GraphError: Something is wrong (`tensorflow.errors.InvalidArgumentError` with the same
            text from compiled code that runs outside a GModule).
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.executing_eagerly():
            fine = tf.logical_not(tf.reduce_any(wrong))
            check = tf.debugging.Assert(fine, [text, value()])
            with tf.control_dependencies([check] if check is not None else []):
                return tf.identity(x)
    try:
        refused = bool(np.any(np.asarray(wrong)))
    except Exception:  # Traced by JAX or symbolic: there are no values to look at.
        return x
    if refused:
        raise GraphError(text.replace(VALUE_BELOW, str(int(np.asarray(value())))))
    return x


def checked_indices(x: Any, count: int, where: str, what: str) -> Any:
    """Integers, checked to be from 1 to `count`.

    Args:
        x: A tensor of integers.
        count: The largest index.
        where: The node, for the message.
        what: What they are indices of, e.g. ``the table of 5 rows``.

    Raises:
        GraphError: One is outside, as of `checked`.
    """

    def value() -> Any:
        low, high = ops.min(x), ops.max(x)
        return ops.where(low < 1, low, high)

    text = (
        f"{where}: index {VALUE_BELOW} is outside {what}\n"
        f"  fix: indices count from 1 to {count}, as in Torch"
    )
    return checked(x, ops.logical_or(x < 1, x > count), value, text)
