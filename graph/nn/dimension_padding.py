"""`nn.Padding`."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..layout import keras_axis
from .arguments import integer, number
from .dimension import (
    along_the_batch,
    checked_fed,
    one_tensor,
    per_sample,
    read_dimension,
    sample_rank,
    torch_rank,
)
from .module import Module
from .torch_fields import TorchFields

__all__ = ["Padding"]


class Padding(Module):
    """Puts constant slices into a tensor along one dimension.

    Args:
        dim: Dimension of one sample, from 1 in Torch's order, the batch not counted.
        pad: How many slices: negative before place `index` counted from the start, positive
            after it counted from the end.
        nInputDim: How many dimensions a sample has. Torch tells a batch by it; here it is only
            checked. Default: None.
        value: What the slices hold. Default: 0.
        index: The place, from 1: 1 is outside all slices, 2 is beside the first of them.
            Default: 1.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., n + |pad|, ...)``.

    Raises:
        GraphError: An argument is no number of its kind; at lowering, there is no such dimension
            or place, or the samples do not have `nInputDim` dimensions.

    Reference: torch/nn Padding.lua.
    """

    keras_name = "(ops.pad)"

    def __init__(
        self,
        dim: int,
        pad: int,
        nInputDim: int | None = None,
        value: float = 0,
        index: int = 1,
        *,
        fed: str | None = None,
    ) -> None:
        self.dim = integer(dim, "Padding", "dim")
        self.pad = integer(pad, "Padding", "pad", least=None)
        self.nInputDim = sample_rank(nInputDim, "Padding", "nInputDim")
        self.value = number(value, "Padding", "value")
        self.index = integer(index, "Padding", "index")
        self.fed = checked_fed(fed, "Padding")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Padding:
        dim, counted, fed = read_dimension(fields, "dim", "nInputDim")
        value, index = fields.get("value", 0), fields.integer("index", 1)
        return cls(dim, fields.integer("pad"), counted, value, index, fed=fed)

    def axis(self, x: Any) -> int:
        """The Keras axis."""
        rank = len(x.shape)
        if self.fed is None:
            return keras_axis(per_sample(self.dim, rank, self.nInputDim), rank)
        # Any other number of dimensions tells Torch of a batch here, not only one more.
        counted = torch_rank(rank, self.fed)
        dimension = self.dim + (self.nInputDim not in (None, counted)) - (rank == counted)
        if dimension == 0:
            raise along_the_batch(1)
        return keras_axis(dimension, rank)

    def check(self, x: Any) -> None:
        one_tensor(x)
        size = x.shape[self.axis(x)]
        if size is not None and self.index > size + 1:
            raise ShapeMismatch(
                f"pads at place {self.index} of {size} slices along dimension {self.dim}",
                fix=f"places are counted from 1 to {size + 1}",
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The tensor with the slices."""
        if self.pad == 0:
            return x
        axis = self.axis(x)
        everything = [slice(None)] * axis
        widths = [[0, 0] for _ in x.shape]
        inside = self.index - 1
        if not inside:
            widths[axis] = [0, self.pad] if self.pad > 0 else [-self.pad, 0]
            return ops.pad(x, widths, constant_values=self.value)
        cut = -inside if self.pad > 0 else inside
        widths[axis] = [0, abs(self.pad)]
        first = ops.pad(x[(*everything, slice(None, cut))], widths, constant_values=self.value)
        return ops.concatenate([first, x[(*everything, slice(cut, None))]], axis=axis)
