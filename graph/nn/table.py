"""Modules that join, split and pick from tables."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..layout import axes_after_removal, keras_axis
from ..table import is_table
from .arguments import integer
from .dimension import checked_fed, one_tensor, per_sample, permuted, read_dimension, sample_rank
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["JoinTable", "SelectTable", "SplitTable"]


class JoinTable(Module):
    """Joins the tensors of a table along one dimension; becomes `keras.layers.Concatenate`.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order (planes, height, width), the
            batch not counted; negative counts from the end.
        nInputDims: How many dimensions a sample has. Torch tells a batch by it; here it is only
            checked. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        A table of tensors that are equal in all other dimensions -> one tensor.

    Raises:
        GraphError: `dimension` is not an integer; at lowering, no table, no such dimension, or
            samples of another number of dimensions than `nInputDims`, or shapes that differ
            elsewhere.

    Reference: torch/nn JoinTable.lua.
    """

    keras_name = "Concatenate"

    def __init__(
        self, dimension: int, nInputDims: int | None = None, *, fed: str | None = None
    ) -> None:
        self.dimension = integer(dimension, "JoinTable", "dimension", least=None)
        self.nInputDims = sample_rank(nInputDims, "JoinTable", "nInputDims")
        self.fed = checked_fed(fed, "JoinTable")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> JoinTable:
        dimension, counted, fed = read_dimension(fields)
        return cls(dimension, counted, fed=fed)

    def axis(self, rank: int) -> int:
        """The Keras axis in a tensor of this rank."""
        return keras_axis(per_sample(self.dimension, rank, self.nInputDims, self.fed), rank)

    def check(self, x: Any) -> None:
        if not is_table(x) or not x or any(is_table(leaf) for leaf in x):
            raise ShapeMismatch(
                "takes a table of tensors",
                expected="a table of tensors",
                fix="call it with a list of nodes: nn.JoinTable(1)([a, b])",
            )
        first = tuple(x[0].shape)
        axis = self.axis(len(first))
        expected = tuple("any" if i == axis else size for i, size in enumerate(first))
        for other in x[1:]:
            alike = len(other.shape) == len(first) and all(
                i == axis or a == b or a is None or b is None
                for i, (a, b) in enumerate(zip(first, other.shape, strict=True))
            )
            if not alike:
                raise ShapeMismatch(
                    f"joins along dimension {self.dimension} (axis {axis}) and needs equal "
                    f"shapes elsewhere",
                    expected=expected,
                )

    def layer_key(self, x: Any) -> Any:
        return self.axis(len(x[0].shape))

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Concatenate(axis=self.layer_key(x), name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if len(x) == 1:
            return self.apply_layer(
                x[0], scope, lambda name: keras.layers.Identity(name=name), key="one"
            )
        return self.apply_layer(x, scope)


class SplitTable(Module):
    """Cuts a tensor into the table of its slices along one dimension, which disappears.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted;
            negative counts from the end.
        nInputDims: As of `JoinTable`. Default: None.
        fed: As of `JoinTable`.

    Shapes:
        ``(batch, ..., n, ...)`` -> a table of `n` tensors ``(batch, ..., ...)``.

    Raises:
        GraphError: `dimension` is not an integer; at lowering, no tensor, no such dimension, or
            one of unknown size.

    Reference: torch/nn SplitTable.lua.
    """

    keras_name = "(ops.unstack)"

    def __init__(
        self, dimension: int, nInputDims: int | None = None, *, fed: str | None = None
    ) -> None:
        self.dimension = integer(dimension, "SplitTable", "dimension", least=None)
        self.nInputDims = sample_rank(nInputDims, "SplitTable", "nInputDims")
        self.fed = checked_fed(fed, "SplitTable")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SplitTable:
        dimension, counted, fed = read_dimension(fields)
        return cls(dimension, counted, fed=fed)

    def axis(self, rank: int) -> int:
        """The Keras axis in a tensor of this rank."""
        return keras_axis(per_sample(self.dimension, rank, self.nInputDims, self.fed), rank)

    def check(self, x: Any) -> None:
        one_tensor(x)
        axis = self.axis(len(x.shape))
        if x.shape[axis] is None:
            raise ShapeMismatch(
                f"cannot cut dimension {self.dimension} (axis {axis}), whose size is unknown",
                fix="state it with graph.Input(shape)",
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        rank = len(x.shape)
        axis = self.axis(rank)
        slices = ops.unstack(x, axis=axis)
        axes = axes_after_removal(rank, axis)
        return [permuted(s, axes) for s in slices]


class SelectTable(Module):
    """One element of a table.

    Args:
        index: Which, from 1; negative counts from the end.

    Raises:
        GraphError: `index` is no integer or is 0; at lowering, no table or no such element.

    Reference: torch/nn SelectTable.lua.
    """

    keras_name = "Identity"

    def __init__(self, index: int) -> None:
        self.index = integer(index, "SelectTable", "index", least=None)
        if self.index == 0:
            integer(0, "SelectTable", "index (counted from 1)")

    def check(self, x: Any) -> None:
        if not is_table(x):
            raise ShapeMismatch("takes a table", expected="a table")
        if not 1 <= (self.index if self.index > 0 else len(x) + 1 + self.index) <= len(x):
            raise ShapeMismatch(
                f"picks element {self.index} of a table of {len(x)}",
                fix=f"elements are counted from 1 to {len(x)}",
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        element = x[self.index - 1 if self.index > 0 else self.index]
        if is_table(element):
            return element
        return self.apply_layer(element, scope)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Identity(name=name)
