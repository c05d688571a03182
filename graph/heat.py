"""What a drawing colours its nodes by: their parameters, or the time that they take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from .calls import Call, calls_of, require_graph
from .node import Node
from .parameters import parameters_of
from .table import flatten

__all__ = ["Heat", "node_times", "parameter_counts"]

_RUNS, _SECONDS = 5, 0.1  # at least, a node


@dataclass(frozen=True)
class Heat:
    """A number for each node.

    Attributes:
        what: what the numbers are, for the legend.
        values: node -> number, 0 or more.
        text: a number as text.
    """

    what: str
    values: Mapping[Node, float]
    text: Callable[[float], str]

    def share(self, value: float) -> float:
        """How much of the largest number `value` is, 0 to 1."""
        return value / (max(self.values.values(), default=0) or 1)


def parameter_counts(nodes: Sequence[Node]) -> Heat:
    """The number of parameters of each node's module, of those inside it too."""
    counts = {
        node: 0
        if node.module is None
        else sum(math.prod(variable.shape) for variable in parameters_of([node.module]))
        for node in nodes
    }
    return Heat("parameters", counts, lambda n: f"{n:,} parameters" if n else "")


def node_times(model: Any, data: Any = None) -> Heat:
    """The seconds that each node takes in inference mode.

    The nodes run one after the other on what the ones before them gave, compiled where Keras is
    on TensorFlow. Of some runs the quickest counts, less that of a call which does nothing.

    Args:
        model: a GModule whose shapes are known.
        data: what it is fed. Default None: one sample of normal numbers, or of ones where the
            input takes integers.

    Raises:
        TypeError: `model` is no GModule.
        ValueError: its shapes are not known, or, without `data`, leave a size open.
        GraphError: `data` does not fit the model.
    """
    if not hasattr(model, "node_tensors"):
        raise TypeError(f"times are measured on a gModule, got {type(model).__name__}")
    if data is not None:
        model.ensure_built(data)
    if not model.is_lowered:
        raise ValueError(f"the input shapes of {model.name} are not known: give data=")
    inputs = list(model.inputs)
    if data is None:
        arrays = [_sample(model.name, tensor) for tensor in inputs]
    else:
        given = model.checked_inputs(data)
        arrays = keras.tree.flatten(given)
    found = {
        id(t): keras.ops.convert_to_tensor(a, dtype=t.dtype)
        for t, a in zip(inputs, arrays, strict=True)
    }
    makers = {id(t): call for call in calls_of(require_graph(model)) for t in call.outputs}
    tensors: dict[Node, Any] = model.node_tensors()
    seconds: dict[Node, float] = {}
    for node, value in tensors.items():
        fed = flatten([tensors[parent] for parent in node.parents]) if node.parents else inputs
        seconds[node] = _run(fed, flatten(value), found, makers)
    batch = len(arrays[0]) if arrays else 0
    what = f"time for {batch} sample{'' if batch == 1 else 's'}"
    return Heat(what, seconds, _duration)


def _sample(model: str, tensor: Any) -> np.ndarray:
    shape = (tensor.shape[0] or 1, *tensor.shape[1:])
    if None in shape:
        raise ValueError(
            f"input '{tensor.name}' of {model} has shape {tuple(tensor.shape)}: give data= to say "
            "the size that is open"
        )
    if "int" in str(tensor.dtype):
        return np.ones(shape, "int32")
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _run(
    fed: list[Any], wanted: list[Any], found: dict[int, Any], makers: dict[int, Call]
) -> float:
    """Compute the tensors `wanted` from those fed, into `found`; the seconds it takes."""
    fed = list({id(t): t for t in fed if id(t) in found}.values())
    if all(id(t) in found for t in wanted):
        return 0.0
    values = [found[id(t)] for t in fed]
    calls = _between(fed, wanted, makers)

    def step(*xs: Any) -> list[Any]:
        computed = {id(t): x for t, x in zip(fed, xs, strict=True)}
        for call in calls:
            args, kwargs = call.bind(computed)
            given = keras.tree.flatten(call.operation(*args, **kwargs))
            computed.update((id(t), y) for t, y in zip(call.outputs, given, strict=True))
        return [computed[id(t)] for t in wanted]

    work, nothing = _compiled(step), _compiled(lambda *xs: list(xs))
    results = work(*values)
    found.update((id(t), v) for t, v in zip(wanted, results, strict=True))
    _seconds(nothing, values)
    # In turns, so that both see the same machine.
    best, begin, runs = [math.inf, math.inf], time.perf_counter(), 0
    while runs < _RUNS or time.perf_counter() - begin < _SECONDS:
        best = [min(b, _seconds(f, values)) for b, f in zip(best, (work, nothing), strict=True)]
        runs += 1
    return max(best[0] - best[1], 0.0)


def _between(fed: list[Any], wanted: list[Any], makers: dict[int, Call]) -> list[Call]:
    """The calls that make the tensors `wanted` out of those fed, in an order to run them."""
    known, ordered = {id(t) for t in fed}, []
    stack = [makers[id(t)] for t in reversed(wanted) if id(t) not in known]
    while stack:
        call = stack[-1]
        missing = [t for t in call.inputs if id(t) not in known]
        if missing:
            stack += [makers[id(t)] for t in missing]
            continue
        stack.pop()
        if any(id(t) not in known for t in call.outputs):
            ordered.append(call)
            known |= {id(t) for t in call.outputs}
    return ordered


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    if keras.backend.backend() != "tensorflow":
        return function
    import tensorflow as tf

    return tf.function(function)


def _seconds(function: Callable[..., Any], values: list[Any]) -> float:
    start = time.perf_counter()
    _wait(function(*values))
    return time.perf_counter() - start


def _wait(results: Any) -> None:
    """Read one number of the results: a device may still be at work on them."""
    last = keras.tree.flatten(results)[-1]
    keras.ops.convert_to_numpy(keras.ops.ravel(last)[:1])


def _duration(seconds: float) -> str:
    if not seconds:
        return ""
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
