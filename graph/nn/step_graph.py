"""A gModule as the step of a sequence: node by node, what needs no state at all steps at once."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from ..node import Node
from ..table import flatten, is_table, map_table, unflatten
from .arithmetic import CAddTable, CDivTable, CMulTable, CSubTable
from .identity import Identity
from .input import Input
from .over_time import over_time, stacked, steps_of
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


def recur(owner: Any, module: Any, x: Any, states: list[Any], scope: Scope) -> list[Any]:
    """The outputs of a gModule at every step, its states fed back.

    Args:
        owner: The module that runs it.
        module: A gModule from ``[x, state, ...]`` to ``[state, ...]`` or ``[y, state, ...]``.
        x: Sequences ``(batch, time, ...)``.
        states: Those before the first step.
        scope: Where it stands.

    Returns:
        For each step the y or, where there is none, the state or table of states.

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
    bound: set[Node] = set(graph.inputs[1:])
    ahead: dict[Node, Any] = {}
    for index, node in enumerate(graph.order, 1):
        if node in bound or any(parent in bound for parent in node.parents):
            bound.add(node)
        else:
            fed = x if node is graph.inputs[0] else None
            ahead[node] = _value(owner, index, node, ahead, fed, scope, _sequence)
    needed = {p for node in bound for p in node.parents if p in ahead}
    needed |= {node for node in graph.outputs if node in ahead}
    steps = {node: _steps(owner, ahead[node], scope) for node in needed}
    results = []
    for t in range(len(steps_of(owner, x, scope))):
        values = {node: parts[t] for node, parts in steps.items()}
        fed_back = dict(zip(graph.inputs[1:], states, strict=True))
        for index, node in enumerate(graph.order, 1):
            if node in bound:
                fed = fed_back.get(node)
                values[node] = _value(owner, index, node, values, fed, scope, _once)
        outputs = [values[node] for node in graph.outputs]
        states = outputs[-count:]
        results.append(outputs[0] if len(outputs) > count or count == 1 else states)
    return results


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
    outputs = [module.lower(step, scope) for step in _steps(owner, fed, scope)]
    return stacked(owner, outputs, scope)


def _steps(owner: Any, x: Any, scope: Scope) -> list[Any]:
    """A nested table of sequences as a list of steps, each nested alike."""
    leaves = [steps_of(owner, leaf, scope) for leaf in flatten(x)]
    return [unflatten(x, iter(step)) for step in zip(*leaves, strict=True)]
