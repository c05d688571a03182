"""The calls recorded inside a Keras model: their names, and how a user picks among them.

A *call* is one use of a layer inside one model. Its name is the layer's name, or `name:0`,
`name:1`, ... in the order of the calls where this model uses the layer several times; a call
inside a nested model is `embedding/conv1`. What other models do with a shared layer never
shows: `layer.output` is of no use for that, the model's own records are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import keras

__all__ = [
    "Call",
    "Selector",
    "calls_of",
    "pick",
    "recorded_graph",
    "require_graph",
    "select",
    "walk",
]

Selector = str | int | type | keras.layers.Layer | Callable[[keras.layers.Layer], Any]
"""What picks layers: a name or glob pattern, an index, a class, a layer, a predicate of layers."""


@dataclass(frozen=True, eq=False, slots=True)
class Call:
    """One call of an operation (mostly a layer) inside one model.

    Attributes:
        name: `conv1`, or `conv1:0` for a layer called several times in this model.
        operation: the layer, or the `keras.ops` operation, that was called.
        inputs: the symbolic tensors that went in, flat.
        outputs: the symbolic tensors that came out, flat.
        arguments: Keras's record of the call's arguments.
    """

    name: str
    operation: Any
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    arguments: Any

    @property
    def shown(self) -> bool:
        """Whether a pattern or class may pick it: every layer that is not an InputLayer."""
        return self.is_layer and not isinstance(self.operation, keras.layers.InputLayer)

    @property
    def is_layer(self) -> bool:
        """Whether a layer was called, not a bare `keras.ops` operation."""
        return isinstance(self.operation, keras.layers.Layer)

    def bind(self, tensors: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The call's arguments, with computed values (keyed by id) for the symbolic tensors."""
        return self.arguments.fill_in(tensors)


def recorded_graph(model: Any) -> Any | None:
    """The Functional graph that `model` runs, or None where it has none (yet).

    Args:
        model: anything; a Functional model is its own graph, a built Sequential keeps one.

    Returns:
        A `keras.Function`-like object with `inputs`, `outputs` and `operations`, or None.
    """
    if isinstance(model, keras.Sequential):
        model = model._functional
    # Empty, not missing, in a GModule whose shapes are still to come.
    return model if getattr(model, "_nodes_by_depth", None) else None


def require_graph(model: Any) -> Any:
    """As `recorded_graph`, but a model without a graph is an error that says what to do.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: `model` has not been built, or is a subclassed model without a graph.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"expected a keras.Model, got {type(model).__name__}")
    graph = recorded_graph(model)
    if graph is not None:
        return graph
    name = f"{type(model).__name__} '{model.name}'"
    if isinstance(model, keras.Sequential) or not model.built:
        raise ValueError(
            f"{name} has not been built, so its layers have no shapes yet: call "
            "model.build((None, ...)) with the input shape, start the model with "
            "keras.Input(shape), or call it once on a batch"
        )
    raise ValueError(
        f"{name} computes in its own call() and records no graph of layers: make it a Functional "
        "model, keras.Model(inputs, outputs), or a Sequential one"
    )


def _recorded_nodes(graph: Any) -> list[tuple[int, Any]]:
    """The graph's own nodes, inputs first, each with its place among its layer's calls.

    The only place that reads Keras's private records. Inside one depth Keras lists nodes
    backwards; the order of `operations`, then of the calls, is the order of the summary.
    """
    place = {id(op): i for i, op in enumerate(graph.operations)}
    number = {id(node): i for op in graph.operations for i, node in enumerate(op._inbound_nodes)}
    keyed = [
        ((-depth, place[id(node.operation)], number[id(node)]), node)
        for depth, nodes in graph._nodes_by_depth.items()
        for node in nodes
    ]
    return [(key[2], node) for key, node in sorted(keyed, key=lambda item: item[0])]


def calls_of(graph: Any) -> list[Call]:
    """All calls of one graph in its order, the bare operations too, not those of nested models.

    Args:
        graph: what `recorded_graph` returns.

    Returns:
        One `Call` for each node, every one after the calls that feed it.
    """
    nodes = _recorded_nodes(graph)
    numbers: dict[int, list[int]] = {}
    for number, node in nodes:
        numbers.setdefault(id(node.operation), []).append(number)
    calls = []
    for number, node in nodes:
        operation, ours = node.operation, sorted(numbers[id(node.operation)])
        name = operation.name if len(ours) == 1 else f"{operation.name}:{ours.index(number)}"
        calls.append(Call(name, operation, node.input_tensors, node.outputs, node.arguments))
    return calls


def walk(graph: Any, prefix: str = "") -> Iterator[tuple[str, Call]]:
    """All layer calls at all depths: `(path, call)`, a nested model before what is inside it."""
    for call in calls_of(graph):
        if call.is_layer:
            path = prefix + call.name
            yield path, call
            inner = recorded_graph(call.operation)
            if inner is not None:
                yield from walk(inner, path + "/")


def select(model: keras.Model, layers: Selector | Sequence[Selector] | None) -> dict[str, Any]:
    """Pick layer calls of a model.

    Args:
        model: a built model with a graph.
        layers: a name (`"conv1"`, `"shared:1"`, `"embedding/conv1"`), an index into
            `model.layers`, a layer class or a layer (both found at all depths), a glob pattern
            (`"conv*"`, `"embedding/*"`; `*` does not cross a `/`), a function that takes a layer
            and says whether it is wanted (asked at all depths), or a list of these.
            None takes every layer of the model itself, without its InputLayers; those come only
            by name, index, or class.

    Returns:
        Call path -> layer, in graph order.

    Raises:
        TypeError: a selector is none of these.
        ValueError: the model has no graph, or a selector matches nothing.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="fc")])
        >>> list(select(model, "f*"))
        ['fc']
    """
    return pick(model, dict(walk(require_graph(model))), layers)


def pick(
    model: keras.Model, everything: dict[str, Call], layers: Selector | Sequence[Selector] | None
) -> dict[str, Any]:
    """As `select`, among calls that are known already.

    Args:
        model: their model, for indices and messages.
        everything: path -> call, all that can be picked.
        layers: as in `select`.

    Returns:
        Call path -> layer, in the order of `everything`.

    Raises:
        TypeError: a selector is of an unknown kind.
        ValueError: a selector matches nothing.
    """
    if layers is None:
        wanted = {path for path, call in everything.items() if "/" not in path and call.shown}
    else:
        names: dict[str, set[str]] = {}
        for path in everything:
            names.setdefault(_unnumbered(path), set()).add(path)
        several = isinstance(layers, (list, tuple, set, frozenset))
        wanted = set()
        for selector in layers if several else [layers]:
            if isinstance(selector, str):
                found = _named(everything, names, selector)
            else:
                found = _picked(model, everything, selector)
            if not found:
                raise ValueError(_nothing(model, list(everything.items()), selector))
            wanted |= found
    return {path: call.operation for path, call in everything.items() if path in wanted}


def _named(everything: dict[str, Call], names: dict[str, set[str]], name: str) -> set[str]:
    # An exact name wins over a pattern: "[" and "*" are letters that a layer name may hold.
    if name in everything:
        return {name}
    if name in names:
        return names[name]
    patterns = name.split("/")
    return {
        path
        for path, call in everything.items()
        if call.shown and path.count("/") == len(patterns) - 1 and _like(path, patterns)
    }


def _like(path: str, patterns: list[str]) -> bool:
    return all(
        fnmatchcase(part, pattern) or fnmatchcase(_unnumbered(part), pattern)
        for part, pattern in zip(path.split("/"), patterns, strict=True)
    )


def _unnumbered(path: str) -> str:
    return re.sub(r":\d+(?=/|$)", "", path)


def _picked(model: Any, everything: dict[str, Call], selector: Any) -> set[str]:
    if isinstance(selector, type):
        inputs = issubclass(selector, keras.layers.InputLayer)
        return {
            path
            for path, call in everything.items()
            if isinstance(call.operation, selector) and (inputs or call.shown)
        }
    if isinstance(selector, int) and not isinstance(selector, bool):
        if not -len(model.layers) <= selector < len(model.layers):
            return set()
        layer = model.layers[selector]
        return {p for p, call in everything.items() if call.operation is layer and "/" not in p}
    if isinstance(selector, keras.layers.Layer):
        return {path for path, call in everything.items() if call.operation is selector}
    if callable(selector):
        return {
            path for path, call in everything.items() if call.shown and selector(call.operation)
        }
    raise TypeError(
        "layers takes names, glob patterns, indices, layer classes, layers and functions of a "
        f"layer, or a list of them; got {selector!r} of type {type(selector).__name__}"
    )


def _nothing(model: Any, everything: list[tuple[str, Call]], selector: Any) -> str:
    where = f"model '{model.name}'"
    if isinstance(selector, int):
        return f"no layer {selector} in {where}: it has {len(model.layers)} layers, from 0 on"
    if isinstance(selector, type):
        kinds = dict.fromkeys(type(call.operation).__name__ for _, call in everything)
        return f"no {selector.__name__} in {where}, which is made of: {', '.join(kinds)}"
    if isinstance(selector, keras.layers.Layer):
        held = any(layer is selector for layer in model._flatten_layers())
        hint = ": it lies on no path from the inputs to the outputs" if held else ""
        return f"layer '{selector.name}' is not called in {where}{hint}"
    if not isinstance(selector, str):
        name = getattr(selector, "__name__", repr(selector))
        return f"the predicate {name} is true of no layer in {where}"
    for layer in model._flatten_layers(include_self=False):
        if layer.name == selector:
            return (
                f"layer '{selector}' is not called in {where}: it lies on no path from the inputs "
                "to the outputs"
            )
    names = [path for path, _ in everything]
    near = difflib.get_close_matches(selector, names, n=3, cutoff=0.4)
    hint = f"closest names: {', '.join(near)}" if near else f"its layers: {', '.join(names[:8])}"
    return f"no layer matches {selector!r} in {where}; {hint}"
