"""`nn.Transpose`."""

from __future__ import annotations

from typing import Any

import keras

from ..errors import GraphError, ShapeMismatch
from ..layout import from_torch_axes, to_torch_axes
from ..origin import caller_origin
from .arguments import integer
from .dimension import along_the_batch, checked_fed, fed_of, is_identity, one_tensor, torch_rank
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["Transpose"]


class Transpose(Module):
    """Swaps pairs of dimensions, one pair after another; becomes `keras.layers.Permute`.

    Args:
        *permutations: Pairs of dimensions of one sample, from 1 in Torch's order, the batch not
            counted: ``nn.Transpose((1, 2), (1, 3))``.
        numInputDims: As `setNumInputDims`. Default: None.
        fed: None, or how a model that comes from a Torch file was fed, as of `View`.

    Shapes:
        A sample of sizes ``s1 x s2 x ...`` (planes, height, width) -> one of the same sizes in
        another order, laid out as its rank asks.

    Raises:
        GraphError: A pair is not two positive integers; at lowering, there is no such dimension.

    Reference: torch/nn Transpose.lua.
    """

    keras_name = "Permute"

    def __init__(
        self, *permutations: Any, numInputDims: int | None = None, fed: str | None = None
    ) -> None:
        self.permutations = [_pair(pair) for pair in permutations]
        self.fed = checked_fed(fed, "Transpose")
        self.numInputDims: int | None = None
        if numInputDims is not None:
            self.setNumInputDims(numInputDims)

    def setNumInputDims(self, numInputDims: int) -> Transpose:
        """State how many dimensions a sample has; returns the module itself.

        Kept for ported code: the batch is never counted here.
        """
        self.numInputDims = integer(numInputDims, "Transpose", "numInputDims")
        return self

    def get_config(self) -> dict[str, Any]:
        pairs = [list(pair) for pair in self.permutations]
        return {"permutations": pairs, "numInputDims": self.numInputDims, "fed": self.fed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Transpose:
        config = dict(config)
        return cls(*config.pop("permutations"), **config)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Transpose:
        pairs = [_pair(pair) for pair in fields.get("permutations", [])]
        counted = fields.integer("numInputDims") if "numInputDims" in fields else None
        module = cls(*pairs, numInputDims=counted, fed=fed_of(fields))
        top = max((max(pair) for pair in pairs), default=1)
        if counted is None and fields.batched and _swapped(top, pairs, 0)[0] != 0:
            raise UnsupportedTorch(
                f"{fields.class_name} works along dimension 1, which is the batch when it is fed "
                f"batches; load it as fed single samples (batched=False)"
            )
        return module

    def torch_axes(self, rank: int) -> list[int]:
        """The permutation of a tensor in Torch's order, batch first.

        Raises:
            ShapeMismatch: There is no such dimension, or the batch would move.
        """
        offset, first = 0, 1
        if self.fed is None:
            if self.numInputDims not in (None, rank - 1):
                raise ShapeMismatch(
                    f"is told of samples of {self.numInputDims} dimensions, these have {rank - 1}"
                )
        else:
            counted = torch_rank(rank, self.fed)
            first = rank - counted
            offset = 0 if self.numInputDims is None else counted - self.numInputDims
        places = [place + offset for pair in self.permutations for place in pair]
        if places and not 1 <= min(places) <= max(places) <= rank - first:
            raise ShapeMismatch(
                f"swaps dimensions {', '.join(map(str, self.permutations))}: a sample has "
                f"{rank - 1}",
                fix="count the dimensions of one sample from 1, the batch not counted",
            )
        swapped = _swapped(rank - first, self.permutations, offset)
        axes = [*range(first), *(a + first for a in swapped)]
        if axes[0] != 0:
            raise along_the_batch(1)
        return axes

    def keras_axes(self, rank: int) -> list[int]:
        """The permutation of a tensor in Keras's layout."""
        there, swapped, back = to_torch_axes(rank), self.torch_axes(rank), from_torch_axes(rank)
        return [there[swapped[a]] for a in back]

    def check(self, x: Any) -> None:
        one_tensor(x)
        self.torch_axes(len(x.shape))

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        axes = self.keras_axes(len(x.shape))
        if is_identity(axes):
            identity = keras.layers.Identity
            return self.apply_layer(x, scope, lambda name: identity(name=name), key="identity")
        permute = keras.layers.Permute
        return self.apply_layer(
            x, scope, lambda name: permute(tuple(axes[1:]), name=name), key=tuple(axes)
        )


def _pair(pair: Any) -> tuple[int, int]:
    if not isinstance(pair, (list, tuple)) or len(pair) != 2:
        raise GraphError(
            f"nn.Transpose: a permutation must be a pair of dimensions such as (1, 2), "
            f"got {pair!r}, {caller_origin()}"
        )
    return (integer(pair[0], "Transpose", "dimension"), integer(pair[1], "Transpose", "dimension"))


def _swapped(count: int, pairs: list[tuple[int, int]], offset: int) -> list[int]:
    axes = list(range(count))
    for a, b in pairs:
        i, j = a + offset - 1, b + offset - 1
        axes[i], axes[j] = axes[j], axes[i]
    return axes
