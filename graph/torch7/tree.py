"""The modules of a Torch model as a tree, each with its path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .types import TorchObject, table_items

__all__ = ["Entry", "buffers", "is_graph", "parameters", "place_of", "walk"]

# Paths grow with the depth; no model is so deep that is not made to be.
_DEEPEST = 500
_STATE = ("running_mean", "running_var", "running_std")


class Entry(NamedTuple):
    """One place in the tree.

    Attributes:
        path: For example ``modules[3].modules[1]``; empty for the model itself.
        object: The module.
        depth: 0 for the model itself.
        first: The path of the same object where it was met before, if it was.
    """

    path: str
    object: TorchObject
    depth: int
    first: str | None


def walk(obj: TorchObject) -> Iterator[Entry]:
    """Every module of a model, a container before its children; a shared one again at each use.

    Children are those of `modules`; of a gModule, those of its nodes in forward order,
    ``forwardnodes[7]``; and modules that other fields hold, such as ``mergeModule``.
    """
    first: dict[int, str] = {}
    stack = [("", obj, 0)]
    while stack:
        path, current, depth = stack.pop()
        known = first.get(id(current))
        yield Entry(path, current, depth, known)
        if known is not None or depth == _DEEPEST:
            continue
        first[id(current)] = path
        below = [(f"{path}.{part}".lstrip("."), c, depth + 1) for part, c in _children(current)]
        stack.extend(reversed(below))


def is_graph(obj: TorchObject) -> bool:
    """Whether the object is an nn.gModule or of a class made of it, such as nn.TripletNet."""
    return "innode" in obj and "outnode" in obj


def parameters(obj: TorchObject) -> dict[str, np.ndarray]:
    """The object's own parameters by name: weight, bias, and whatever has a gradient."""
    if not isinstance(obj.fields, dict):
        return {}
    found: dict[str, np.ndarray] = {}
    for name in dict.fromkeys(("weight", "bias", *obj.fields)):
        value = obj.get(name)
        if isinstance(name, str) and isinstance(value, np.ndarray) and value.size:
            gradient = f"grad{name[:1].upper()}{name[1:]}"
            if name in ("weight", "bias") or isinstance(obj.get(gradient), np.ndarray):
                found[name] = value
    return found


def buffers(obj: TorchObject) -> dict[str, np.ndarray]:
    """What the object has learnt without a gradient: running means and variances."""
    values = {name: obj.get(name) for name in _STATE}
    return {n: v for n, v in values.items() if isinstance(v, np.ndarray) and v.size}


def place_of(array: np.ndarray) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """Where an array lies: two parameters with the same place are one."""
    return array.__array_interface__["data"][0], array.shape, array.strides


def _children(obj: TorchObject) -> Iterator[tuple[str, TorchObject]]:
    seen: set[int] = set()
    if is_graph(obj):
        field = "forwardnodes" if "forwardnodes" in obj else "fg"
        nodes = obj[field]
        if isinstance(nodes, TorchObject):
            field, nodes = "fg.nodes", nodes.get("nodes")
        for i, node in _items(nodes):
            data = node.get("data") if isinstance(node, TorchObject) else None
            module = data.get("module") if isinstance(data, dict) else None
            if isinstance(module, TorchObject):
                seen.add(id(module))
                yield f"{field}[{i}]", module
        if seen:
            return
    for i, child in _items(obj.get("modules")):
        if isinstance(child, TorchObject):
            seen.add(id(child))
            yield f"modules[{i}]", child
    if not isinstance(obj.fields, dict):
        return
    for name, child in obj.fields.items():
        is_module = isinstance(child, TorchObject) and isinstance(child.fields, dict)
        if is_module and isinstance(name, str) and id(child) not in seen:
            if not child.class_name.startswith(("graph.", "nngraph.", "torch.", "tds")):
                yield name, child


def _items(table: Any) -> list[tuple[Any, Any]]:
    if not isinstance(table, list | dict):
        return []
    numbered = [(int(k), v) for k, v in table_items(table) if isinstance(k, int | float)]
    return sorted(numbered, key=lambda pair: pair[0])
