"""A whole LSTM sequence as one operation with a gradient of its own, on TensorFlow's CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any, NamedTuple

import keras

from .lstm_loop import backward, forward

__all__ = ["lstm_sequence", "runs_here", "without_xla"]

_HALVED = 16
"""The smallest batch to halve."""

_xla: ContextVar[bool] = ContextVar("nngraph_lstm_xla", default=True)


@contextmanager
def without_xla() -> Iterator[None]:
    """Functions traced meanwhile hold no XLA code, which not every server can run."""
    token = _xla.set(False)
    try:
        yield
    finally:
        _xla.reset(token)


def runs_here(dtype: str) -> bool:
    """Whether `lstm_sequence` is the way to run an LSTM: not on a GPU, which has cuDNN.

    Args:
        dtype: What is computed in.
    """
    if keras.backend.backend() != "tensorflow" or dtype not in ("float32", "float64"):
        return False
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def lstm_sequence(
    x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any, *, training: bool = False
) -> list[Any]:
    """``c = s(f) c' + s(i) tanh(g), h = s(o) tanh(c)`` at every step of a sequence.

    The products with `x` are one product before the loop, and so is each gradient of a weight
    after it: the loop back finds only the gradients before the nonlinearities. Derivatives of
    every order are exact; those from the second on run the plain loop again.

    Args:
        x: Sequences ``(batch, time, features)``, float32 or float64.
        h: The state before the first step, ``(batch, units)``.
        c: The cell before the first step, ``(batch, units)``.
        kernel: Weights of the input ``(features, 4 units)``, gates in Keras's order i, f, g, o.
        recurrent: Weights of the state ``(units, 4 units)``.
        bias: ``(4 units,)``.
        training: Whether to keep the gates for a gradient, which else computes them once more.
            Default: False.

    Returns:
        All h ``(batch, time, units)`` and the last c ``(batch, units)``.
    """
    import tensorflow as tf

    # XLA compiles anew for each length, which would cost more than it saves where lengths vary.
    compiled = _xla.get() and x.shape[1] is not None
    halved = compiled and _pays_halved(x.shape[0], recurrent.shape[0])
    run = _functions(compiled, halved, kernel.shape[0], recurrent.shape[0])

    def still(function: Any, *arguments: Any) -> Any:
        # What a tape saw of the loops inside it would differentiate; XLA hands no loops out.
        found = function(*map(tf.stop_gradient, arguments))
        return list(map(tf.stop_gradient, found))

    @tf.custom_gradient
    def sequence(*fed: Any) -> Any:
        states, cell, *kept = still(run.keeping if training else run.outputs, *fed)
        states.set_shape((*x.shape[:2], recurrent.shape[0]))

        def gradient(*seeds: Any) -> Any:
            saved = kept or still(run.keeping, *fed)[2:]

            @tf.custom_gradient
            def first(*arguments: Any) -> Any:
                found = still(run.back, *arguments, *saved)
                found[0].set_shape(x.shape)
                return found, lambda *d: _second(arguments, d)

            return first(*fed, *seeds)

        return [states, cell], gradient

    return sequence(x, h, c, kernel, recurrent, bias)


def _pays_halved(batch: int | None, units: int) -> bool:
    """Whether two cores had better run a loop each, over half the batch, than share every step.

    The steps of a small LSTM, whose weights fit each core's own cache, are too short to share.
    """
    several = (os.cpu_count() or 1) > 1
    return several and (batch is None or batch >= _HALVED) and units <= 256


class _Functions(NamedTuple):
    outputs: Any
    keeping: Any
    back: Any


@cache
def _functions(compiled: bool, halved: bool, features: int, units: int) -> _Functions:
    # Functions of their own for each size of weights: `reduce_retracing` opens every axis that
    # differs from one call to the next, and those of the weights must stay known.
    import tensorflow as tf

    def made(function: Any, compiled: bool = compiled) -> Any:
        return tf.function(
            function, jit_compile=compiled or None, reduce_retracing=True, autograph=False
        )

    outputs, keeping = (made(partial(forward, keep=keep)) for keep in (False, True))
    back = made(backward)
    if halved:
        outputs, keeping = made(_halved(outputs), False), made(_halved(keeping), False)
        back = made(_halved_back(back), False)
    return _Functions(outputs, keeping, back)


def _halved(run: Any) -> Any:
    """Run one half of the batch beside the other; what is kept stays in halves."""
    import tensorflow as tf

    def both(*fed: Any) -> Any:
        batch, weights = fed[:3], fed[3:]
        one, two = (run(*half, *weights) for half in zip(*map(_halves, batch), strict=True))
        states, cell = (tf.concat(pair, 0) for pair in zip(one[:2], two[:2], strict=True))
        return [states, cell, *one[2:], *two[2:]]

    return both


def _halved_back(run: Any) -> Any:
    import tensorflow as tf

    def both(*fed: Any) -> Any:
        batch, weights, seeds, kept = fed[:3], fed[3:6], fed[6:8], fed[8:]
        saved = (kept[:3], kept[3:])
        parts = zip(*map(_halves, (*batch, *seeds)), strict=True)
        one, two = (
            run(*half[:3], *weights, *half[3:], *own)
            for half, own in zip(parts, saved, strict=True)
        )
        joined = [tf.concat(pair, 0) for pair in zip(one[:3], two[:3], strict=True)]
        return [*joined, *(a + b for a, b in zip(one[3:], two[3:], strict=True))]

    return both


def _halves(x: Any) -> tuple[Any, Any]:
    """Of a batch whose size is not known before it comes, and is small: all, and nothing."""
    import tensorflow as tf

    size = x.shape[0]
    if size is None:
        size = tf.shape(x)[0]
        middle = tf.where(size < _HALVED, size, size // 2)
    else:
        middle = size // 2 if size >= _HALVED else size
    return x[:middle], x[middle:]


def _second(fed_first: Any, seeds: Any) -> Any:
    """The gradient of `seeds` times what `backward` gives, by differentiating the plain loop."""
    import tensorflow as tf

    arguments: Any = [tf.identity(a) for a in fed_first]
    *fed, d_states, d_cell = arguments
    with tf.GradientTape() as outer:
        outer.watch(arguments)
        with tf.GradientTape() as inner:
            inner.watch(fed)
            outputs = forward(*fed, keep=False)
        first: Any = inner.gradient(outputs, fed, [d_states, d_cell])
    return outer.gradient(
        first, list(arguments), list(seeds), unconnected_gradients=tf.UnconnectedGradients.ZERO
    )
