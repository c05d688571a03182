"""The model around converted nodes: its inputs and outputs in the layout that was asked for."""

from __future__ import annotations

from typing import Any

from ..check import checked_order
from ..gmodule import GModule, gModule
from ..layout import torch_shape
from ..nn.channel_order import ChannelsFirst, ChannelsLast
from ..nn.identity import Identity
from ..nn.input import Input
from ..nn.module import Module
from ..nn.time_order import BatchFirst, TimeFirst
from ..node import Node, apply
from ..signature import stated_shape
from ..table import is_table
from .graph_writer import BORDER, NOTE

__all__ = ["bordered", "checked_shapes"]


def bordered(
    inputs: list[Node],
    outputs: list[Node],
    name: str | None,
    shapes: list[Any] | None,
    layout: str,
    time_major: bool = False,
) -> GModule:
    """The gModule of a graph, with its border inside it.

    Args:
        inputs: The input nodes, as they came from the file.
        outputs: The output nodes.
        name: The name of the model.
        shapes: For each input the shape of a sample in this layout; None if not known.
        layout: ``"torch"`` or ``"keras"``.
        time_major: Whether Torch was fed tensors (time, batch, ...).

    Raises:
        GraphError: The shapes do not fit the graph.
    """
    # Indices are sequences of rank 2; beside other inputs they could as well be a state.
    smallest = 2 if len(inputs) == 1 else 3
    if layout == "torch":
        if shapes is None and not time_major:
            order = set(checked_order(inputs, outputs))
            stated = [stated_shape(node, order) for node in inputs]
            if all(shape is not None for shape in stated):
                shapes = [_in_torch_order(shape) for shape in stated]
        inputs = [
            _input(node, BatchFirst(smallest) if time_major else ChannelsLast()) for node in inputs
        ]
        exits: dict[Node, Node] = {}
        for node in outputs:
            if node not in exits:
                exits[node] = _exit(node, TimeFirst() if time_major else ChannelsFirst())
        outputs = [exits[node] for node in outputs]
    elif shapes is not None:
        inputs = [_stated(node, shape) for node, shape in zip(inputs, shapes, strict=True)]
    model = gModule(inputs, outputs, name)
    if layout == "torch" and shapes is not None:
        sequences = [smallest if time_major else None] * len(shapes)
        model.build([_with_batch(s, n) for s, n in zip(shapes, sequences, strict=True)])
    return model


def checked_shapes(input_shape: Any, count: int) -> list[Any] | None:
    """What the user states, as one shape (a tuple, or a nested list of them) for each input.

    Args:
        input_shape: As of `load_torch7`.
        count: How many inputs the graph has.

    Raises:
        ValueError: It is no shape, or not one for each input.
    """
    if input_shape is None:
        return None
    shapes = _as_shapes(input_shape, input_shape)
    if count == 1 and not (isinstance(shapes, list) and len(shapes) == 1):
        return [shapes]
    if not isinstance(shapes, list) or len(shapes) != count:
        raise ValueError(
            f"input_shape={input_shape!r}, expected a list of {count} shapes, one for each input "
            f"of the model"
        )
    return shapes


def _as_shapes(shape: Any, whole: Any) -> Any:
    if is_table(shape) and any(is_table(part) for part in shape):
        return [_as_shapes(part, whole) for part in shape]
    sizes = tuple(shape) if is_table(shape) else (shape,)
    for size in sizes:
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
            raise ValueError(
                f"input_shape={whole!r}, expected the shape of one sample without the batch, such "
                f"as (3, 224, 224), positive integers or None, or a nested list of shapes"
            )
    return sizes


def _with_batch(shape: Any, sequence: int | None) -> Any:
    """The shape with the batch, which is the second axis of a tensor of rank `sequence` or more."""
    if isinstance(shape, list):
        return [_with_batch(part, None) for part in shape]
    if sequence is not None and len(shape) + 1 >= sequence:
        return (shape[0], None, *shape[1:])
    return (None, *shape)


def _in_torch_order(shape: Any) -> Any:
    if isinstance(shape, list):
        return [_in_torch_order(part) for part in shape]
    return torch_shape((None, *shape))[1:]


def _stated(node: Node, shape: Any) -> Node:
    return _input(node, Input(shape))


def _input(node: Node, module: Identity) -> Node:
    """The input that `module` makes of this one."""
    if type(node.module) is Identity:
        node.module = module
        return node
    before = apply(module)
    before.origin = node.origin
    before.annotations[NOTE] = dict(BORDER)
    node.add(before)
    return before


def _exit(node: Node, module: Module) -> Node:
    if node.name:
        module.name = f"{node.name}_{module.name}"
    after = apply(module, node)
    after.origin = node.origin
    return after
