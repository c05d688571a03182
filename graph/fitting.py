"""What `fit`, `predict` and their kin do here before and after Keras's own."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from inspect import signature
from typing import Any

import keras

from .nn.time_order import steps_first
from .runtime_errors import graph_errors

__all__ = ["fitting"]


def fitting(method: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap one of Keras's methods that run a model over data.

    The data is checked first, so that mistakes are told before Keras compiles its loop, and a
    model whose shapes are not known is built for it: Keras would build it within that loop, which
    forgets the loop. Errors that modules raise while it runs come out as `GraphError`.
    """
    options = signature(method)

    @wraps(method)
    def wrapped(self: Any, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        first, x = _first_batch(x, may_run=not self.is_lowered)
        if first is not None:
            self.ensure_built(first)
        steps = steps_first(self.inputnodes) if x is first else None
        if steps is not None:  # A sequence is not to be cut up, nor its steps to be shuffled.
            given = options.bind_partial(self, x, *args, **kwargs).arguments
            whole = {"batch_size": steps, "shuffle": False}
            kwargs |= {n: v for n, v in whole.items() if n in options.parameters and n not in given}
        with graph_errors():
            return method(self, x, *args, **kwargs)

    return wrapped


def _first_batch(data: Any, may_run: bool) -> tuple[Any, Any]:
    """The inputs of the first batch, or what tells their shapes, and the data to go on with.

    None for the first batch, where it would have to be made and `may_run` does not allow that.
    """
    if hasattr(data, "element_spec"):  # A tf.data.Dataset.
        batch = data.element_spec
    elif not isinstance(data, (keras.utils.PyDataset, Generator)):
        return data, data
    elif not may_run:
        return None, data
    elif isinstance(data, Generator):
        batch = next(data)
        data = _with_first(batch, data)
    else:
        batch = data[0]
    return (batch[0] if isinstance(batch, tuple) else batch), data


def _with_first(first: Any, rest: Any) -> Generator[Any, None, None]:
    yield first
    yield from rest
