"""The module of a graph input whose shape is stated."""

from __future__ import annotations

from typing import Any

import keras

from ..errors import GraphError
from ..node import Node
from ..origin import caller_origin
from ..table import is_table
from .identity import Identity

__all__ = ["Input", "input_node", "shape_from_config", "shape_to_config"]


class Input(Identity):
    """An input of a stated shape. `graph.Input` makes a node of one.

    Args:
        shape: Shape of one sample, in Keras's layout, as a tuple; a list of shapes for a table.
        dtype: dtype of the tensors. Default: Keras's `floatx`.
        tensor: A Keras tensor to stand here instead of a new one.
    """

    keras_name = "InputLayer"

    def __init__(
        self, shape: Any, dtype: str | None = None, tensor: keras.KerasTensor | None = None
    ) -> None:
        self.shape = _checked(shape)
        self.dtype = dtype
        self.tensor = tensor

    def get_config(self) -> dict[str, Any]:
        return {"shape": shape_to_config(self.shape), "dtype": self.dtype}

    def __repr__(self) -> str:
        return f"Input({self.shape})"

    def upstream(self) -> keras.Model:
        """The user's own layers that lead to `tensor`."""
        sources = keras.utils.get_source_inputs(self.tensor)
        return keras.Model(sources, self.tensor, name="upstream")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Input:
        config["shape"] = shape_from_config(config["shape"])
        return cls(**config)


def shape_to_config(shape: Any) -> Any:
    """A shape, or a nested list of shapes, as JSON, which knows no tuples."""
    if isinstance(shape, list):
        return [shape_to_config(part) for part in shape]
    return {"shape": list(shape)}


def shape_from_config(config: Any) -> Any:
    """What `shape_to_config` was given."""
    if isinstance(config, list):
        return [shape_from_config(part) for part in config]
    return tuple(config["shape"])


def _checked(shape: Any) -> Any:
    if isinstance(shape, list) and any(is_table(item) for item in shape):
        return [_checked(item) for item in shape]
    sizes = tuple(shape) if is_table(shape) else (shape,)
    for size in sizes:
        if size is None:
            continue
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise GraphError(
                f"graph.Input: a shape is a tuple of positive integers and None, got {shape!r} "
                f"({caller_origin()})\n  fix: leave the batch out, e.g. graph.Input((32, 32, 1))"
            )
    return sizes


def input_node(
    shape: Any = None,
    *,
    name: str | None = None,
    dtype: str | None = None,
    tensor: keras.KerasTensor | None = None,
) -> Node:
    """An input node of a stated shape.

    Args:
        shape: Shape of one sample without the batch, in Keras's layout, e.g. ``(32, 32, 1)``; a
            list of shapes for an input that is a table.
        name: The name of the input, in drawings and in the model. Default: ``input``.
        dtype: dtype of the input. Default: Keras's `floatx`.
        tensor: A Keras tensor to stand here, as `input_tensor` of keras.applications; then
            `shape` and `dtype` are its own.

    Raises:
        GraphError: `shape` is no shape, or neither `shape` nor `tensor` is given.

    >>> from graph import Input
    >>> Input((32, 32, 1), name="image").name
    'image'
    """
    if tensor is not None:
        shape, dtype = tuple(tensor.shape[1:]), str(tensor.dtype)
    elif shape is None:
        raise GraphError(f"graph.Input needs a shape or a tensor ({caller_origin()})")
    node = Input(shape, dtype, tensor)()
    return node.annotate(name=name) if name is not None else node
