"""The node graph of a gModule as nngraph keeps it: `nn.gModule`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..gmodule import GModule
from ..nn.channel_order import ChannelsFirst
from ..nn.identity import Identity
from ..nn.passing import JustTable
from ..node import Node
from ..table import is_table
from .types import TableKey, TorchObject

__all__ = ["BORDER", "NOTE", "from_gmodule", "inner_nodes"]

NOTE = "torch7"
"""The annotation in which `load_torch7` notes what the modules do not say; never written."""
BORDER = {"border": True}
"""What it notes at an input that it put before one of the file's."""

_NOWHERE = "[[C]]:-1_"
# The names that Keras gives.
_NUMBERED = re.compile(r"g_module(_\d+)?")


def inner_nodes(graph: Any) -> list[Node]:
    """The nodes of a graph without those that `load_torch7` put at its border."""
    return [node for node in graph.order if not _at_border(node, graph)]


def _at_border(node: Node, graph: Any) -> bool:
    if isinstance(node.module, ChannelsFirst):
        return node in graph.outputs and not node.children
    return node.annotations.get(NOTE) == BORDER and node in graph.inputs


def from_gmodule(
    model: GModule, convert: Callable[[Any, str], Any], *, outermost: bool
) -> dict[str, Any]:
    """The fields of the `nn.gModule` that `model` is.

    Args:
        model: The model.
        convert: Makes a Torch object of a module and its path.
        outermost: Whether it stands in no other, so that Torch's layout is outside of it.
    """
    graph = model._graph
    writer = _Writer(convert, outermost)
    writer.write(graph)
    fields = writer.fields(len(graph.inputs))
    # Torch's modules with several results hold them in a table from the start.
    for name, nodes in (("gradInput", graph.inputs), ("output", graph.outputs)):
        if len(nodes) > 1:
            fields[name] = []
    if not _NUMBERED.fullmatch(model.name):
        fields["name"] = model.name
    return fields


class _Writer:
    """`data` tables in forward order, and from them the two graphs over them."""

    def __init__(self, convert: Callable[[Any, str], Any], outermost: bool) -> None:
        self.convert = convert
        self.outermost = outermost
        self.datas: list[dict[Any, Any]] = []
        self.parents: dict[int, list[dict[Any, Any]]] = {}
        self._of: dict[int, dict[Any, Any]] = {}
        self._splits: dict[int, dict[Any, Any]] = {}

    def write(self, graph: Any) -> None:
        """Make every node's `data`."""
        source = self._data([], {"_debugLabel": _NOWHERE})
        first = dict.fromkeys(map(id, graph.inputs), source)
        if len(graph.inputs) > 1:
            label = {"_debugLabel": f"{_NOWHERE}split-mnode"}
            split = self._data([source], label, nSplitOutputs=len(graph.inputs))
            for i, node in enumerate(graph.inputs, 1):
                label = {"_debugLabel": f"{_NOWHERE}-{i}"}
                first[id(node)] = self._data([split], label, selectindex=i)
        for i, node in enumerate(graph.order, 1):
            source = first.get(id(node))
            if not (self.outermost and _at_border(node, graph)):
                self._of[id(node)] = self._node(node, source, i)
            elif source is not None:
                self._of[id(node)] = source
            else:
                self._of[id(node)] = self._of[id(node.inputs)]
        self._data([self._of[id(n)] for n in graph.outputs], {"_debugLabel": _NOWHERE})

    def _node(self, node: Node, source: dict[Any, Any] | None, number: int) -> dict[Any, Any]:
        notes: dict[str, Any] = {
            "_debugLabel": f"[{node.origin.file}]:{node.origin.line}_",
            **{k: v for k, v in node.annotations.items() if k != NOTE and _plain(v)},
        }
        if node.selectindex is not None:
            parent = node.parents[0]
            split = self._splits.get(id(parent))
            if split is None:
                label = {"_debugLabel": f"{_NOWHERE}split-mnode"}
                above = [self._of[id(parent)]]
                split = self._data(above, label, nSplitOutputs=parent.nSplitOutputs)
                self._splits[id(parent)] = split
            return self._data([split], notes, selectindex=node.selectindex)
        above = [source] if source is not None else self._inputs(node.inputs)
        if node.module is None:
            return self._data(above, notes)
        module = self.convert(node.module, f"node {number} ({node.describe()})")
        return self._data(above, notes, module=module)

    def _inputs(self, inputs: Any) -> list[dict[Any, Any]]:
        if not is_table(inputs):
            return [self._of[id(inputs)]]
        return [self._table(part) if is_table(part) else self._of[id(part)] for part in inputs]

    def _table(self, part: Any) -> dict[Any, Any]:
        more = {}
        if len(part) == 1:  # A node without module passes a lone input on as it is.
            more = {"module": self.convert(JustTable(), "a table of one")}
        return self._data(self._inputs(part), {"_debugLabel": _NOWHERE}, **more)

    def _data(
        self, parents: list[dict[Any, Any]], annotations: dict[str, Any], **more: Any
    ) -> dict[Any, Any]:
        parents = self._each_once(parents)
        index: dict[Any, Any] = dict(enumerate(parents, 1))
        index |= {TableKey(parent): i for i, parent in enumerate(parents, 1)}
        data: dict[Any, Any] = {"annotations": annotations, "mapindex": index, **more}
        data["reverseMap"] = {}
        data["forwardNodeId"] = len(self.datas) + 1
        self.datas.append(data)
        self.parents[id(data)] = parents
        return data

    def _each_once(self, parents: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
        """Nngraph takes no node twice into one table, so a repetition passes an Identity."""
        found: dict[int, dict[Any, Any]] = {}
        for parent in parents:
            if id(parent) in found:
                module = self.convert(Identity(), "a repeated input")
                parent = self._data([parent], {"_debugLabel": _NOWHERE}, module=module)
            found[id(parent)] = parent
        return list(found.values())

    def fields(self, inputs: int) -> dict[str, Any]:
        """The fields: both graphs over the `data` tables made so far."""
        forward = {id(d): _new_node(d, i) for i, d in enumerate(self.datas, 1)}
        backward = {id(d): _new_node(d, i) for i, d in enumerate(reversed(self.datas), 1)}
        ahead, back = [], []
        for data in self.datas:
            for parent in self.parents[id(data)]:
                ahead.append(_connect(forward[id(parent)], forward[id(data)]))
                back.append(_connect(backward[id(data)], backward[id(parent)]))
                parent["reverseMap"][backward[id(data)]] = True
        before, behind = list(forward.values()), list(backward.values())
        return {
            "nInputs": inputs,
            "verbose": False,
            "modules": list(
                {id(d["module"]): d["module"] for d in self.datas if "module" in d}.values()
            ),
            "innode": before[0],
            "outnode": behind[0],
            "forwardnodes": list(before),
            "backwardnodes": list(behind),
            "fg": TorchObject("graph.Graph", {"nodes": _set(before), "edges": _set(ahead)}),
            "bg": TorchObject("graph.Graph", {"nodes": _set(behind), "edges": _set(back)}),
        }


def _set(members: list[TorchObject]) -> dict[Any, Any]:
    """A table that holds each by number, and its number by each."""
    return {**dict(enumerate(members, 1)), **{m: i for i, m in enumerate(members, 1)}}


def _new_node(data: dict[Any, Any], number: int) -> TorchObject:
    fields = {"data": data, "id": number, "children": {}}
    return TorchObject("nngraph.Node", {**fields, "visited": False, "marked": False})


def _connect(start: TorchObject, end: TorchObject) -> TorchObject:
    children = start["children"]
    if end not in children:
        place = len(children) // 2 + 1
        children[place], children[end] = end, place
    return TorchObject("graph.Edge", {"from": start, "to": end})


def _plain(value: Any) -> bool:
    """Whether a Lua table can hold it as it is."""
    if isinstance(value, dict):
        return all(isinstance(k, str) and _plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return isinstance(value, str | int | float | bool)
