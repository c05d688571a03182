"""New nodes, or new children of an `nn.Sequential`, in the graph of a GModule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..calls import calls_of
from ..errors import GraphError
from ..gmodule import GModule
from ..nn.container import Sequential
from ..nn.keras_layer import KerasLayer
from ..node import Node, as_module
from ..table import flatten, map_table
from .addition import Added

__all__ = ["Inserts", "insert", "own_modules"]

Inserts = Mapping[int, Sequence[Added]]
"""id of a tensor of the old model -> the layers to put in after it."""


def own_modules(model: Any) -> Iterator[Any]:
    """The modules of a GModule at all depths, those of models that stand in it left out."""
    seen: set[int] = set()
    stack = model.node_modules()[::-1]
    while stack:
        module = stack.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            if not isinstance(module, KerasLayer):
                stack.extend(reversed(module.children()))


def insert(model: GModule, copy: Any, inserts: Inserts) -> set[str]:
    """Put layers into `copy`, a copy of `model`, after tensors of `model`.

    Returns:
        The names of the layers that were put in.

    Raises:
        GraphError: A tensor is made in a module in which nothing can be put.
    """
    lowered = model._lowered.lowered
    nodes = dict(zip(model.forwardnodes, copy.forwardnodes, strict=True))
    modules = {id(a): b for a, b in zip(own_modules(model), own_modules(copy), strict=True)}
    at_node = {id(x): node for node, x in lowered.values.items() if node.module is not None}
    makers = {id(x): module for module, x in reversed(lowered.recorded)}
    made: dict[str, Any] = {}
    done: set[int] = set()
    for tensor, added in inserts.items():
        maker = makers.get(tensor)
        if tensor in at_node:
            new = [_module(model, made, maker, x) for x in added]
            _after_node(copy, nodes[at_node[tensor]], new)
        elif maker is not None and id(maker) not in done:
            done.add(id(maker))  # A child that is called several times has one place.
            new = [_module(model, made, maker, x) for x in added]
            _after_child(model, copy, maker, modules[id(maker)], new)
        elif maker is None and any(tensor == id(x) for x in _tensors(model)):
            raise GraphError(
                f"a layer of {model.name} that is part of a module cannot be followed by another"
                f"\n  fix: name the layer with which the module ends"
            )
    return set(made)


def _tensors(model: Any) -> Iterator[Any]:
    for call in calls_of(model):
        yield from call.outputs


def _module(model: Any, made: dict[str, Any], maker: Any, added: Added) -> Any:
    if added.name not in made:
        module = None
        if not isinstance(maker, KerasLayer):  # Who writes Torch modules gets one.
            module = added.module() if added.module is not None else _twin(model, added.copies)
        if module is None:
            module = as_module(added.layer())
        else:
            module.name = added.name
        made[added.name] = module
    return made[added.name]


def _twin(model: Any, layer: Any) -> Any:
    """A module like the one that made a layer; None if that is the layer itself."""
    for module in own_modules(model):
        if any(held is layer for held in module.held_layers()):
            if not isinstance(module, KerasLayer):
                return type(module).from_config(module.get_config())
    return None


def _after_node(model: Any, node: Node, modules: list[Any]) -> None:
    graph = model._graph
    members = set(graph.order)
    readers = [child for child in dict.fromkeys(node.children) if child in members]
    last, new = node, []
    for module in modules:
        name = module.name or module.layer.name
        last = Node(module, last, origin=node.origin).annotate(name=name)
        new.append(last)
    for reader in readers:
        reader.inputs = map_table(lambda n: last if n is node else n, reader.inputs)
        reader._parents = flatten(reader.inputs)
    place = graph.order.index(node) + 1
    graph.order[place:place] = new
    graph.outputs[:] = [last if n is node else n for n in graph.outputs]


def _after_child(model: Any, copy: Any, old: Any, child: Any, modules: list[Any]) -> None:
    holders = [m for m in own_modules(copy) if any(c is child for c in m.children())]
    if not holders or any(type(holder) is not Sequential for holder in holders):
        kinds = ", ".join(f"nn.{m.torch_name}" for m in holders) or "another module"
        raise GraphError(
            f"{old!r} of {model.name} stands in {kinds}: a layer can follow a node or a child of "
            f"an nn.Sequential\n  fix: name a layer after it"
        )
    for holder in holders:
        place = next(i for i, c in enumerate(holder.modules) if c is child) + 1
        holder.modules[place:place] = modules
