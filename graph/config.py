"""A graph of nodes as plain data and back, for saving and cloning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from .lowering import Graph
from .nn.input import Input
from .nn.module import Module
from .nn.tying import tie
from .node import Node
from .origin import Origin
from .table import map_table

__all__ = ["graph_from_config", "graph_to_config", "restore_ties", "using_dtype_policy"]


def graph_to_config(graph: Graph) -> dict[str, Any]:
    """The graph as JSON-able data. A module that stands at several places is written once."""
    modules: list[dict[str, Any]] = []
    objects: list[Any] = []
    known: dict[int, int] = {}

    def index_of(module: Any) -> int:
        position = known.get(id(module))
        if position is None:
            children = [index_of(child) for child in getattr(module, "modules", ())]
            position = known[id(module)] = len(modules)
            modules.append(_module_config(module, children))
            objects.append(module)
        return position

    numbers = {node: i for i, node in enumerate(graph.order)}
    nodes = [
        {
            "module": None if node.module is None else index_of(node.module),
            "inputs": map_table(numbers.__getitem__, node.inputs) if node.parents else None,
            "selectindex": node.selectindex,
            "split": [numbers[s] for s in node.splits],
            "annotations": keras.saving.serialize_keras_object(node.annotations),
            "origin": [str(node.origin).rpartition(":")[0], node.origin.line],
        }
        for node in graph.order
    ]
    shared = _shared(objects)
    return {
        "modules": modules,
        "shared": [places for _, places in shared],
        "ties": _ties(objects, {id(module) for module, _ in shared}),
        "nodes": nodes,
        "inputs": [numbers[n] for n in graph.inputs],
        "outputs": [numbers[n] for n in graph.outputs],
    }


def _shared(modules: list[Any]) -> list[tuple[Any, list[list[int]]]]:
    """Modules that stand in several gModules, of which this graph is one, and their places.

    A place is ``[module]``, or ``[gModule, number of its module]``.
    """
    found: dict[int, tuple[Any, list[list[int]]]] = {}
    for number, module in enumerate(modules):
        found[id(module)] = (module, [[number]])
    for number, module in enumerate(modules):
        if not hasattr(module, "modules"):
            for position, child in enumerate(module.children()):
                found.setdefault(id(child), (child, []))[1].append([number, position])
    return [entry for entry in found.values() if len(entry[1]) > 1]


def _ties(modules: list[Any], shared: set[int]) -> list[list[list[Any]]]:
    """Groups of ``[module, parameter name]`` that are one variable in different modules."""
    groups: dict[int, list[list[Any]]] = {}
    for number, module in enumerate(modules):
        if hasattr(module, "modules") and module.parts():
            continue  # A container's parameters are its children's.
        inside = [child for child in module.children() if id(child) in shared]
        one_module = {id(v) for child in inside for v in child.named_parameters().values()}
        for name, variable in module.named_parameters().items():
            if id(variable) not in one_module:
                groups.setdefault(id(variable), []).append([number, name])
    return [group for group in groups.values() if len(group) > 1]


def restore_ties(graph: Graph) -> None:
    """Let parameters be one variable again that were so in the saved model."""
    for (module, name), *others in graph.ties:
        variable = module.named_parameters()[name]
        for other, other_name in others:
            own = other.named_parameters()[other_name]
            for layer in other.held_layers():
                tie(layer, own, variable)


def _module_config(module: Any, children: list[int]) -> dict[str, Any]:
    config = {
        "class_name": type(module).__name__,
        "config": keras.saving.serialize_keras_object(module.get_config()),
        "name": module.name,
        "children": children,
    }
    if isinstance(module, Input) and module.tensor is not None:
        config["upstream"] = keras.saving.serialize_keras_object(module.upstream())
    return config


def graph_from_config(config: dict[str, Any]) -> Graph:
    """The graph that `graph_to_config` described, made of new modules and nodes.

    Raises:
        GraphError: It names a module class that this process does not know.
    """
    modules: list[Any] = []
    for entry in config["modules"]:
        arguments = keras.saving.deserialize_keras_object(entry["config"])
        if "upstream" in entry:
            upstream = keras.saving.deserialize_keras_object(entry["upstream"])
            arguments["tensor"] = upstream.outputs[0]
        module = Module.class_named(entry["class_name"]).from_config(arguments)
        if entry["name"] is not None:
            module.name = entry["name"]
        if entry["children"]:
            module.modules.extend(modules[i] for i in entry["children"])
        modules.append(module)
    for first, *others in config.get("shared", ()):  # Files of earlier versions have none.
        module = modules[first[0]]
        module = module if len(first) == 1 else module.children()[first[1]]
        for number, position in others:
            children = modules[number].children()
            children[position] = module
            modules[number].replace_children(children)
    nodes: list[Node] = []
    for entry in config["nodes"]:
        inputs = entry["inputs"]
        node = Node(
            None if entry["module"] is None else modules[entry["module"]],
            None if inputs is None else map_table(nodes.__getitem__, inputs),
            selectindex=entry["selectindex"],
            origin=Origin(*entry["origin"]),
        )
        node.annotations.update(keras.saving.deserialize_keras_object(entry["annotations"]))
        nodes.append(node)
    for node, entry in zip(nodes, config["nodes"], strict=True):
        if entry["split"]:
            node.restore_splits([nodes[i] for i in entry["split"]])
    return Graph(
        inputs=[nodes[i] for i in config["inputs"]],
        outputs=[nodes[i] for i in config["outputs"]],
        order=nodes,
        ties=[[(modules[i], name) for i, name in group] for group in config["ties"]],
    )


@contextmanager
def using_dtype_policy(policy: Any) -> Iterator[None]:
    """Make layers under this dtype policy, as those of a saved model were made."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
