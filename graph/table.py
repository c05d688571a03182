"""Torch tables as nested Python lists: walk, map and describe them without recursion limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["flatten", "is_table", "map_table", "same_structure", "unflatten"]


def is_table(x: object) -> bool:
    """Whether `x` is a Torch table here: a list or a tuple."""
    return isinstance(x, (list, tuple))


def flatten(x: Any) -> list[Any]:
    """The leaves of a nested table, depth first, left to right. A bare leaf gives ``[leaf]``."""
    if not is_table(x):
        return [x]
    leaves: list[Any] = []
    stack = [x]
    while stack:
        top = stack.pop()
        if is_table(top):
            stack.extend(reversed(top))
        else:
            leaves.append(top)
    return leaves


def map_table(function: Callable[[Any], Any], x: Any) -> Any:
    """`x` with every leaf replaced by ``function(leaf)``; tuples become lists."""
    return [map_table(function, item) for item in x] if is_table(x) else function(x)


def unflatten(structure: Any, leaves: Iterator[Any]) -> Any:
    """A table nested like `structure` whose leaves are taken from `leaves` in order."""
    return map_table(lambda _: next(leaves), structure)


def same_structure(a: Any, b: Any) -> bool:
    """Whether two tables are nested alike, whatever their leaves."""
    if is_table(a) != is_table(b):
        return False
    if not is_table(a):
        return True
    return len(a) == len(b) and all(map(same_structure, a, b))
