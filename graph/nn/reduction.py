"""Modules that reduce a tensor along one dimension."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..layout import axes_after_removal, keras_axis
from .dimension import (
    SAMPLES,
    checked_fed,
    fed_of,
    one_tensor,
    per_sample,
    permuted,
    read_dimension,
    sample_rank,
)
from .module import Module
from .select import nonzero
from .torch_fields import TorchFields

__all__ = ["Max", "Mean", "Min", "Sum"]


class _Reduction(Module):
    """A function of the slices along a dimension."""

    def __init__(
        self, dimension: int = 1, nInputDims: int | None = None, *, fed: str | None = None
    ) -> None:
        self.dimension = nonzero(dimension, self.torch_name, "dimension")
        self.nInputDims = sample_rank(nInputDims, self.torch_name, "nInputDims")
        self.fed = checked_fed(fed, self.torch_name)

    @classmethod
    def arguments_from_torch(cls, fields: TorchFields) -> dict[str, Any]:
        """`dimension`, `nInputDims` and `fed` of a Torch object."""
        dimension, counted, fed = read_dimension(fields, default=1)
        if not fields.batched:
            fed = fed_of(fields)  # Torch has no tensor without dimensions; see `keeps_axis`.
        return {"dimension": dimension, "nInputDims": counted, "fed": fed}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> _Reduction:
        return cls(**cls.arguments_from_torch(fields))

    def axis(self, x: Any) -> int:
        """The Keras axis."""
        rank = len(x.shape)
        return keras_axis(per_sample(self.dimension, rank, self.nInputDims, self.fed), rank)

    def keeps_axis(self, x: Any) -> bool:
        """Whether the axis stays, with size 1."""
        return self.fed == SAMPLES and len(x.shape) == 2

    def check(self, x: Any) -> None:
        one_tensor(x)
        self.axis(x)

    def reduced(self, x: Any, axis: int) -> Any:
        """`x` reduced along `axis`, which stays with size 1."""
        raise NotImplementedError

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """`x` reduced."""
        axis = self.axis(x)
        y = self.reduced(x, axis)
        if self.keeps_axis(x):
            return y
        return permuted(ops.squeeze(y, axis), axes_after_removal(len(x.shape), axis))


class Max(_Reduction):
    """Largest value along a dimension, which disappears.

    The gradient goes to the first of several equal values, as in Torch.

    Args:
        dimension: Dimension of one sample, from 1 in Torch's order, the batch not counted;
            negative counts from the end. Default: 1.
        nInputDims: How many dimensions a sample has. Torch tells a batch by it; here it is only
            checked. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., ...)``.

    Raises:
        GraphError: `dimension` is no integer or is 0; at lowering, there is no such dimension, or
            the samples do not have `nInputDims` dimensions.

    Reference: torch/nn Max.lua.
    """

    keras_name = "(ops.argmax, ops.take_along_axis)"

    def reduced(self, x: Any, axis: int) -> Any:
        places = ops.expand_dims(ops.argmax(x, axis=axis), axis)
        return ops.take_along_axis(x, places, axis=axis)


class Min(_Reduction):
    """Smallest value along a dimension, which disappears.

    The gradient goes to the first of several equal values, as in Torch.

    Args:
        dimension: As of `Max`. Default: 1.
        nInputDims: As of `Max`. Default: None.
        fed: As of `Max`.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., ...)``.

    Raises:
        GraphError: As `Max`.

    Reference: torch/nn Min.lua.
    """

    keras_name = "(ops.argmin, ops.take_along_axis)"

    def reduced(self, x: Any, axis: int) -> Any:
        places = ops.expand_dims(ops.argmin(x, axis=axis), axis)
        return ops.take_along_axis(x, places, axis=axis)


class Sum(_Reduction):
    """Sum, or mean, along a dimension.

    Args:
        dimension: As of `Max`. Default: 1.
        nInputDims: As of `Max`. Default: None.
        sizeAverage: Whether to divide by the size of the dimension. Default: False.
        squeeze: Whether the dimension disappears; else it stays with size 1. Default: True.
        fed: As of `Max`.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., ...)``, or ``(batch, ..., 1, ...)``.

    Raises:
        GraphError: As `Max`.

    Reference: torch/nn Sum.lua.
    """

    keras_name = "(ops.sum)"

    def __init__(
        self,
        dimension: int = 1,
        nInputDims: int | None = None,
        sizeAverage: bool = False,
        squeeze: bool = True,
        *,
        fed: str | None = None,
    ) -> None:
        super().__init__(dimension, nInputDims, fed=fed)
        self.sizeAverage = bool(sizeAverage)
        self.squeeze = bool(squeeze)

    @classmethod
    def arguments_from_torch(cls, fields: TorchFields) -> dict[str, Any]:
        return {
            **super().arguments_from_torch(fields),
            "sizeAverage": fields.get("sizeAverage", False),
            "squeeze": fields.get("squeeze", True),
        }

    def keeps_axis(self, x: Any) -> bool:
        return not self.squeeze or super().keeps_axis(x)

    def reduced(self, x: Any, axis: int) -> Any:
        reduce = ops.mean if self.sizeAverage else ops.sum
        return reduce(x, axis=axis, keepdims=True)


class Mean(Sum):
    """Mean along a dimension, which disappears: `Sum` with `sizeAverage`.

    Args:
        dimension: As of `Max`. Default: 1.
        nInputDims: As of `Max`. Default: None.
        sizeAverage: Kept by Torch's files; False makes it a sum. Default: True.
        squeeze: As of `Sum`. Default: True.
        fed: As of `Max`.

    Shapes:
        ``(batch, ..., n, ...)`` -> ``(batch, ..., ...)``.

    Raises:
        GraphError: As `Max`.

    Reference: torch/nn Mean.lua.
    """

    keras_name = "(ops.mean)"

    def __init__(
        self,
        dimension: int = 1,
        nInputDims: int | None = None,
        sizeAverage: bool = True,
        squeeze: bool = True,
        *,
        fed: str | None = None,
    ) -> None:
        super().__init__(dimension, nInputDims, sizeAverage, squeeze, fed=fed)

    @classmethod
    def arguments_from_torch(cls, fields: TorchFields) -> dict[str, Any]:
        # Files older than nn.Sum's argument have a mean without it.
        averages = fields.get("sizeAverage", True)
        return {**super().arguments_from_torch(fields), "sizeAverage": averages}
