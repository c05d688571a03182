"""A whole LSTM sequence as one operation with a gradient of its own, on TensorFlow's CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

import keras

__all__ = ["lstm_sequence", "runs_here", "without_xla"]

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
    run = _functions(_xla.get() and x.shape[1] is not None, kernel.shape[0], recurrent.shape[0])

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


class _Functions(NamedTuple):
    outputs: Any
    keeping: Any
    back: Any


@cache
def _functions(compiled: bool, features: int, units: int) -> _Functions:
    # Functions of their own for each size of weights: `reduce_retracing` opens every axis that
    # differs from one call to the next, and those of the weights must stay known.
    import tensorflow as tf

    def outputs(*fed: Any) -> Any:
        return keeping(*fed)[:2]

    def keeping(*fed: Any) -> Any:
        states, cells, gates = _forward(*fed)
        return tf.transpose(states, (1, 0, 2)), cells[-1], states, cells, gates

    def made(function: Any) -> Any:
        return tf.function(
            function, jit_compile=compiled or None, reduce_retracing=True, autograph=False
        )

    return _Functions(made(outputs), made(keeping), made(_backward))


def _forward(x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
    """All h and c ``(time, batch, units)`` and gates ``(time, batch, 4 units)``."""
    import tensorflow as tf

    # s(x) = (tanh(x/2) + 1) / 2: one function for all gates. Halves of floats are exact.
    units = recurrent.shape[0]
    half, one = tf.fill((2 * units,), 0.5), tf.ones((units,))
    scale = tf.cast(tf.concat([half, one, half[:units]], 0), x.dtype)
    kernel, recurrent, bias = kernel * scale, recurrent * scale, bias * scale
    sizes = tf.shape(x)
    time, batch = sizes[1], sizes[0]
    ahead = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, x.shape[2]))
    ahead = tf.reshape(tf.matmul(ahead, kernel) + bias, (time, batch, 4 * units))
    steps = tf.TensorArray(x.dtype, time).unstack(ahead)
    stores = [_store(x.dtype, time, (x.shape[0], n)) for n in (units, units, 4 * units)]

    def body(t: Any, h: Any, c: Any, hs: Any, cs: Any, gs: Any) -> Any:
        i, f, g, o = tf.split(tf.tanh(steps.read(t) + tf.matmul(h, recurrent)), 4, -1)
        i, f, o = 0.5 * i + 0.5, 0.5 * f + 0.5, 0.5 * o + 0.5
        c = f * c + i * g
        h = o * tf.tanh(c)
        gates = tf.concat([i, f, g, o], -1)
        return t + 1, h, c, hs.write(t, h), cs.write(t, c), gs.write(t, gates)

    ends = tf.while_loop(lambda t, *_: t < time, body, (0, h, c, *stores), maximum_iterations=time)
    return [store.stack() for store in ends[3:]]


def _backward(
    x: Any,
    h: Any,
    c: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    d_states: Any,
    d_cell: Any,
    states: Any,
    cells: Any,
    gates: Any,
) -> list[Any]:
    """The gradients of the first six arguments."""
    import tensorflow as tf

    time, units = tf.shape(states)[0], recurrent.shape[0]
    before = tf.concat([c[None], cells[:-1]], 0)
    squashed = tf.tanh(cells)
    transposed = tf.transpose(recurrent)
    series = (tf.transpose(d_states, (1, 0, 2)), gates, squashed, before)
    steps = [tf.TensorArray(x.dtype, time).unstack(a) for a in series]
    store = _store(x.dtype, time, (x.shape[0], 4 * units))

    def body(k: Any, dh: Any, dc: Any, store: Any) -> Any:
        t = time - 1 - k
        seed, gates, squashed, before = (a.read(t) for a in steps)
        i, f, g, o = tf.split(gates, 4, -1)
        dh = dh + seed
        dc = dc + dh * o * (1 - squashed * squashed)
        parts = (
            dc * g * i * (1 - i),
            dc * before * f * (1 - f),
            dc * i * (1 - g * g),
            dh * squashed * o * (1 - o),
        )
        dz = tf.concat(parts, -1)
        return k + 1, tf.matmul(dz, transposed), dc * f, store.write(t, dz)

    start = (0, tf.zeros_like(h), d_cell, store)
    _, dh, dc, store = tf.while_loop(lambda k, *_: k < time, body, start, maximum_iterations=time)
    dz = tf.reshape(store.stack(), (-1, 4 * units))
    fed = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, x.shape[2]))
    last = tf.reshape(tf.concat([h[None], states[:-1]], 0), (-1, units))
    dx = tf.reshape(tf.matmul(dz, kernel, transpose_b=True), (time, -1, x.shape[2]))
    return [
        tf.transpose(dx, (1, 0, 2)),
        dh,
        dc,
        tf.matmul(fed, dz, transpose_a=True),
        tf.matmul(last, dz, transpose_a=True),
        tf.reduce_sum(dz, 0),
    ]


def _second(fed_first: Any, seeds: Any) -> Any:
    """The gradient of `seeds` times what `_backward` gives, by differentiating the plain loop."""
    import tensorflow as tf

    arguments: Any = [tf.identity(a) for a in fed_first]
    *fed, d_states, d_cell = arguments
    with tf.GradientTape() as outer:
        outer.watch(arguments)
        with tf.GradientTape() as inner:
            inner.watch(fed)
            states, cells, _ = _forward(*fed)
            outputs = [tf.transpose(states, (1, 0, 2)), cells[-1]]
        first: Any = inner.gradient(outputs, fed, [d_states, d_cell])
    return outer.gradient(
        first, list(arguments), list(seeds), unconnected_gradients=tf.UnconnectedGradients.ZERO
    )


def _store(dtype: Any, time: Any, shape: Any) -> Any:
    import tensorflow as tf

    return tf.TensorArray(dtype, time, element_shape=shape)
