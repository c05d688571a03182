"""A gModule as the step of a sequence: node by node, what needs no state at all steps at once."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from ..node import Node
from ..recursion import deep_recursion
from ..table import is_table, map_table
from .arithmetic import CAddTable, CDivTable, CMulTable, CSubTable
from .identity import Identity
from .input import Input
from .linear import Linear
from .looped import looped
from .over_time import over_time, repeated, stepwise
from .scope import Scope

__all__ = ["graph_of", "graph_over_time", "recur"]

_ELEMENTWISE = (CAddTable, CDivTable, CMulTable, CSubTable)


def graph_of(module: Any) -> Any:
    """The graph of a gModule that stands as a module; None of anything else."""
    return getattr(getattr(module, "layer", None), "_graph", None)


def graph_over_time(owner: Any, module: Any, x: Any, scope: Scope) -> Any:
    """The outputs of a gModule of one input at every step of a sequence ``(batch, time, ...)``.

    Raises:
        ShapeMismatch: It has several inputs.
    """
    graph = graph_of(module)
    if len(graph.inputs) != 1:
        raise ShapeMismatch(
            f"cannot run {module.layer.name} over time: it takes {len(graph.inputs)} inputs",
            fix="nn.Recurrence(step, [sizes of its states]) feeds results back",
        )
    values: dict[Node, Any] = {}
    for index, node in enumerate(graph.order, 1):
        fed = x if node in graph.inputs else None
        values[node] = _value(owner, index, node, values, fed, scope, _sequence)
    outputs = [values[node] for node in graph.outputs]
    return outputs if len(outputs) > 1 else outputs[0]


def recur(owner: Any, module: Any, x: Any, states: list[Any], scope: Scope) -> Any:
    """What a gModule gives at every step, its states fed back.

    Args:
        owner: The module that runs it.
        module: A gModule from ``[x, state, ...]`` to ``[state, ...]`` or ``[y, state, ...]``.
        x: Sequences ``(batch, time, ...)``.
        states: Those before the first step.
        scope: Where it stands.

    Returns:
        The y of every step ``(batch, time, ...)`` or, where there is none, the state or the table
        of states.

    Raises:
        ShapeMismatch: It has another number of inputs or outputs.
    """
    graph = graph_of(module)
    count, given = len(states), (len(graph.inputs), len(graph.outputs))
    if given not in ((count + 1, count), (count + 1, count + 1)):
        raise ShapeMismatch(
            f"runs {module.layer.name} with {count} states, which has {given[0]} inputs and "
            f"{given[1]} outputs",
            expected=f"{count + 1} inputs, and {count} outputs or {count + 1}",
            fix="inputs [x, state, ...], outputs [state, ...] or [y, state, ...]; state the size "
            "of each state: nn.Recurrence(step, [8, 8])",
        )
    if not module.layer.is_lowered:
        # Its parameters are told apart and shared by what it lists, which it does when built.
        module.layer.build([(None, *x.shape[2:]), *((None, *a.shape[1:]) for a in states)])
        graph = graph_of(module)
    bound: set[Node] = set(graph.inputs[1:])
    bound.update(_after(graph, bound))
    own = graph.outputs[: len(graph.outputs) - count]  # What a step gives beside its states.
    late = set() if scope.stock else _joining(graph, bound)
    ahead: dict[Node, Any] = {}

    def run_ahead(nodes: set[Node]) -> None:
        for index, node in enumerate(graph.order, 1):
            if node in nodes:
                fed = x if node is graph.inputs[0] else None
                ahead[node] = _value(owner, index, node, ahead, fed, scope, _sequence)

    def once_of(inside: set[Node], needed: list[Node]) -> Any:
        def once(parts: list[Any], states: list[Any], place: Scope) -> tuple[list[Any], list[Any]]:
            values = dict(zip(needed, parts, strict=True))
            fed_back = dict(zip(graph.inputs[1:], states, strict=True))
            for index, node in enumerate(graph.order, 1):
                if node in inside:
                    fed = fed_back.get(node)
                    values[node] = _value(owner, index, node, values, fed, place, _once)
            return [values[n] for n in own], [values[n] for n in graph.outputs[-count:]]

        return once

    def needed_by(inside: set[Node]) -> list[Node]:
        read = [parent for node in graph.order if node in inside for parent in node.parents]
        return [n for n in dict.fromkeys([*read, *graph.outputs[-count:]]) if n not in inside]

    run_ahead(set(graph.order) - bound - late)
    if own and own[0] in ahead:
        return ahead[own[0]]
    with deep_recursion(len(graph.order)):  # Keras walks the cell too.
        outputs = None
        if late:
            inside = bound | late
            needed = needed_by(inside)
            given = [ahead[node] for node in needed]
            outputs = looped(once_of(inside, needed), given, states, scope, plain=True)
        if outputs is None:
            run_ahead(late)
            needed = needed_by(bound)
            given = [ahead[node] for node in needed]
            outputs = repeated(owner, once_of(bound, needed), given, states, scope)
    return outputs if len(outputs) > 1 else outputs[0]


def _after(graph: Any, start: set[Node]) -> set[Node]:
    """All nodes that depend on some of `start`, those included."""
    found = set(start)
    for node in graph.order:
        if any(parent in found for parent in node.parents):
            found.add(node)
    return found


def _joining(graph: Any, bound: set[Node]) -> set[Node]:
    """Linears without a state that only nodes with one read.

    A `StepLoop` runs them for all steps at once too, all of one input as one product.
    """
    read = {p for node in graph.order if node not in bound for p in node.parents}
    read.update(graph.outputs)
    return {n for n in graph.order if n not in bound | read and type(n.module) is Linear}


def _value(
    owner: Any, index: int, node: Node, values: dict[Node, Any], fed: Any, scope: Scope, run: Any
) -> Any:
    is_input = fed is not None
    if not is_input:
        fed = map_table(values.__getitem__, node.inputs) if node.parents else []
    if node.selectindex is not None:
        return fed[node.selectindex - 1]
    module: Any = node.module
    if module is None or (is_input and type(module) in (Identity, Input)):
        return fed
    child = scope.child(index, module)
    try:
        return run(owner, module, fed, child)
    except ShapeMismatch as error:
        raise error.inside(f"{node.describe()} of {scope.where}") from None


def _once(owner: Any, module: Any, fed: Any, scope: Scope) -> Any:
    return module.lower(fed, scope)


def _sequence(owner: Any, module: Any, fed: Any, scope: Scope) -> Any:
    if not is_table(fed):
        return over_time(owner, module, fed, scope)
    if isinstance(module, _ELEMENTWISE):
        return module.lower(fed, scope)
    return stepwise(owner, module, fed, scope)
