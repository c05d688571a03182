"""Modules that add dimensions to a sample or take them away."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..layout import from_torch_axes, keras_axis, to_torch_axes
from .arguments import integer
from .dimension import (
    SAMPLES,
    along_the_batch,
    axes_of_insertion,
    checked_fed,
    fed_of,
    one_tensor,
    per_sample,
    permuted,
    read_dimension,
    sample_rank,
    torch_rank,
)
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["Replicate", "Squeeze", "Unsqueeze"]


class Squeeze(Module):
    """Takes dimensions of size 1 away: ``(batch, 1, n)`` -> ``(batch, n)``.

    Args:
        dim: Dimension of one sample, from 1 in Torch's order; if its size is not 1 nothing
            happens. Default: None, all of size 1.
        numInputDims: How many dimensions a sample has. Torch tells a batch by it. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        A sample without these dimensions; the batch stays.

    Raises:
        GraphError: `dim` is not a positive integer; at lowering, there is no such dimension, or
            its size is not known.

    Reference: torch/nn Squeeze.lua.
    """

    keras_name = "(ops.squeeze)"

    def __init__(
        self, dim: int | None = None, numInputDims: int | None = None, *, fed: str | None = None
    ) -> None:
        self.dim = None if dim is None else integer(dim, "Squeeze", "dim")
        self.numInputDims = sample_rank(numInputDims, "Squeeze", "numInputDims")
        self.fed = checked_fed(fed, "Squeeze")

    def setNumInputDims(self, numInputDims: int | None) -> Squeeze:
        """State how many dimensions a sample has; returns the module itself."""
        self.numInputDims = sample_rank(numInputDims, "Squeeze", "numInputDims")
        return self

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Squeeze:
        if "dim" in fields:
            dim, counted, fed = read_dimension(fields, "dim", "numInputDims")
            return cls(dim, counted, fed=fed if fields.batched else SAMPLES)
        return cls(None, fields.get("numInputDims"), fed=fed_of(fields))

    def gone(self, x: Any) -> list[int]:
        """The axes that disappear.

        Raises:
            ShapeMismatch: There is no such dimension, or its size is not known.
        """
        one_tensor(x)
        rank = len(x.shape)
        if self.dim is not None:
            axis = keras_axis(per_sample(self.dim, rank, self.numInputDims, self.fed), rank)
            if x.shape[axis] is None:
                raise ShapeMismatch(
                    f"cannot tell whether dimension {self.dim} (axis {axis}) has size 1",
                    fix="state it with graph.Input(shape)",
                )
            gone = [axis] if x.shape[axis] == 1 else []
            return [] if self.fed == SAMPLES and rank == 2 else gone
        axes = to_torch_axes(rank)[1:]
        if self.fed == SAMPLES and self.numInputDims == rank - 2 and x.shape[axes[0]] == 1:
            axes = axes[1:]  # Torch takes the first for the batch.
        gone = [axis for axis in axes if x.shape[axis] == 1]
        # Torch has no tensor without dimensions, so a single sample keeps one.
        return gone[1:] if self.fed == SAMPLES and len(gone) == len(axes) else gone

    def check(self, x: Any) -> None:
        self.gone(x)

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """`x` without the axes."""
        gone, rank = self.gone(x), len(x.shape)
        if not gone:
            return x
        left = [a for a in to_torch_axes(rank) if a not in gone]
        wanted = [left[a] for a in from_torch_axes(rank - len(gone))]
        present = sorted(wanted)
        return permuted(ops.squeeze(x, axis=tuple(gone)), [present.index(a) for a in wanted])


class _Inserting(Module):
    """Gives a sample a new dimension."""

    fed: str | None

    def place_given(self) -> tuple[int, int | None]:
        """The place that was asked for, and how many dimensions a sample was said to have."""
        raise NotImplementedError

    def torch_place(self, rank: int) -> int:
        """Where Torch puts the new dimension in a tensor of `rank` dimensions."""
        raise NotImplementedError

    def place(self, x: Any) -> int:
        """Where the new dimension of a sample stands, from 1 in Torch's order."""
        one_tensor(x)
        rank = len(x.shape)
        if self.fed is None:
            place, counted = self.place_given()
            return per_sample(place, rank, counted)
        place = self.torch_place(torch_rank(rank, self.fed))
        if self.fed == SAMPLES:
            return place
        if place == 1:
            raise along_the_batch(1)
        return place - 1

    def check(self, x: Any) -> None:
        place = self.place(x)
        axes_of_insertion(len(x.shape), place)

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """`x` with a new axis of size 1."""
        axes, axis = axes_of_insertion(len(x.shape), self.place(x))
        return ops.expand_dims(permuted(x, axes), axis)


class Unsqueeze(_Inserting):
    """Gives a sample one more dimension, of size 1: ``(batch, n)`` -> ``(batch, 1, n)``.

    Args:
        pos: Where the new dimension stands afterwards, from 1 in Torch's order, the batch not
            counted.
        numInputDims: How many dimensions a sample has. Torch tells a batch by it. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        ``(batch, ...)`` -> ``(batch, ..., 1, ...)``.

    Raises:
        GraphError: `pos` is not a positive integer; at lowering, there is no such place.

    Reference: torch/nn Unsqueeze.lua.
    """

    keras_name = "(ops.expand_dims)"

    def __init__(
        self, pos: int, numInputDims: int | None = None, *, fed: str | None = None
    ) -> None:
        self.pos = integer(pos, "Unsqueeze", "pos")
        self.numInputDims = sample_rank(numInputDims, "Unsqueeze", "numInputDims")
        self.fed = checked_fed(fed, "Unsqueeze")

    def setNumInputDims(self, numInputDims: int | None) -> Unsqueeze:
        """State how many dimensions a sample has; returns the module itself."""
        self.numInputDims = sample_rank(numInputDims, "Unsqueeze", "numInputDims")
        return self

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Unsqueeze:
        # Torch writes into numInputDims what it was fed first, the batch counted, so that only
        # the input's rank can tell what a place means.
        if "numInputDims" in fields:
            pos, counted = fields.integer("pos"), fields.integer("numInputDims")
            return cls(pos, counted, fed=fed_of(fields))
        return cls(fields.dimension("pos", "numInputDims"))

    def place_given(self) -> tuple[int, int | None]:
        return self.pos, self.numInputDims

    def torch_place(self, rank: int) -> int:
        return self.pos + (0 if self.numInputDims is None else rank - self.numInputDims)


class Replicate(_Inserting):
    """Repeats a sample `nf` times along a new dimension; `keras.layers.RepeatVector` for vectors.

    Args:
        nf: How many times.
        dim: Where the new dimension stands afterwards, from 1 in Torch's order, the batch not
            counted. Default: 1.
        ndim: How many dimensions a sample has. Torch tells a batch by it. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        ``(batch, ...)`` -> ``(batch, ..., nf, ...)``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, there is no such place.

    Reference: torch/nn Replicate.lua.
    """

    keras_name = "RepeatVector, or (ops.repeat)"

    def __init__(
        self, nf: int, dim: int = 1, ndim: int | None = None, *, fed: str | None = None
    ) -> None:
        self.nf = integer(nf, "Replicate", "nf")
        self.dim = integer(dim, "Replicate", "dim")
        self.ndim = sample_rank(ndim, "Replicate", "ndim")
        self.fed = checked_fed(fed, "Replicate")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Replicate:
        dim, counted, fed = read_dimension(fields, "dim", "ndim", default=1)
        return cls(fields.integer("nfeatures"), dim, counted, fed=fed)

    def place_given(self) -> tuple[int, int | None]:
        return self.dim, self.ndim

    def torch_place(self, rank: int) -> int:
        return self.dim + (self.ndim is not None and rank > self.ndim)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if len(x.shape) == 2 and self.place(x) == 1:
            repeat = keras.layers.RepeatVector
            return self.apply_layer(x, scope, lambda name: repeat(self.nf, name=name), key="rows")
        return self.apply_layer(x, scope)

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """`x` repeated along the new axis."""
        axis = axes_of_insertion(len(x.shape), self.place(x))[1]
        return ops.repeat(super().compute(x), self.nf, axis=axis)
