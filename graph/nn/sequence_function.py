"""A loop over a sequence as one operation with a gradient of its own, in TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple

import keras

__all__ = ["SequenceFunction", "has_gpu", "on_tensorflow", "without_xla"]

_HALVED = 16
"""The smallest batch to halve."""

_xla: ContextVar[bool] = ContextVar("nngraph_loop_xla", default=True)


@contextmanager
def without_xla() -> Iterator[None]:
    """Functions traced meanwhile hold no XLA code, which not every server can run."""
    token = _xla.set(False)
    try:
        yield
    finally:
        _xla.reset(token)


def on_tensorflow(*dtypes: str) -> bool:
    """Whether a `SequenceFunction` can run: on TensorFlow, in float32 or float64 alone.

    Args:
        *dtypes: What is computed in.
    """
    one = len(set(dtypes)) == 1 and dtypes[0] in ("float32", "float64")
    return one and keras.backend.backend() == "tensorflow"


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_logical_devices("GPU"))


class _Functions(NamedTuple):
    outputs: Any
    keeping: Any
    back: Any


class SequenceFunction:
    """Tensors to tensors by a loop, differentiated by a second loop.

    Derivatives of every order are exact; those from the second on run the plain loop again.

    Args:
        forward: ``forward(*fed, keep)`` gives the outputs and, with `keep`, what `backward` wants.
        backward: ``backward(*fed, *slopes of the outputs, *kept)`` gives the gradients of `fed`.
        batched: How many of `fed`, the first, have the batch as their first axis; the others are
            weights. All outputs have it.
        shapes: ``shapes(*fed)`` gives the static shapes of the outputs.
    """

    def __init__(
        self,
        forward: Callable[..., list[Any]],
        backward: Callable[..., list[Any]],
        batched: int,
        shapes: Callable[..., list[Any]],
    ) -> None:
        self._forward, self._backward, self._shapes = forward, backward, shapes
        self._batched = batched
        self._made: dict[Any, _Functions] = {}

    def __call__(
        self, *fed: Any, training: bool, compiled: bool, units: int | None = None
    ) -> list[Any]:
        """The outputs.

        Args:
            *fed: Tensors, of one float dtype.
            training: Whether to keep what a gradient wants, which else is computed once more.
            compiled: Whether XLA may compile the loops, once for each shape.
            units: The size of the state, for which two loops may pay, each over half the batch.
                Default: None, where rows of the batch look at each other.
        """
        import tensorflow as tf

        compiled = compiled and _xla.get()
        shapes = self._shapes(*fed)
        count = len(shapes)
        halved = compiled and _pays_halved(fed[0].shape[0], units)
        run = self._functions(compiled, halved, fed[self._batched :], count)

        def still(function: Any, *arguments: Any) -> Any:
            # What a tape saw of the loops inside would differentiate; XLA hands no loops out.
            found = function(*map(tf.stop_gradient, arguments))
            return list(map(tf.stop_gradient, found))

        @tf.custom_gradient
        def sequence(*fed: Any) -> Any:
            found = still(run.keeping if training else run.outputs, *fed)
            for output, shape in zip(found, shapes, strict=False):
                output.set_shape(shape)

            def gradient(*slopes: Any) -> Any:
                saved = found[count:] or still(run.keeping, *fed)[count:]

                @tf.custom_gradient
                def first(*arguments: Any) -> Any:
                    slopes = still(run.back, *arguments, *saved)
                    for slope, argument in zip(slopes, fed, strict=True):
                        slope.set_shape(argument.shape)
                    return slopes, lambda *d: self._second(len(fed), arguments, d)

                return first(*fed, *slopes)

            return found[:count], gradient

        return sequence(*map(tf.convert_to_tensor, fed))  # Variables would be seen inside.

    def _functions(self, compiled: bool, halved: bool, weights: Any, count: int) -> _Functions:
        # Functions of their own for each size of weights: `reduce_retracing` opens every axis that
        # differs from one call to the next, and those of the weights must stay known.
        import tensorflow as tf

        key = (compiled, halved, *(tuple(a.shape) for a in weights))
        if key not in self._made:

            def made(function: Any, compiled: bool = compiled) -> Any:
                return tf.function(
                    function, jit_compile=compiled or None, reduce_retracing=True, autograph=False
                )

            keeping, outputs = (made(partial(self._forward, keep=keep)) for keep in (True, False))
            back = made(self._backward)
            if halved:
                outputs, keeping = (
                    made(self._halved(run, count), False) for run in (outputs, keeping)
                )
                back = made(self._halved_back(back, len(weights), count), False)
            self._made[key] = _Functions(outputs, keeping, back)
        return self._made[key]

    def _halved(self, run: Any, count: int) -> Any:
        """Run one half of the batch beside the other; what is kept stays in halves."""

        def both(*fed: Any) -> Any:
            batch, weights = fed[: self._batched], fed[self._batched :]
            one, two = (run(*half, *weights) for half in zip(*map(_halves, batch), strict=True))
            return [*_joined(one[:count], two[:count]), *one[count:], *two[count:]]

        return both

    def _halved_back(self, run: Any, weights: int, count: int) -> Any:
        def both(*all: Any) -> Any:
            n, m = self._batched, self._batched + weights
            batch, own, slopes, kept = all[:n], all[n:m], all[m : m + count], all[m + count :]
            saved = (kept[: len(kept) // 2], kept[len(kept) // 2 :])
            halves = zip(*map(_halves, (*batch, *slopes)), strict=True)
            one, two = (
                run(*half[:n], *own, *half[n:], *mine)
                for half, mine in zip(halves, saved, strict=True)
            )
            sums = [a + b for a, b in zip(one[n:], two[n:], strict=True)]
            return [*_joined(one[:n], two[:n]), *sums]

        return both

    def _second(self, count: int, arguments: Any, slopes: Any) -> Any:
        """The gradient of `slopes` times what `backward` gives: the plain loop's."""
        import tensorflow as tf

        arguments = [tf.identity(a) for a in arguments]
        fed, given = arguments[:count], arguments[count:]
        with tf.GradientTape() as outer:
            outer.watch(arguments)
            with tf.GradientTape() as inner:
                inner.watch(fed)
                outputs = self._forward(*fed, keep=False)
            first: Any = inner.gradient(
                outputs, fed, given, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        return outer.gradient(
            first, arguments, list(slopes), unconnected_gradients=tf.UnconnectedGradients.ZERO
        )


def _pays_halved(batch: int | None, units: int | None) -> bool:
    """Whether two cores had better run a loop each, over half the batch, than share every step.

    Small steps, whose weights fit each core's own cache, are too short to share.
    """
    small = units is not None and units <= 256
    return small and (os.cpu_count() or 1) > 1 and (batch is None or batch >= _HALVED)


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


def _joined(one: Any, two: Any) -> list[Any]:
    import tensorflow as tf

    return [tf.concat(pair, 0) for pair in zip(one, two, strict=True)]
