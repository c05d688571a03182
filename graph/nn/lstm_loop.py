"""The loops of an LSTM over the steps of a sequence, in TensorFlow: forward, and back."""

from __future__ import annotations

from typing import Any

__all__ = ["backward", "forward"]


def forward(
    x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any, *, keep: bool
) -> list[Any]:
    """Every state and the last cell, as of `lstm_sequence`, and what `backward` wants.

    Args:
        x: Sequences ``(batch, time, features)``.
        h: The state before the first step.
        c: The cell before the first step.
        kernel: Weights of the input, gates in Keras's order.
        recurrent: Weights of the state.
        bias: One for each gate.
        keep: Whether `backward` is to follow.

    Returns:
        All h ``(batch, time, units)`` and the last c; with `keep` also all h and all c
        ``(time, batch, units)`` and all gates ``(time, batch, 4 units)``.
    """
    import tensorflow as tf

    # s(x) = (tanh(x/2) + 1) / 2: one function for all gates. Halves of floats are exact.
    units = recurrent.shape[0]
    half, one = tf.fill((2 * units,), 0.5), tf.ones((units,))
    scale = tf.cast(tf.concat([half, one, half[:units]], 0), x.dtype)
    kernel, recurrent, bias = kernel * scale, recurrent * scale, bias * scale
    sizes = tf.shape(x)
    time, batch = sizes[1], sizes[0]
    ahead = tf.reshape(tf.transpose(x, (1, 0, 2)), (-1, x.shape[2]))
    ahead = tf.reshape(tf.matmul(ahead, kernel), (time, batch, 4 * units))
    steps = tf.TensorArray(x.dtype, time).unstack(ahead)
    widths = (units, units, 4 * units) if keep else (units,)
    stores = [_store(x.dtype, time, (x.shape[0], n)) for n in widths]

    def body(t: Any, h: Any, c: Any, *stores: Any) -> Any:
        total = tf.matmul(h, recurrent) + steps.read(t) + bias
        i, f, g, o = tf.split(tf.tanh(total), 4, -1)
        i, f, o = 0.5 * i + 0.5, 0.5 * f + 0.5, 0.5 * o + 0.5
        c = f * c + i * g
        h = o * tf.tanh(c)
        found = (h, c, tf.concat([i, f, g, o], -1)) if keep else (h,)
        return t + 1, h, c, *(s.write(t, a) for s, a in zip(stores, found, strict=True))

    ends = tf.while_loop(lambda t, *_: t < time, body, (0, h, c, *stores), maximum_iterations=time)
    kept = [store.stack() for store in ends[3:]]
    return [tf.transpose(kept[0], (1, 0, 2)), ends[2], *(kept if keep else ())]


def backward(
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
    """The gradients of the first six arguments.

    Args:
        x: Sequences.
        h: The state before the first step.
        c: The cell before the first step.
        kernel: Weights of the input.
        recurrent: Weights of the state.
        bias: One for each gate.
        d_states: The gradient of all h ``(batch, time, units)``.
        d_cell: That of the last c.
        states: What `forward` kept: all h,
        cells: all c,
        gates: and all gates.
    """
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


def _store(dtype: Any, time: Any, shape: Any) -> Any:
    import tensorflow as tf

    return tf.TensorArray(dtype, time, element_shape=shape)
