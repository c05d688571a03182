"""Modules that only rearrange tables."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from ..table import flatten, is_table
from .arguments import integer
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["FlattenTable", "NarrowTable", "ZipTable", "ZipTableOneToMany"]


class _Rearranging(Module):
    """Passes tensors on in another table; there is nothing to compute."""

    keras_name = "(none)"

    def rearranged(self, x: Any) -> list[Any]:
        """The new table."""
        raise NotImplementedError

    def check(self, x: Any) -> None:
        if not is_table(x):
            raise ShapeMismatch(
                "takes a table",
                expected="a table",
                fix=f"call it with a list of nodes: nn.{self.torch_name}(...)([a, b])",
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        return self.rearranged(x)


class FlattenTable(_Rearranging):
    """The tensors of a nested table in one table, from left to right.

    Shapes:
        ``[a, [b, [c]]]`` -> ``[a, b, c]``.

    Raises:
        GraphError: At lowering, it is not fed a table.

    Reference: torch/nn FlattenTable.lua.
    """

    def __init__(self) -> None:
        pass

    def rearranged(self, x: Any) -> list[Any]:
        return flatten(x)


class NarrowTable(_Rearranging):
    """A run of the elements of a table.

    Args:
        offset: The first element, from 1.
        length: How many; as many as there are, if the table ends before. Default: 1.

    Shapes:
        ``[a, b, c, d]`` -> ``[b, c]`` for offset 2 and length 2.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, it is not fed a table, or
            one without the first element.

    Reference: torch/nn NarrowTable.lua.
    """

    def __init__(self, offset: int, length: int = 1) -> None:
        self.offset = integer(offset, "NarrowTable", "offset")
        self.length = integer(length, "NarrowTable", "length")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> NarrowTable:
        return cls(fields.integer("offset"), fields.integer("length", 1))

    def check(self, x: Any) -> None:
        super().check(x)
        if self.offset > len(x):
            raise ShapeMismatch(
                f"begins with element {self.offset} of a table of {len(x)}",
                fix=f"elements are counted from 1 to {len(x)}",
            )

    def rearranged(self, x: Any) -> list[Any]:
        return list(x[self.offset - 1 : self.offset - 1 + self.length])


class ZipTable(_Rearranging):
    """A table of tables, inside out.

    Shapes:
        ``[[a1, a2], [b1, b2], [c1, c2]]`` -> ``[[a1, b1, c1], [a2, b2, c2]]``.

    Raises:
        GraphError: At lowering, it is not fed a table of tables of one length.

    Reference: torch/nn ZipTable.lua.
    """

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        super().check(x)
        if not all(is_table(part) and len(part) == len(x[0]) for part in x):
            raise ShapeMismatch(
                "takes a table of tables of one length",
                expected="a table such as [[a1, a2], [b1, b2]]",
            )

    def rearranged(self, x: Any) -> list[Any]:
        return [list(parts) for parts in zip(*x, strict=True)]


class ZipTableOneToMany(_Rearranging):
    """One element beside each of a table.

    Shapes:
        ``[v, [a, b, c]]`` -> ``[[v, a], [v, b], [v, c]]``.

    Raises:
        GraphError: At lowering, it is not fed an element and a table.

    Reference: torch/nn ZipTableOneToMany.lua.
    """

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        super().check(x)
        if len(x) != 2 or not is_table(x[1]):
            raise ShapeMismatch(
                "takes a table of an element and a table", expected="a table such as [v, [a, b]]"
            )

    def rearranged(self, x: Any) -> list[Any]:
        return [[x[0], element] for element in x[1]]
