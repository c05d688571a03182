"""`nn.Parallel` and `nn.MapTable`: modules on the parts of an input."""

from __future__ import annotations

from typing import Any

import keras

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .arguments import integer
from .container import Container
from .module import Module
from .scope import Scope
from .table import JoinTable, SplitTable
from .torch_fields import TorchFields

__all__ = ["MapTable", "Parallel"]


class Parallel(Container):
    """Child i on slice i of a tensor; the results are joined.

    Args:
        inputDimension: Dimension of one sample that is cut into slices and disappears, from 1 in
            Torch's order, the batch not counted.
        outputDimension: Dimension of one result along which they are joined, counted likewise; 0
            joins them along the batch, as Torch's 1 does when it is fed batches.
        *modules: The children, as many as there are slices.

    Shapes:
        ``(batch, ..., n, ...)`` -> the results of `n` children ``(batch, ...)``, joined.

    Raises:
        GraphError: A dimension is not an integer; at lowering, there is no such dimension, or
            another number of slices, or the results cannot be joined.

    Reference: torch/nn Parallel.lua.
    """

    keras_name = "(ops.unstack), its children and Concatenate"

    def __init__(self, inputDimension: int, outputDimension: int, *modules: Any) -> None:
        self.inputDimension = integer(inputDimension, "Parallel", "inputDimension", least=None)
        self.outputDimension = integer(outputDimension, "Parallel", "outputDimension", least=None)
        self._split = SplitTable(self.inputDimension)
        self._join = JoinTable(self.outputDimension)
        super().__init__(*modules)

    def get_config(self) -> dict[str, Any]:
        return {"inputDimension": self.inputDimension, "outputDimension": self.outputDimension}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Parallel:
        batch = 1 if fields.batched else 0
        output = fields.integer("outputDimension") - batch
        return cls(fields.dimension("inputDimension"), output, *fields.children())

    def check(self, x: Any) -> None:
        self._split.check(x)
        slices = x.shape[self._split.axis(len(x.shape))]
        if slices != len(self.modules):
            raise ShapeMismatch(
                f"has {len(self.modules)} children for {slices} slices along dimension "
                f"{self.inputDimension}",
                fix="give it one child for each slice",
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        slices = self.apply_layer(
            x, scope, lambda name: self._split.make_layer(x, name), key="split", suffix="_split"
        )
        outputs = [self.lower_child(i, part, scope) for i, part in enumerate(slices)]
        if self.outputDimension:
            return self._join.lower(outputs, scope)
        concatenate = keras.layers.Concatenate
        return self.apply_layer(
            outputs, scope, lambda name: concatenate(axis=0, name=name), key="join"
        )


class MapTable(Container):
    """One module on every element of a table; the results form a table.

    Args:
        module: The module. `add` gives it later.
        shared: Whether the elements share its parameters. If not, each has a copy that starts
            equal, made when the number of elements is known. Default: True.

    Shapes:
        ``[a, b, c]`` -> ``[module(a), module(b), module(c)]``.

    Raises:
        GraphError: `module` is none, or a second one is added; at lowering, there is none, or it
            is not fed a table.

    Reference: torch/nn MapTable.lua.
    """

    keras_name = "its child, once or several times"

    def __init__(self, module: Any = None, shared: bool = True) -> None:
        self.shared = bool(shared)
        super().__init__(*([] if module is None else [module]))

    @property
    def module(self) -> Any:
        """The module; None before it is given."""
        return self.modules[0] if self.modules else None

    def add(self, module: Any) -> MapTable:
        """Give the module; returns the container itself.

        Raises:
            GraphError: There is one already, or this is none.
        """
        if self.modules:
            raise GraphError(f"nn.MapTable takes a single module ({caller_origin()})")
        return super().add(module)

    def get_config(self) -> dict[str, Any]:
        return {"shared": self.shared}

    def __repr__(self) -> str:
        return f"nn.MapTable({self.module!r}{'' if self.shared else ', shared=False'})"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> MapTable:
        shared = bool(fields.get("shared", True))
        if "module" not in fields:
            return cls(None, shared)
        table = cls(fields.module("module"), shared)
        if not shared:
            # The first of them is the module itself.
            table.modules += fields.children()[1:]
        return table

    def check(self, x: Any) -> None:
        if not self.modules:
            raise ShapeMismatch("has no module", fix="give it one with add(module)")
        if not is_table(x):
            raise ShapeMismatch("takes a table", expected="a table")

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if self.shared:
            return [self.lower_child(0, element, scope) for element in x]
        while len(self.modules) < len(x):
            self.modules.append(_copied(self.modules[0], {}))
        return [self.lower_child(i, element, scope) for i, element in enumerate(x)]


def _copied(module: Module, done: dict[int, Module]) -> Module:
    """A module like this one, with parameters of its own that are equal."""
    if id(module) not in done:
        config = keras.saving.serialize_keras_object(module.get_config())
        copy = type(module).from_config(keras.saving.deserialize_keras_object(config))
        children = module.children()
        if children and not copy.children():
            copy.replace_children([_copied(child, done) for child in children])
        copy.name = module.name
        mine, its = copy.named_parameters(), module.named_parameters()
        for name, variable in its.items():
            mine[name].assign(variable)
        done[id(module)] = copy
    return done[id(module)]
