"""What a model is fed, checked against its graph before Keras sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import GraphError
from .nn.time_order import BatchFirst
from .node import Node
from .table import flatten, is_table, map_table, same_structure

__all__ = ["check_inputs", "input_list", "sample_shapes", "shape_text", "table_shapes"]


def input_list(model: str, nodes: Sequence[Node], names: Sequence[Any], x: Any) -> list[Any]:
    """What each input node is fed, nested as it came, numbers as arrays.

    Args:
        model: Name of the model, for messages.
        nodes: The input nodes.
        names: The name by which a dict may give each, nested for tables.
        x: A batch, a list of batches, or a dict of them.

    Raises:
        GraphError: A dict lacks a name, there are more or fewer inputs than nodes, or rows of
            numbers differ in length.
    """
    if isinstance(x, dict):
        missing = [name for name in flatten(names) if name not in x]
        if missing:
            raise GraphError(
                f"{model} is fed no {', '.join(map(repr, missing))}\n"
                f"  expected a dict of {flatten(names)}\n  got      a dict of {list(x)}"
            )
        x = map_table(x.__getitem__, names)
    elif len(nodes) == 1 and not _is_list_of_one(x):
        x = [x]
    if not is_table(x) or len(x) != len(nodes):
        expected = "\n    ".join(n.describe() for n in nodes)
        count = len(x) if is_table(x) else 1
        raise GraphError(
            f"{model} takes {len(nodes)} inputs, got {count}\n  expected one for each of\n"
            f"    {expected}"
        )
    return [_arrays(f"{_place(i, nodes)} of {model}", part) for i, part in enumerate(x)]


def _is_list_of_one(x: Any) -> bool:
    return is_table(x) and len(x) == 1 and any(hasattr(leaf, "shape") for leaf in flatten(x))


def _place(i: int, nodes: Sequence[Node]) -> str:
    number = f"input {i + 1}" if len(nodes) > 1 else "the input"
    return f"{number}, {nodes[i].describe()},"


def _arrays(where: str, x: Any) -> Any:
    # Rows of plain numbers are one array; a table holds arrays.
    if hasattr(x, "shape"):
        return x
    if is_table(x) and any(hasattr(leaf, "shape") for leaf in flatten(x)):
        return [_arrays(where, part) for part in x]
    try:
        return np.asarray(x)
    except ValueError as error:
        raise GraphError(f"{where} is fed rows of different lengths") from error


def sample_shapes(nodes: Sequence[Node], shapes: Sequence[Any]) -> list[Any]:
    """The shape of one sample for each input: the first axis is the batch.

    Args:
        nodes: The input nodes.
        shapes: For each the shape of a batch, a tuple, or a nested list of them.
    """
    return [
        node.module.sequence(shape) if isinstance(node.module, BatchFirst) else _samples(shape)
        for node, shape in zip(nodes, shapes, strict=True)
    ]


def _samples(shape: Any) -> Any:
    return [_samples(part) for part in shape] if isinstance(shape, list) else shape[1:]


def table_shapes(x: Any) -> Any:
    """The shape of every tensor, nested as they are."""
    return map_table(lambda leaf: tuple(leaf.shape), x)


def check_inputs(
    model: str, nodes: Sequence[Node], expected: Sequence[Any], given: Sequence[Any]
) -> list[Any]:
    """What is given, nested as expected, after it was checked against that.

    Args:
        model: Name of the model, for messages.
        nodes: The input nodes.
        expected: For each the Keras tensor (or nested list of them) that it became.
        given: For each what it is fed.

    Raises:
        GraphError: Other nesting, shapes or dtypes, or batches that differ in size.
    """
    nested: list[Any] = []
    batches: dict[int, str] = {}
    for i, (wanted, got) in enumerate(zip(expected, given, strict=True)):
        where = f"{_place(i, nodes)} of {model}"
        if is_table(wanted) and len(wanted) == 1 and not is_table(got):
            got = [got]
        if not same_structure(wanted, got):
            raise _wrong(where, wanted, got)
        nested.append(got)
        for a, b in zip(flatten(wanted), flatten(got), strict=True):
            if _is_text(b) and not _is_text(a):
                raise GraphError(f"{where} takes numbers, got {_dtype(b)}")
            shape = _static_shape(b)
            if shape is None or not _fits(tuple(a.shape), shape):
                raise _wrong(where, wanted, got)
            if shape[0] is not None:
                batches.setdefault(shape[0], where)
    if len(batches) > 1:
        sizes = "\n".join(f"  {size} samples for {where}" for size, where in batches.items())
        raise GraphError(f"{model} is fed batches of different sizes\n{sizes}")
    return nested


def _wrong(where: str, wanted: Any, got: Any) -> GraphError:
    return GraphError(
        f"{where} is fed the wrong shape\n"
        f"  expected {shape_text(wanted)}\n  got      {shape_text(got)}"
    )


def _static_shape(x: Any) -> tuple[int | None, ...] | None:
    try:
        return tuple(x.shape)
    except ValueError:  # TensorFlow's shape of unknown rank.
        return None


def _fits(expected: tuple[int | None, ...], given: tuple[int | None, ...]) -> bool:
    if len(expected) != len(given):
        # Keras itself adds or drops a last axis of one.
        longer, shorter = sorted((expected, given), key=len, reverse=True)
        return bool(shorter) and len(longer) == len(shorter) + 1 and longer[-1] == 1
    return all(a is None or b is None or a == b for a, b in zip(expected, given, strict=True))


def _dtype(x: Any) -> str:
    return getattr(x.dtype, "name", str(x.dtype))


def _is_text(x: Any) -> bool:
    return _dtype(x).startswith(("str", "bytes", "object", "date", "time"))


def shape_text(x: Any) -> str:
    """The shape of a tensor, or of every tensor of a table, as messages show it."""
    if is_table(x):
        return "[" + ", ".join(map(shape_text, x)) + "]"
    shape = _static_shape(x)
    return "of unknown rank" if shape is None else str(shape)
