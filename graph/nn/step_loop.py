"""The loops of a step over the steps of sequences, in TensorFlow: forward, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .step import Fed, Step, stepping, time_first

__all__ = ["Kept", "backward", "forward"]


class Kept(NamedTuple):
    """What the way back wants, time first: every state, and what every product made."""

    states: Sequence[Any]
    products: Sequence[Any]


def forward(step: Step, fed: Fed, *, keep: bool = False) -> tuple[list[Any], list[Any], Kept]:
    """Run a step over every step of the sequences.

    What products take of sequences is one product each, before the loop.

    Args:
        step: The step.
        fed: What it takes.
        keep: Whether `backward` is to follow.

    Returns:
        Every output ``(batch, time, ...)``; the last states; with `keep` what is kept.
    """
    import tensorflow as tf

    series, once = stepping(step, fed)
    time, batch = tf.shape(series[0])[0], series[0].shape[1]
    rows = [_rows(sequence, time) for sequence in series]
    made = [o for o in step.outputs if not isinstance(o, int)]
    stores = [_store(dtype, series[0], (batch, *shape)) for shape, dtype in made]
    read = {o for o in step.outputs if isinstance(o, int)}
    shown = [i for i in range(len(fed.states)) if keep or i in read]
    stores += [_store(fed.states[i].dtype, series[0], fed.states[i].shape) for i in shown]
    if keep:
        stores += [_store(k.dtype, series[0], (batch, k.shape[1])) for k in fed.kernels]

    def body(t: Any, states: Any, stores: Any) -> Any:
        outputs, states, products = once([row.read(t) for row in rows], states)
        for state, start in zip(states, fed.states, strict=True):
            state.set_shape(start.shape)
        kept = [*(states[i] for i in shown), *(products if keep else ())]
        written = zip(stores, [*outputs, *kept], strict=True)
        return t + 1, tuple(states), tuple(store.write(t, value) for store, value in written)

    start = (0, tuple(fed.states), tuple(stores))
    ends = tf.while_loop(lambda t, *_: t < time, body, start, maximum_iterations=time)
    stacked = [_stacked(store, series[0]) for store in ends[2]]
    n, m = len(made), len(made) + len(shown)
    states = dict(zip(shown, stacked[n:m], strict=True))
    outputs = list(map(time_first, step.shown(stacked[:n], states)))
    kept = Kept(stacked[n:m], stacked[m:]) if keep else Kept((), ())
    return outputs, list(ends[1]), kept


def backward(
    step: Step, fed: Fed, d_outputs: Sequence[Any], d_states: Sequence[Any], kept: Kept
) -> list[Any]:
    """The gradients of all that `fed` holds, flat.

    The loop takes no product of the way forward again, and none for the gradient of a kernel: it
    gathers the gradients of the products, and from them one product over all steps gives that.

    Args:
        step: The step.
        fed: What it was fed.
        d_outputs: The gradients of every output.
        d_states: Those of the last states.
        kept: What `forward` kept.
    """
    import tensorflow as tf

    before = [tf.concat([a[None], b[:-1]], 0) for a, b in zip(fed.states, kept.states, strict=True)]
    time, batch, dtype = tf.shape(before[0])[0], before[0].shape[1], before[0].dtype
    sequences, slopes = (list(map(time_first, series)) for series in (fed.parts, d_outputs))
    series = (sequences, before, kept.products, slopes)
    parts, lasts, products, seeds = ([_rows(a, time) for a in kind] for kind in series)
    transposed = [tf.transpose(kernel) for kernel in fed.kernels]
    free = [k for k, product in enumerate(step.products) if product.state is None]
    shapes = [a.shape[1:] for a in sequences]
    shapes += [(batch, kernel.shape[1]) for kernel in fed.kernels]
    shapes += [(batch, fed.kernels[k].shape[0]) for k in free]
    stores = [_store(dtype, before[0], shape) for shape in shapes]

    def body(left: Any, d_states: Any, d_weights: Any, stores: Any) -> Any:
        t = left - 1
        made = [rows.read(t) for rows in products]
        marks = [tf.zeros_like(z) for z in made]
        multiplied: dict[int, Any] = {}

        def product(k: int, u: Any) -> Any:
            @tf.custom_gradient
            def made_before(u: Any, mark: Any) -> Any:
                return tf.identity(made[k]), lambda d: (tf.matmul(d, transposed[k]), d)

            multiplied[k] = u
            return made_before(u, marks[k])

        seen, last = ([rows.read(t) for rows in kind] for kind in (parts, lasts))
        weights = [tf.identity(a) for a in fed.weights]
        wanted = [*seen, *last, *marks, *weights]
        with tf.GradientTape() as tape:
            tape.watch(wanted)
            outputs, states = step.run(seen, last, weights, product)
        by_state, own = list(d_states), []
        for output, rows in zip(step.outputs, seeds, strict=True):
            if isinstance(output, int):
                by_state[output] += rows.read(t)
            else:
                own.append(rows.read(t))
        found = iter(
            tape.gradient(
                [*outputs, *states],
                wanted,
                [*own, *by_state],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
        )
        groups = ([next(found) for _ in part] for part in (seen, last, marks, weights))
        d_parts, d_last, d_made, d_own = groups
        written = [*d_parts, *d_made, *(multiplied[k] for k in free)]
        return (
            t,
            tuple(d_last),
            tuple(a + b for a, b in zip(d_weights, d_own, strict=True)),
            tuple(store.write(t, a) for store, a in zip(stores, written, strict=True)),
        )

    nothing = tuple(tf.zeros_like(a) for a in fed.weights)
    start = (time, tuple(d_states), nothing, tuple(stores))
    ends = tf.while_loop(lambda left, *_: left > 0, body, start, maximum_iterations=time)
    stacked = iter([_stacked(store, before[0]) for store in ends[3]])
    d_parts = [time_first(next(stacked)) for _ in fed.parts]
    d_made = [next(stacked) for _ in fed.kernels]
    sources, inputs = list(map(time_first, fed.sources)), iter(fed.inputs)
    d_sources: list[Any] = [0] * len(sources)
    d_kernels, d_inputs, d_biases = [], [], []
    for product, dz in zip(step.products, d_made, strict=True):
        u = next(stacked) if product.state is None else before[product.state]
        d_kernels.append(tf.matmul(_flat(u), _flat(dz), transpose_a=True))
        d_biases += [tf.reduce_sum(dz, (0, 1))] if product.bias else []
        if product.source is not None:
            kernel, x = next(inputs), sources[product.source]
            d_inputs.append(tf.matmul(_flat(x), _flat(dz), transpose_a=True))
            dx = tf.matmul(_flat(dz), kernel, transpose_b=True)
            d_sources[product.source] += tf.reshape(dx, (time, -1, kernel.shape[0]))
    d_sources = list(map(time_first, d_sources))
    return [*d_sources, *d_parts, *ends[1], *d_kernels, *d_inputs, *d_biases, *ends[2]]


def _flat(x: Any) -> Any:
    import tensorflow as tf

    return tf.reshape(x, (-1, x.shape[2]))


def _rows(x: Any, time: Any) -> Any:
    import tensorflow as tf

    return tf.TensorArray(x.dtype, time).unstack(x)


def _store(dtype: Any, like: Any, shape: Any) -> Any:
    """For as many tensors of a shape as `like` has steps, and one more where these may be none.

    Of an empty store TensorFlow would not know what shape it is of.
    """
    import tensorflow as tf

    sizes = tf.shape(like)
    if like.shape[0]:
        return tf.TensorArray(dtype, sizes[0], element_shape=shape)
    store = tf.TensorArray(dtype, sizes[0] + 1, element_shape=shape)
    return store.write(sizes[0], tf.zeros((sizes[1], *shape[1:]), dtype))


def _stacked(store: Any, like: Any) -> Any:
    import tensorflow as tf

    return store.stack() if like.shape[0] else store.stack()[: tf.shape(like)[0]]
