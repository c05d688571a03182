"""A checked graph of nodes becomes Keras tensors: the only place where the two meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from .errors import GraphError, ShapeMismatch
from .nn.apart import apart
from .nn.channel_order import ChannelsLast
from .nn.identity import Identity
from .nn.input import Input
from .nn.scope import Names, Scope, snake_case
from .nn.time_order import BatchFirst
from .node import Node
from .signature import stated_dtype
from .table import flatten, is_table, map_table

__all__ = ["Graph", "Lowered", "lower"]


@dataclass
class Graph:
    """A checked graph, as it was handed to `gModule`.

    Attributes:
        inputs: Input nodes.
        outputs: Output nodes.
        order: All nodes, parents first.
        replay: Layer names of the saved model that it comes from.
        ties: Groups of (module, parameter name) that are one variable in the saved model.
    """

    inputs: list[Node]
    outputs: list[Node]
    order: list[Node]
    replay: Sequence[str] = ()
    ties: list[list[tuple[Any, str]]] = field(default_factory=list)


@dataclass
class Lowered:
    """A graph's Keras tensors.

    Attributes:
        inputs: One (nested list of) tensor(s) for each input node.
        outputs: One for each output node.
        values: The output of every node.
        recorded: Modules with the tensors that they gave, children of containers included, in
            the order of running.
        layer_names: The names of the layers, in the order in which they came up.
        undo: Forgets the layers that were made, should the graph not become a model after all.
    """

    inputs: list[Any]
    outputs: list[Any]
    values: dict[Node, Any]
    recorded: list[tuple[Any, Any]] = field(default_factory=list)
    layer_names: list[str] = field(default_factory=list)
    undo: Callable[[], None] = lambda: None


def lower(graph: Graph, shapes: Sequence[Any], *, stock: bool = False) -> Lowered:
    """Apply every node of `graph` to Keras tensors.

    Args:
        graph: The graph.
        shapes: For each input node the shape of one sample, nested for tables.
        stock: Whether only what Keras itself ships may come up.

    Raises:
        GraphError: A module cannot take what it is fed, with both nodes' names and origins.
    """
    names = Names((n.name for n in graph.order if n.name), graph.replay)
    try:
        return _lowered(graph, shapes, names, stock)
    except BaseException:
        names.undo()
        raise


def _lowered(graph: Graph, shapes: Sequence[Any], names: Names, stock: bool) -> Lowered:
    recorded: list[tuple[Any, Any]] = []
    values: dict[Node, Any] = {}
    inputs: dict[Node, Any] = {}
    members = set(graph.order)
    for node, shape in zip(graph.inputs, shapes, strict=True):
        inputs[node] = _input_tensors(node, shape, members, names)
    for node in graph.order:
        if node in inputs:
            fed = inputs[node]
        else:
            fed = map_table(values.__getitem__, node.inputs) if node.parents else []
        try:
            values[node] = _value(node, fed, names, recorded, stock, is_input=node in inputs)
        except ShapeMismatch as error:
            raise GraphError(_explain(node, error, values, fed), node) from error
        except GraphError:
            raise
        except Exception as error:
            mismatch = ShapeMismatch(f"cannot be applied: {error}")
            raise GraphError(_explain(node, mismatch, values, fed), node) from error
    outputs = [values[node] for node in graph.outputs]
    return Lowered(
        inputs=[inputs[node] for node in graph.inputs],
        outputs=apart(outputs, flatten(list(inputs.values())), lambda x: _passing(x, names)),
        values=values,
        recorded=recorded,
        layer_names=names.sequence,
        undo=names.undo,
    )


def _passing(x: Any, names: Names) -> keras.layers.Layer:
    """A layer that gives the input `x` as it is."""
    name = f"{x._keras_history.operation.name}_passed"
    layer = keras.layers.Identity(name=names.fresh(name))
    names.hold(layer)
    return layer


def _input_tensors(node: Node, shape: Any, members: set[Node], names: Names) -> Any:
    if isinstance(node.module, Input) and node.module.tensor is not None:
        for layer in node.module.upstream().layers:
            names.reserve(layer.name)
        return node.module.tensor
    dtypes = iter(flatten(stated_dtype(node, members, shape)))
    base = node.name or "input"
    steps = node.module.steps if isinstance(node.module, BatchFirst) else None
    if node.name and type(node.module) not in (Identity, Input, ChannelsLast, BatchFirst):
        base = f"{node.name}_input"

    def make(sizes: tuple[int | None, ...]) -> Any:
        own = base == node.name and not isinstance(shape, list)
        layer = keras.layers.InputLayer(
            batch_shape=(steps, *sizes),
            dtype=next(dtypes),
            name=names.fresh(base, annotated=own),
        )
        names.hold(layer)
        return layer.output

    return _map_shapes(make, shape)


def _map_shapes(function: Any, shape: Any) -> Any:
    # A list is a table of shapes; a tuple is one shape.
    if isinstance(shape, list):
        return [_map_shapes(function, part) for part in shape]
    return function(shape)


def _value(
    node: Node,
    fed: Any,
    names: Names,
    recorded: list[tuple[Any, Any]],
    stock: bool,
    is_input: bool,
) -> Any:
    if node.selectindex is not None:
        return _element(node, fed)
    if node.module is None:
        return fed
    module: Any = node.module
    if is_input and type(module) in (Identity, Input):
        value = fed  # The InputLayer itself stands for the node.
    else:
        scope = Scope(
            names,
            node.name or module.name or snake_case(module.torch_name),
            node.describe(),
            annotated=node.name is not None,
            stock=stock,
            record=lambda child, output: recorded.append((child, output)),
        )
        value = module.lower(fed, scope)
    recorded.append((module, value))
    return value


def _element(node: Node, table: Any) -> Any:
    parent = node.parents[0]
    if not is_table(table) or len(table) != parent.nSplitOutputs:
        got = f"a table of {len(table)}" if is_table(table) else "one tensor"
        raise ShapeMismatch(
            f"needs a table of {parent.nSplitOutputs} elements",
            fix=f"{parent.describe()} gives {got}; split it accordingly",
        )
    assert node.selectindex is not None
    return table[node.selectindex - 1]


def _explain(node: Node, error: ShapeMismatch, values: dict[Node, Any], fed: Any) -> str:
    lines = [f"{node.describe()}: {error.within}" if error.within else node.describe()]
    lines[0] += f", {error.problem}" if not error.within else f" {error.problem}"
    if error.expected is not None:
        lines.append(f"  expected {error.expected}")
    if not node.parents:
        lines.append(f"  got      {_shapes(fed)} as the graph's input")
    elif len(node.parents) <= 8:
        for parent in node.parents:
            lines.append(f"  got      {_shapes(values[parent])} from {parent.describe()}")
    else:
        lines.append(f"  got      {_shapes(fed)} from {len(node.parents)} nodes")
    if error.fix:
        lines.append(f"  fix: {error.fix}")
    return "\n".join(lines)


def _shapes(x: Any) -> str:
    if is_table(x):
        return "[" + ", ".join(map(_shapes, x)) + "]"
    return str(tuple(x.shape))
