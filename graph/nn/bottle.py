"""`nn.Bottle`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..layout import from_torch_axes, to_torch_axes, torch_shape
from ..table import flatten
from .arguments import integer
from .decorator import Decorator
from .dimension import one_tensor, permuted
from .module import Module, Shape
from .module_layer import ModuleLayer
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["Bottle"]


class Bottle(Decorator):
    """Its child, applied to an input of more dimensions, the first of which are one to the child.

    The first dimensions, batch included, are put together so that `nInputDim` are left; those of
    the child's output are taken apart again.

    Args:
        module: The child.
        nInputDim: How many dimensions the child takes, its batch included. Default: 2.
        nOutputDim: How many it gives, its batch included. Default: `nInputDim`.

    Shapes:
        ``(batch, time, n)`` -> ``(batch, time, m)`` around an ``nn.Linear(n, m)``.

    Raises:
        GraphError: `module` is no module, or a number of dimensions no positive integer; at
            lowering, the child gives another number of dimensions, or does not take the input.

    Reference: torch/nn Bottle.lua.
    """

    keras_name = "its child between (ops.reshape)s"

    def __init__(self, module: Any, nInputDim: int = 2, nOutputDim: int | None = None) -> None:
        super().__init__(module)
        self.nInputDim = integer(nInputDim, "Bottle", "nInputDim")
        given = nInputDim if nOutputDim is None else nOutputDim
        self.nOutputDim = integer(given, "Bottle", "nOutputDim")

    def get_config(self) -> dict[str, Any]:
        return {"nInputDim": self.nInputDim, "nOutputDim": self.nOutputDim}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Bottle:
        sizes = fields.integer("nInputDim", 2), fields.get("nOutputDim")
        return cls(fields.children()[0], *sizes)

    def input_size(self) -> Shape | None:
        return None  # Of any number of dimensions.

    def check(self, x: Any) -> None:
        one_tensor(x)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        rank = len(x.shape)
        if rank <= self.nInputDim:
            return self.lower_child(0, x, scope)
        shape = torch_shape(x.shape)
        fused = rank - self.nInputDim + 1
        inner = self._reshaped(x, scope, (-1, *shape[fused:]), "_together")
        y = self.lower_child(0, inner, scope)
        if isinstance(y, list) or len(y.shape) != self.nOutputDim:
            raise ShapeMismatch(
                f"needs a child that gives {self.nOutputDim} dimensions, batch included; "
                f"{self.modules[0]!r} gives {y if isinstance(y, list) else tuple(y.shape)}",
                fix="state nOutputDim",
            )
        middle, rest = shape[1:fused], torch_shape(y.shape)[1:]
        if None in middle:
            return self._like(x, y, scope, fused)
        return self._reshaped(y, scope, (-1, *middle, *rest), "")

    def _reshaped(self, x: Any, scope: Scope, sizes: Sequence[int | None], suffix: str) -> Any:
        unknown = [i for i, size in enumerate(sizes) if size is None]
        if unknown:
            raise ShapeMismatch(
                "needs the sizes of the dimensions that the child takes",
                fix="state them with graph.Input(shape)",
            )
        return self.apply_layer(
            x,
            scope,
            lambda name: _ReshapingLayer(_TorchReshape(sizes), name=name),
            key=("reshape", tuple(sizes)),
            suffix=suffix,
        )

    def _like(self, x: Any, y: Any, scope: Scope, fused: int) -> Any:
        if scope.stock:
            raise ShapeMismatch(
                "cannot become stock Keras layers while sizes besides the batch are not known",
                fix="state them with graph.Input(shape)",
            )
        return self.apply_layer(
            [x, y],
            scope,
            lambda name: _ReshapingLayer(_Apart(fused), name=name),
            key=("like", fused),
        )


@keras.saving.register_keras_serializable(package="nngraph")
class _ReshapingLayer(ModuleLayer):
    """A layer whose output's shape is stated: found by trial, sizes would have to divide."""

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        assert isinstance(self.module, _Reshaping)
        sizes = self.module.torch_sizes(inputs)
        shape = [sizes[axis] for axis in from_torch_axes(len(sizes))]
        return keras.KerasTensor(shape, dtype=flatten(inputs)[-1].dtype)


class _Reshaping(Module):
    def torch_sizes(self, x: Any) -> list[int | None]:
        """The shape of what `compute` gives for symbolic `x`, in Torch's order."""
        raise NotImplementedError


class _TorchReshape(_Reshaping):
    """Gives a tensor another shape, in Torch's order, batch included."""

    def __init__(self, sizes: Sequence[Any]) -> None:
        self.sizes = list(sizes)

    def torch_sizes(self, x: Any) -> list[int | None]:
        return [None if size == -1 else size for size in self.sizes]

    def compute(self, x: Any, training: bool = False) -> Any:
        return _in_torch_order(x, self.sizes)


class _Apart(_Reshaping):
    """The first dimension of a tensor, taken apart as the first ones of another are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def torch_sizes(self, x: Any) -> list[int | None]:
        like, y = x
        return [*torch_shape(like.shape)[: self.count], *torch_shape(y.shape)[1:]]

    def compute(self, x: Any, training: bool = False) -> Any:
        like, y = x
        sizes = torch_shape(ops.shape(like))
        return _in_torch_order(y, [-1, *sizes[1 : self.count], *torch_shape(y.shape)[1:]])


def _in_torch_order(x: Any, sizes: Sequence[Any]) -> Any:
    x = ops.reshape(permuted(x, to_torch_axes(len(x.shape))), tuple(sizes))
    return permuted(x, from_torch_axes(len(sizes)))
