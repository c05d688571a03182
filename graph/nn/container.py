"""Modules made of modules."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GraphError, ShapeMismatch
from ..node import as_module
from ..origin import caller_origin
from ..table import is_table
from .arguments import integer
from .module import Module, Shape
from .scope import Scope
from .table import JoinTable
from .torch_fields import TorchFields

__all__ = ["Concat", "ConcatTable", "Container", "ParallelTable", "Sequential"]


class Container(Module):
    """A module that holds others, as Torch's `nn.Container`.

    Attributes:
        modules: The children, in order.
    """

    modules: list[Any]

    def __init__(self, *modules: Any) -> None:
        self.modules = []
        for module in modules:
            self.add(module)

    def add(self, module: Any) -> Any:
        """Append a module or a Keras layer; returns the container itself.

        Raises:
            GraphError: It is neither.
        """
        self.modules.append(as_module(module))
        return self

    def get(self, index: int) -> Any:
        """The child at `index`, from 1 as in Torch; negative counts from the end.

        Raises:
            GraphError: There is no such child.
        """
        position = integer(index, self.torch_name, "index", least=None)
        if position == 0 or abs(position) > len(self.modules):
            raise GraphError(
                f"nn.{self.torch_name} has no child {index}: children are counted from 1 to "
                f"{len(self.modules)} ({caller_origin()})"
            )
        return self.modules[position - 1 if position > 0 else position]

    def size(self) -> int:
        """How many children there are."""
        return len(self.modules)

    def insert(self, module: Any, index: int | None = None) -> Any:
        """Put a module or a Keras layer before child `index`; returns the container itself.

        Args:
            module: What to put there.
            index: The number, from 1, that it has afterwards. Default: after the last child.

        Raises:
            GraphError: It is neither, or there is no such place.
        """
        count = len(self.modules)
        self.modules.insert(
            self._place(count + 1 if index is None else index, count + 1), as_module(module)
        )
        return self

    def remove(self, index: int | None = None) -> Any:
        """Take child `index` out; returns the container itself.

        Args:
            index: Its number, from 1. Default: the last child.

        Raises:
            GraphError: There is no such child.
        """
        count = len(self.modules)
        del self.modules[self._place(count if index is None else index, count)]
        return self

    def _place(self, index: int, last: int) -> int:
        place = integer(index, self.torch_name, "index", least=None)
        if not 1 <= place <= last:
            raise GraphError(
                f"nn.{self.torch_name}: index {index} is not between 1 and {last} "
                f"({caller_origin()})"
            )
        return place - 1

    def lower_child(self, index: int, x: Any, scope: Scope) -> Any:
        """Lower child `index` (from 0) on `x` and let its output be looked at later."""
        module = self.modules[index]
        child = scope.child(index + 1, module)
        try:
            output = module.lower(x, child)
        except ShapeMismatch as error:
            raise error.inside(child.where) from None
        scope.record(module, output)
        return output

    def parts(self) -> list[Any]:
        """The children."""
        return list(self.modules)

    def named_parameters(self) -> dict[str, Any]:
        return {
            f"{i}.{name}": variable
            for i, module in enumerate(self.modules, 1)
            for name, variable in module.named_parameters().items()
        }

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        """The layout is the child's own matter."""
        index, _, rest = name.partition(".")
        return self.modules[int(index) - 1].parameter_to_torch(rest, array)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Container:
        return cls(*fields.children())

    def load_torch(self, fields: TorchFields) -> None:
        """Nothing: the children have theirs already."""

    def get_config(self) -> dict[str, Any]:
        """The arguments besides the children, which the graph's own config holds."""
        return {}

    def __repr__(self) -> str:
        parts = [*self.get_config().values(), *self.modules]
        return f"nn.{self.torch_name}({', '.join(map(repr, parts))})"


class Sequential(Container):
    """One module after another.

    Args:
        *modules: The children; `add` appends more.

    Reference: torch/nn Sequential.lua.
    """

    keras_name = "its children, in a chain"

    def input_size(self) -> Shape | None:
        for module in self.modules:
            if not module.keeps_shape:
                return module.input_size()
        return None

    def lower(self, x: Any, scope: Scope) -> Any:
        for index in range(len(self.modules)):
            x = self.lower_child(index, x, scope)
        return x


class ParallelTable(Container):
    """Child i on element i of a table; the results form a table.

    Args:
        *modules: The children, as many as the table has elements.

    Raises:
        GraphError: At lowering, if it is not fed a table of as many elements.

    Reference: torch/nn ParallelTable.lua.
    """

    keras_name = "its children, side by side"

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != len(self.modules):
            raise ShapeMismatch(
                f"has {len(self.modules)} children and takes a table of as many elements",
                expected=f"a table of {len(self.modules)} elements",
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        return [self.lower_child(i, element, scope) for i, element in enumerate(x)]


class ConcatTable(Container):
    """Every child on the same input; the results form a table.

    Args:
        *modules: The children.

    Reference: torch/nn ConcatTable.lua.
    """

    keras_name = "its children, side by side"

    def input_size(self) -> Shape | None:
        sizes = (module.input_size() for module in self.modules)
        return next((size for size in sizes if size is not None), None)

    def check(self, x: Any) -> None:
        if not self.modules:
            raise ShapeMismatch("has no children", fix="add(module) at least one")

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        return [self.lower_child(i, x, scope) for i in range(len(self.modules))]


class Concat(ConcatTable):
    """Every child on the same input, the results joined along one dimension.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted.
        *modules: The children.

    Raises:
        GraphError: `dimension` is not an integer; at lowering, the results cannot be joined.

    Reference: torch/nn Concat.lua.
    """

    keras_name = "its children and Concatenate"

    def __init__(self, dimension: int, *modules: Any) -> None:
        self._join = JoinTable(integer(dimension, "Concat", "dimension", least=None))
        super().__init__(*modules)

    @property
    def dimension(self) -> int:
        """The dimension along which the results are joined."""
        return self._join.dimension

    def get_config(self) -> dict[str, Any]:
        return {"dimension": self.dimension}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Concat:
        return cls(fields.dimension(), *fields.children())

    def lower(self, x: Any, scope: Scope) -> Any:
        return self.joined(super().lower(x, scope), scope)

    def joined(self, outputs: list[Any], scope: Scope) -> Any:
        """The results of the children as one tensor."""
        return self._join.lower(outputs, scope)
