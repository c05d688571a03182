"""`nn.View`, `nn.Reshape` and `nn.Collapse`."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ..errors import GraphError
from ..layout import from_torch_axes, to_torch_axes, torch_shape
from ..origin import caller_origin
from .arguments import integer
from .dimension import SAMPLES, checked_fed, fed_of, is_identity, one_tensor, permuted
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields
from .view_rules import Shape, Sizes, collapsed, filled, of_sample, product, reshaped, viewed

__all__ = ["Collapse", "Reshape", "View"]


class _Reshaping(Module):
    """Gives the values of a sample, or of the whole batch, another shape in Torch's order."""

    keras_name = "Permute, Reshape"
    fed: str | None

    def sample_sizes(self, sample: Shape) -> Sizes:
        """The new sizes of a sample of this shape, if the module is not of a Torch file."""
        raise NotImplementedError

    def whole_sizes(self, shape: Shape) -> Sizes:
        """The new sizes that Torch gives a tensor of this shape, as a whole."""
        raise NotImplementedError

    def target(self, x: Any) -> tuple[bool, Sizes]:
        """Whether the batch stays, and the new sizes: of a sample if so, else of everything.

        Raises:
            ShapeMismatch: `x` cannot have them.
        """
        one_tensor(x)
        sample = torch_shape(x.shape)[1:]
        if self.fed is None:
            return True, self.sample_sizes(sample)
        if self.fed == SAMPLES:
            return True, self.whole_sizes(sample)
        sizes = self.whole_sizes((None, *sample))
        if sizes[0] == -1 and (-1 in sizes[1:] or math.prod(sizes[1:]) == product(sample)):
            return True, sizes[1:]
        return False, sizes

    def check(self, x: Any) -> None:
        self.target(x)

    def lower(self, x: Any, scope: Scope) -> Any:
        batch_stays, sizes = self.target(x)
        if not batch_stays:
            return self.apply_layer(x, scope)
        before, after = to_torch_axes(len(x.shape)), from_torch_axes(len(sizes) + 1)
        moved_in = not is_identity(before) and any(s != 1 for s in x.shape[1:-1])
        moved_out = not is_identity(after)
        if moved_in:
            x = self._permute(x, scope, before, "_torch_order")
        x = self.apply_layer(
            x,
            scope,
            lambda name: keras.layers.Reshape(sizes, name=name),
            key=("reshape", sizes),
            suffix="_torch_shape" if moved_out else "",
        )
        return self._permute(x, scope, after, "") if moved_out else x

    def _permute(self, x: Any, scope: Scope, axes: list[int], suffix: str) -> Any:
        return self.apply_layer(
            x,
            scope,
            lambda name: keras.layers.Permute(tuple(axes[1:]), name=name),
            key=("permute", tuple(axes)),
            suffix=suffix,
        )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """Everything in another shape, the batch as well."""
        sizes = self.target(x)[1]
        x = ops.reshape(permuted(x, to_torch_axes(len(x.shape))), sizes)
        return permuted(x, from_torch_axes(len(sizes)))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> _Reshaping:
        sizes = config.get("sizes", [])
        return cls(*sizes, **{name: v for name, v in config.items() if name != "sizes"})


class View(_Reshaping):
    """Gives each sample another shape, its values in Torch's order (planes, height, width).

    Becomes `keras.layers.Reshape`, with a `keras.layers.Permute` before it where the input, and
    after it where the output, is an image: a feature map is flattened plane by plane as in Torch,
    so that imported weights fit unchanged.

    Args:
        *sizes: Sizes of one sample in Torch's order. One may be -1: it takes what is left. A
            leading -1 whose rest fills a sample stands for the batch, as in ``View(-1, 9216)``,
            unless `setNumInputDims` says that it belongs to the sample.
        numInputDims: As `setNumInputDims`. Default: None.
        fed: None, or how a model that comes from a Torch file was fed: "batches" or "samples".
            Then the sizes mean what they mean to Torch, where they may merge or divide batches.

    Shapes:
        ``(batch, ...)`` -> ``(batch, *sizes)``; sizes of an image are given as planes, height,
        width and the result is ``(batch, height, width, planes)``.

    Raises:
        GraphError: A size is neither positive nor the one -1; at lowering, the sizes do not fill
            a sample.

    Reference: torch/nn View.lua.
    """

    def __init__(
        self, *sizes: int, numInputDims: int | None = None, fed: str | None = None
    ) -> None:
        self.sizes = checked_sizes(self.torch_name, sizes)
        self.fed = checked_fed(fed, self.torch_name)
        self.numInputDims = numInputDims
        if numInputDims is not None:
            self.setNumInputDims(numInputDims)

    def setNumInputDims(self, n: int) -> View:
        """How many dimensions a sample has. Kept for ported code: the batch is always apart here.

        Returns:
            The module itself.
        """
        self.numInputDims = integer(n, self.torch_name, "numInputDims")
        return self

    def sample_sizes(self, sample: Shape) -> Sizes:
        return of_sample(sample, self.sizes, leads=self.numInputDims is None)

    def whole_sizes(self, shape: Shape) -> Sizes:
        return viewed(shape, self.sizes, self.numInputDims)

    def get_config(self) -> dict[str, Any]:
        return {"sizes": list(self.sizes), "numInputDims": self.numInputDims, "fed": self.fed}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> View:
        counted = fields.integer("numInputDims") if "numInputDims" in fields else None
        return cls(*torch_sizes(fields), numInputDims=counted, fed=fed_of(fields))


class Reshape(_Reshaping):
    """As `View`: gives each sample another shape, its values in Torch's order.

    Args:
        *sizes: Sizes of one sample in Torch's order. One may be -1. A boolean at the end is
            `batchMode`, as in Torch.
        batchMode: Torch's way to say whether there is a batch; there always is one here. Kept,
            without effect. Default: None.
        fed: As of `View`: what comes from a Torch file obeys `batchMode`.

    Shapes:
        ``(batch, ...)`` -> ``(batch, *sizes)``, laid out as by `View`.

    Raises:
        GraphError: As `View`.

    Reference: torch/nn Reshape.lua.
    """

    def __init__(self, *sizes: Any, batchMode: bool | None = None, fed: str | None = None) -> None:
        if sizes and isinstance(sizes[-1], bool):
            sizes, batchMode = sizes[:-1], sizes[-1]
        self.sizes = checked_sizes(self.torch_name, sizes)
        self.batchMode = None if batchMode is None else bool(batchMode)
        self.fed = checked_fed(fed, self.torch_name)

    def sample_sizes(self, sample: Shape) -> Sizes:
        return of_sample(sample, self.sizes, leads=True)

    def whole_sizes(self, shape: Shape) -> Sizes:
        return reshaped(shape, self.sizes, self.batchMode)

    def get_config(self) -> dict[str, Any]:
        return {"sizes": list(self.sizes), "batchMode": self.batchMode, "fed": self.fed}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Reshape:
        return cls(*torch_sizes(fields), batchMode=fields.get("batchMode"), fed=fed_of(fields))


class Collapse(_Reshaping):
    """Flattens each sample, its values in Torch's order; becomes `keras.layers.Reshape`.

    Args:
        nInputDim: How many dimensions a sample has. Torch tells a batch by it; there always is
            one here.
        fed: As of `View`: a Torch file's module merges what has no more than `nInputDim`
            dimensions, batch included, to one.

    Shapes:
        ``(batch, ...)`` -> ``(batch, values of a sample)``.

    Raises:
        GraphError: `nInputDim` is not a positive integer; at lowering, a table.

    Reference: torch/nn Collapse.lua.
    """

    def __init__(self, nInputDim: int, *, fed: str | None = None) -> None:
        self.nInputDim = integer(nInputDim, "Collapse", "nInputDim")
        self.fed = checked_fed(fed, "Collapse")

    def sample_sizes(self, sample: Shape) -> Sizes:
        return filled(sample, (-1,))

    def whole_sizes(self, shape: Shape) -> Sizes:
        return collapsed(shape, self.nInputDim)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Collapse:
        return cls(fields.integer("nInputDim"), fed=fed_of(fields))


def checked_sizes(module: str, sizes: Any) -> Sizes:
    """The sizes that a module was given, one by one or as one list.

    Raises:
        GraphError: One is neither positive nor the one -1.
    """
    if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)):
        sizes = sizes[0]
    checked = tuple(integer(s, module, "size", least=-1) for s in sizes)
    if not checked or 0 in checked or checked.count(-1) > 1:
        raise GraphError(
            f"nn.{module}: sizes must be positive, one of them may be -1, "
            f"got {checked} ({caller_origin()})"
        )
    return checked


def torch_sizes(fields: TorchFields) -> list[int]:
    """The sizes that a Torch View or Reshape holds."""
    return [int(size) for size in fields["size"].data]
