"""Modules that pick from a tensor along one dimension."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..layout import axes_after_removal, keras_axis, to_torch_axes
from ..table import is_table
from .arguments import integer
from .dimension import SAMPLES, checked_fed, one_tensor, per_sample, permuted
from .module import Module
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["Index", "MaskedSelect", "Narrow", "Select"]


def nonzero(value: Any, module: str, argument: str) -> int:
    """An integer that counts from 1, or from the end if it is negative."""
    whole = integer(value, module, argument, least=None)
    return whole or integer(0, module, f"{argument} (counted from 1)")


class Select(Module):
    """One slice of a tensor along a dimension, which disappears.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted;
            negative counts from the end.
        index: Which slice, from 1; negative counts from the end.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., ...)``.

    Raises:
        GraphError: An argument is no integer or is 0; at lowering, there is no such dimension or
            slice.

    Reference: torch/nn Select.lua.
    """

    keras_name = "(slicing)"

    def __init__(self, dimension: int, index: int) -> None:
        self.dimension = nonzero(dimension, "Select", "dimension")
        self.index = nonzero(index, "Select", "index")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Select:
        return cls(fields.dimension(), fields.integer("index"))

    def axis(self, x: Any) -> int:
        """The Keras axis."""
        return keras_axis(per_sample(self.dimension, len(x.shape)), len(x.shape))

    def check(self, x: Any) -> None:
        one_tensor(x)
        size = x.shape[self.axis(x)]
        if size is not None and abs(self.index) > size:
            raise ShapeMismatch(
                f"picks slice {self.index} of {size} along dimension {self.dimension}",
                fix=f"slices are counted from 1 to {size}",
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The slice."""
        axis = self.axis(x)
        index = self.index - 1 if self.index > 0 else self.index
        picked = x[(*[slice(None)] * axis, index)]
        return permuted(picked, axes_after_removal(len(x.shape), axis))


class Narrow(Module):
    """A run of slices along a dimension.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted;
            negative counts from the end.
        offset: The first slice, from 1. If it is negative Torch passes its value over and gives
            the first ``size - length`` slices.
        length: How many slices. If it is negative the run ends there, counted from the end: -1
            is the last slice. Default: 1.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., length, ...)``.

    Raises:
        GraphError: An argument is no integer or is 0; at lowering, there is no such dimension or
            run.

    Reference: torch/nn Narrow.lua.
    """

    keras_name = "(slicing)"

    def __init__(self, dimension: int, offset: int, length: int = 1) -> None:
        self.dimension = nonzero(dimension, "Narrow", "dimension")
        self.offset = nonzero(offset, "Narrow", "offset")
        self.length = nonzero(length, "Narrow", "length")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Narrow:
        length = fields.integer("length", 1)
        return cls(fields.dimension(), fields.integer("index"), length)

    def axis(self, x: Any) -> int:
        """The Keras axis."""
        return keras_axis(per_sample(self.dimension, len(x.shape)), len(x.shape))

    def run(self) -> slice:
        """The slices, of a dimension of any size."""
        first, length = self.offset, self.length
        if first > 0:
            return slice(first - 1, first - 1 + length if length > 0 else length + 1 or None)
        return slice(0, -length if length > 0 else first - length - 2)

    def check(self, x: Any) -> None:
        one_tensor(x)
        size = x.shape[self.axis(x)]
        if size is None:
            return
        # As Torch computes it, to tell what it would refuse.
        length = self.length if self.length > 0 else size - self.offset + self.length + 2
        first = self.offset
        if first < 0:
            first, length = 1, size - length
        if length < 1 or first + length - 1 > size:
            raise ShapeMismatch(
                f"takes {length} slices from number {first} of {size} along dimension "
                f"{self.dimension}",
                fix=f"the run must lie between 1 and {size}",
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The slices."""
        return x[(*[slice(None)] * self.axis(x), self.run())]


class Index(Module):
    """Slices picked by a tensor of indices: ``y[b, i] = x[b, index[b, i]]`` along a dimension.

    Torch has one list of indices for everything; here every sample has its own.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted;
            negative counts from the end.

    Shapes:
        A table of ``(batch, ..., n, ...)`` and indices ``(batch, k)``, counted from 1 ->
        ``(batch, ..., k, ...)``.

    Raises:
        GraphError: `dimension` is no integer or is 0; at lowering, no such table or dimension.

    Reference: torch/nn Index.lua.
    """

    keras_name = "(ops.take_along_axis)"

    def __init__(self, dimension: int) -> None:
        self.dimension = nonzero(dimension, "Index", "dimension")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Index:
        if fields.batched:
            raise UnsupportedTorch(
                f"{fields.class_name} works along dimension 1 of its indices, which have no "
                f"batch in Torch; load it as fed single samples (batched=False)"
            )
        return cls(fields.dimension())

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 2 or any(is_table(leaf) for leaf in x):
            raise ShapeMismatch(
                "takes a table of a tensor and indices", expected="a table of 2 tensors"
            )
        per_sample(self.dimension, len(x[0].shape))
        keras_axis(self.dimension, len(x[0].shape))
        if len(x[1].shape) != 2:
            raise ShapeMismatch(
                "takes one list of indices for each sample", expected="indices (None, k)"
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The slices."""
        x, indices = x
        rank = len(x.shape)
        axis = keras_axis(self.dimension, rank)
        places = ops.cast(indices, "int32") - 1
        for other in range(1, rank):
            if other != axis:
                places = ops.expand_dims(places, other)
        return ops.take_along_axis(x, places, axis=axis)


class MaskedSelect(Module):
    """The values where a mask is not 0, as one row, in Torch's order.

    The batch disappears, as in Torch: the result has one value for each 1 in all the masks.

    Args:
        fed: None, or how a model that comes from a Torch file was fed, as of `View`. What was
            fed single samples takes a batch of one here, and keeps it.

    Shapes:
        A table of ``(batch, ...)`` and a mask of the same shape -> ``(number of ones,)``.

    Raises:
        GraphError: At lowering, it is not fed such a table.

    Reference: torch/nn MaskedSelect.lua.
    """

    keras_name = "(ops.nonzero, ops.take)"
    supports_jit = False

    def __init__(self, *, fed: str | None = None) -> None:
        self.fed = checked_fed(fed, "MaskedSelect")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> MaskedSelect:
        return cls() if fields.batched else cls(fed=SAMPLES)

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 2 or any(is_table(leaf) for leaf in x):
            raise ShapeMismatch(
                "takes a table of a tensor and a mask", expected="a table of 2 tensors"
            )
        first, mask = (tuple(leaf.shape) for leaf in x)
        if len(first) != len(mask) or any(
            a != b for a, b in zip(first, mask, strict=True) if None not in (a, b)
        ):
            raise ShapeMismatch("takes a mask of the shape of the tensor", expected=first)

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The values."""
        flat, mask = (ops.reshape(permuted(t, to_torch_axes(len(t.shape))), (-1,)) for t in x)
        picked = ops.take(flat, ops.nonzero(mask)[0], axis=0)
        return ops.expand_dims(picked, 0) if self.fed == SAMPLES else picked
