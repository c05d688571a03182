"""A plan as a GModule, for a source that was one."""

from __future__ import annotations

from typing import Any

from ..gmodule import GModule, gModule
from ..nn.input import Input
from ..nn.select import Narrow
from ..node import Node, apply, as_module, nest
from ..table import is_table
from .plan import Plan, Slices, Step
from .writing import Layers, keep_output_names

__all__ = ["write_gmodule"]

# Not others: they speak of layers as they were, to those who load weights for example.
_SHOWN = ("description", "graphAttributes")


def write_gmodule(plan: Plan, source: GModule, layers: Layers) -> GModule | None:
    """The gModule of a plan: one node for each call of a layer.

    None where a gModule cannot be of this graph: an input is a table or fixes the size of the
    batch, or something else than a layer is called, or with more than its input.
    """
    keep_output_names(plan)
    inputs = _inputs(plan, source)
    steps = plan.order()
    if inputs is None or not all(map(_is_plain, steps)):
        return None
    nodes: dict[int, Node] = dict(zip(map(id, plan.inputs), inputs, strict=True))
    noted = _annotations(source, plan)
    for step in steps:
        if step.piece.kind is Slices:
            made = _cut(step, nodes[id(step.inputs[0])])
        else:
            layer = layers.of(step.piece)
            read = _mapped(step.args[0], nodes)
            node = apply(as_module(layer), read)
            if step.piece.uses == 1:
                node.annotate(name=step.piece.name)
            made = [node] if len(step.outputs) == 1 else list(node.split(len(step.outputs)))
        for value, node in zip(step.outputs, made, strict=True):
            node.annotations = {**noted.get(id(value), {}), **node.annotations}
            nodes[id(value)] = node
    outputs = _mapped(_nested(source._outputs_struct, iter(plan.outputs)), nodes)
    outputs = outputs if is_table(outputs) else [outputs]
    model = gModule(inputs, [nest(o) if is_table(o) else o for o in outputs], name=source.name)
    model.train_mode = source.train_mode
    return model


def _inputs(plan: Plan, source: GModule) -> list[Node] | None:
    nodes = []
    given = source._inputs_struct
    flat = [given] if not is_table(given) else list(given)
    if any(is_table(part) for part in flat):
        return None
    for symbol in source.inputs:
        layer = symbol._keras_history.operation
        if symbol.shape[0] is not None or getattr(layer, "sparse", False):
            return None
        node = Input(tuple(symbol.shape[1:]), str(symbol.dtype))()
        nodes.append(node.annotate(name=layer.name))
    return nodes


def _is_plain(step: Step) -> bool:
    one = len(step.args) == 1 and not step.kwargs
    if not one or any(value.masked for value in step.inputs):
        return False
    unread = [v for v in step.outputs if not v.readers and not v.results]
    return (step.piece.is_layer or step.piece.kind is Slices) and not unread


def _cut(step: Step, node: Node) -> list[Node]:
    rank = len(step.inputs[0].shape)
    dimension = 1 if rank > 3 else rank - 1  # Torch has the planes of images first.
    made, start = [], 1
    for size in step.piece.config["sizes"]:
        made.append(apply(Narrow(dimension, start, size), node))
        start += size
    return made


def _mapped(structure: Any, nodes: dict[int, Node]) -> Any:
    if isinstance(structure, (list, tuple)):
        return [_mapped(part, nodes) for part in structure]
    return nodes[id(structure)]


def _nested(structure: Any, values: Any) -> Any:
    if isinstance(structure, (list, tuple)):
        return [_nested(part, values) for part in structure]
    return next(values)


def _annotations(source: GModule, plan: Plan) -> dict[int, dict[str, Any]]:
    """How the nodes of the source are described and drawn, for each value that is left."""
    noted: dict[int, dict[str, Any]] = {}
    for node, tensor in source._lowered.lowered.values.items():
        value = plan.values.get(id(tensor))
        if value is not None:
            shown = {k: v for k, v in node.annotations.items() if k in _SHOWN}
            noted.setdefault(id(value), {}).update(shown)
    return noted
