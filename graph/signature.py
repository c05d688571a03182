"""What is known of a graph's inputs before any data comes: shapes and dtypes."""

from __future__ import annotations

from typing import Any

from .nn.input import Input
from .nn.module import Module
from .node import Node
from .table import map_table

__all__ = ["stated_dtype", "stated_shape"]


def stated_shape(node: Node, members: set[Node]) -> Any:
    """The shape of one sample that input `node` takes, nested if it takes a table.

    It is known if the node states it, or if a module that states its size reads it, perhaps
    through modules that keep shapes.

    Args:
        node: An input of the graph.
        members: All nodes of the graph.

    Returns:
        A tuple, a nested list of tuples, or None where it is not known.
    """
    if isinstance(node.module, Input):
        return node.module.shape
    if isinstance(node.module, Module) and not node.module.keeps_shape:
        return node.module.input_size()
    if node.nSplitOutputs:
        parts = [stated_shape_of_value(s, members) for s in node.splits]
        return None if any(part is None for part in parts) else parts
    return stated_shape_of_value(node, members)


def stated_shape_of_value(node: Node, members: set[Node]) -> Any:
    """The shape of one sample of `node`'s output that the modules reading it state."""
    for module in _readers(node, members):
        size = module.input_size()
        if size is not None:
            return size
    return None


def stated_dtype(node: Node, members: set[Node], shape: Any) -> Any:
    """The dtype of input `node`, nested as `shape` is; None where Keras's default holds."""
    dtype = None
    if isinstance(node.module, Input):
        dtype = node.module.dtype
    elif isinstance(node.module, Module):
        dtype = node.module.input_dtype
    if node.nSplitOutputs and isinstance(shape, list):
        return [stated_dtype(s, members, part) for s, part in zip(node.splits, shape, strict=False)]
    if dtype is None:
        wishes = (m.input_dtype for m in _readers(node, members))
        dtype = next((wish for wish in wishes if wish is not None), None)
    return map_table(lambda _: dtype, shape) if isinstance(shape, list) else dtype


def _readers(node: Node, members: set[Node]) -> list[Module]:
    """The modules that read `node`'s output, as it is or through modules that keep its shape."""
    found: list[Module] = []
    seen = {node}
    queue = [node]
    for current in queue:
        for child in current.children:
            module = child.module
            if child in seen or child not in members or child.inputs is not current:
                continue
            if not isinstance(module, Module):
                continue
            seen.add(child)
            if module.keeps_shape:
                queue.append(child)
            else:
                found.append(module)
    return found
