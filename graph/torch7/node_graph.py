"""The node graph of an nngraph file: `nn.gModule` to a gModule."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..gmodule import GModule, gModule
from ..nn.identity import Identity
from ..nn.table import SelectTable
from ..nn.torch_fields import UnsupportedTorch
from ..node import Node, apply, as_module, nest
from ..origin import Origin
from .types import TorchObject, table_get

__all__ = ["to_gmodule", "to_nodes"]

_LABEL = re.compile(r"\[(?P<file>[^\]]*)\]:(?P<line>\d+)")


def to_gmodule(obj: TorchObject, convert: Callable[[Any], Any]) -> GModule:
    """The gModule that an `nn.gModule` object describes.

    The forward and the backward graph of a file hold different Node objects over the same `data`
    tables, so a node is told by its data. A node's inputs are ``data.mapindex[1..n]``.

    Args:
        obj: The object.
        convert: Makes a module of an object.

    Raises:
        UnsupportedTorch: The node graph is damaged, or a module has no counterpart.
    """
    inputs, outputs = to_nodes(obj, convert)
    name = obj.get("name")
    return gModule(inputs, outputs, name if isinstance(name, str) else None)


def to_nodes(obj: TorchObject, convert: Callable[[Any], Any]) -> tuple[list[Node], list[Node]]:
    """The input and the output nodes of the graph; arguments and errors as of `to_gmodule`."""
    source, sink = _data(obj, "innode"), _data(obj, "outnode")
    builder = _Builder(convert)
    inputs = [builder.source_node(data) for data in _input_data(source, sink)]
    for data in _forward_order(sink, stop=builder.nodes):
        if data is not sink:
            builder.add(data)
    return inputs, [builder.nodes[id(data)] for data in _parents(sink)]


class _Builder:
    """Makes a node of every `data` table."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self.convert = convert
        self.nodes: dict[int, Node] = {}
        self._splits: dict[int, list[Node]] = {}

    def source_node(self, data: dict[Any, Any]) -> Node:
        """The node of an input: it reads nothing."""
        module = data.get("module")
        node = apply(Identity() if module is None else as_module(self.convert(module)))
        return self._keep(node, data)

    def add(self, data: dict[Any, Any]) -> None:
        """Make the node of `data`, whose inputs were made before."""
        parents = _parents(data)
        inputs = [self.nodes[id(parent)] for parent in parents]
        module, count = data.get("module"), data.get("nSplitOutputs")
        if data.get("selectindex") is not None and module is None and len(inputs) == 1:
            self._keep(self._split(parents[0], inputs[0])[int(data["selectindex"]) - 1], data)
        elif module is not None:
            self._keep(apply(as_module(self.convert(module)), inputs), data)
        elif len(inputs) == 1:
            # nngraph puts a node of its own between a node and the products of its split.
            self.nodes[id(data)] = inputs[0]
            if count is None:
                self._keep(inputs[0], data)
        else:
            self._keep(nest(inputs), data)

    def _split(self, data: dict[Any, Any], node: Node) -> list[Node]:
        splits = self._splits.get(id(data))
        if splits is None:
            count = int(data["nSplitOutputs"])
            if node.nSplitOutputs is None:
                splits = list(node.split(count))
            else:  # Split a second time in the file: pick instead.
                splits = [apply(SelectTable(i), node) for i in range(1, count + 1)]
            self._splits[id(data)] = splits
        return splits

    def _keep(self, node: Node, data: dict[Any, Any]) -> Node:
        self.nodes[id(data)] = node
        for key, value in (data.get("annotations") or {}).items():
            if key == "_debugLabel":
                label = _LABEL.search(str(value))
                if label is not None:
                    node.origin = Origin(label["file"], int(label["line"]))
            elif key == "name":
                node.annotate(name=str(value).replace("/", "_") or None)
            elif isinstance(key, str):
                node.annotations[key] = value
        return node


def _forward_order(sink: dict[Any, Any], stop: Mapping[int, Any]) -> Iterator[dict[Any, Any]]:
    """Every `data` that `sink` needs, what it reads first; what is in `stop` is made already."""
    done: set[int] = set(stop)
    active: set[int] = set()
    stack = [sink]
    while stack:
        data = stack[-1]
        if id(data) in done:
            stack.pop()
            continue
        waiting = [p for p in _parents(data) if id(p) not in done]
        if id(data) not in active:
            active.add(id(data))
            if any(id(p) in active for p in waiting):
                raise UnsupportedTorch("the nodes of an nn.gModule form a cycle")
            stack.extend(reversed(waiting))
        elif waiting:
            raise UnsupportedTorch("the nodes of an nn.gModule form a cycle")
        else:
            stack.pop()
            done.add(id(data))
            yield data


def _data(obj: TorchObject, field: str) -> dict[Any, Any]:
    node = obj.get(field)
    data = node.get("data") if isinstance(node, TorchObject) else None
    if not isinstance(data, dict):
        raise UnsupportedTorch(f"nn.gModule has no {field} with data")
    return data


def _parents(data: dict[Any, Any]) -> list[dict[Any, Any]]:
    table = data.get("mapindex", [])
    found: list[dict[Any, Any]] = []
    while (parent := table_get(table, len(found) + 1)) is not None:
        if not isinstance(parent, dict):
            raise UnsupportedTorch("a node's mapindex holds something that is no node's data")
        found.append(parent)
    return found


def _input_data(source: dict[Any, Any], sink: dict[Any, Any]) -> list[dict[Any, Any]]:
    """The data of the input nodes, in the order in which the model takes its inputs."""
    seen: set[int] = set()
    found: list[tuple[int, dict[Any, Any]]] = []
    stack = [sink]
    while stack:
        data = stack.pop()
        if id(data) in seen:
            continue
        seen.add(id(data))
        for parent in _parents(data):
            number = _input_number(data, parent, source)
            if number is None:
                stack.append(parent)
            else:
                found.append((number, data))
    numbers = sorted(number for number, _ in found)
    if not found or numbers != list(range(1, len(found) + 1)):
        raise UnsupportedTorch(f"the input nodes of an nn.gModule are numbered {numbers}")
    return [data for _, data in sorted(found, key=lambda pair: pair[0])]


def _input_number(
    data: dict[Any, Any], parent: dict[Any, Any], source: dict[Any, Any]
) -> int | None:
    """Which input `data` is, if what it reads is the model's hidden first node or its split."""
    if parent is source:
        return 1 if data.get("nSplitOutputs") is None else None
    above = _parents(parent)
    if parent.get("selectindex") is None or len(above) != 1:
        return None
    split = above[0]
    reads_source = split.get("module") is None and any(p is source for p in _parents(split))
    return int(parent["selectindex"]) if split is source or reads_source else None
