"""Learnt numbers, added to the values of a sample or multiplied with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..layout import from_torch_axes, torch_shape
from ..origin import caller_origin
from .arguments import integer
from .dimension import permuted
from .initial import torch_uniform
from .module_layer import ParameterSpec
from .pointwise import Pointwise
from .torch_fields import TorchFields

__all__ = ["Add", "CAdd", "CMul", "Mul"]

Shape = Sequence[int | None]


class Add(Pointwise):
    """``x + bias``: one number for each value of a sample, or one for all.

    Args:
        inputSize: Number of values of a sample.
        scalar: Whether one number is added to all. Default: False.

    Shapes:
        Samples of `inputSize` values (any, if `scalar`) -> the same. The numbers lie over a
        sample in Torch's order (planes, height, width).

    Raises:
        GraphError: `inputSize` is not a positive integer; at lowering, a sample has not as many
            values.

    Reference: torch/nn Add.lua.
    """

    keras_name = "(ops.add)"

    def __init__(self, inputSize: int, scalar: bool = False) -> None:
        self.inputSize = integer(inputSize, "Add", "inputSize")
        self.scalar = bool(scalar)

    @property
    def _count(self) -> int:
        return 1 if self.scalar else self.inputSize

    def parameter_specs(self) -> list[ParameterSpec]:
        return [ParameterSpec("bias", (self._count,), torch_uniform(self._count))]

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Add:
        return cls(fields["bias"].size, fields.get("scalar", False))

    def parameter_from_torch(self, name: str, array: Any) -> Any:
        return array.reshape(-1)

    def check(self, x: Any) -> None:
        super().check(x)
        if not self.scalar and _flat(self.inputSize, x.shape) is None:
            raise ShapeMismatch(
                f"takes samples of {self.inputSize} values",
                fix="state the sizes with graph.Input(shape)" if None in x.shape[1:] else None,
            )

    def compute(self, x: Any, training: bool = False, bias: Any = None) -> Any:
        """The sum."""
        return x + (bias if self.scalar else _laid(bias, _flat(self.inputSize, x.shape)))


class Mul(Pointwise):
    """``weight * x`` with one learnt number.

    Reference: torch/nn Mul.lua.
    """

    keras_name = "(ops.multiply)"

    def parameter_specs(self) -> list[ParameterSpec]:
        return [ParameterSpec("weight", (1,), torch_uniform(1))]

    def compute(self, x: Any, training: bool = False, weight: Any = None) -> Any:
        """The product."""
        return x * weight


class _Componentwise(Pointwise):
    """Learnt numbers of a shape of their own, the parameter `parameter`."""

    parameter: str

    def __init__(self, *size: int) -> None:
        if len(size) == 1 and isinstance(size[0], (list, tuple)):
            size = tuple(size[0])
        if not size:
            raise GraphError(f"nn.{self.torch_name} needs a size, got none ({caller_origin()})")
        self.size = tuple(integer(s, self.torch_name, "size") for s in size)

    def get_config(self) -> dict[str, Any]:
        return {"size": list(self.size)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(*config["size"])

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        return cls(*fields[cls.parameter].shape)

    def parameter_specs(self) -> list[ParameterSpec]:
        uniform = torch_uniform(math.prod(self.size))
        return [ParameterSpec(self.parameter, self.size, uniform)]

    def check(self, x: Any) -> None:
        super().check(x)
        if self._target(x) is None:
            sizes = " x ".join(map(str, self.size))
            sample = " x ".join("?" if s is None else str(s) for s in torch_shape(x.shape)[1:])
            raise ShapeMismatch(
                f"has {sizes} numbers, which do not lie over a sample of {sample} (Torch order)",
                fix="give the sizes of a sample, or as many sizes as there are dimensions, "
                "batch first, with 1 where one number serves all",
            )

    def _target(self, x: Any) -> Shape | None:
        """The shape to give the numbers so that they lie over `x`, in Torch's order."""
        shape = torch_shape(x.shape)
        whole = None if None in shape[1:] else _flat(math.prod(self.size), x.shape)
        if whole is not None:
            return whole
        for target in (self.size, (1, *self.size)):
            if len(target) == len(shape) and all(
                mine in (1, its) or its is None for mine, its in zip(target, shape, strict=True)
            ):
                return target
        return _flat(math.prod(self.size), x.shape)

    def laid(self, numbers: Any, x: Any) -> Any:
        """The parameter, laid over `x`."""
        return _laid(numbers, self._target(x))


class CAdd(_Componentwise):
    """``x + bias`` with learnt numbers that are repeated where their size is 1.

    Args:
        *size: Sizes of the numbers in Torch's order: either those of one sample, or one for
            each dimension with the batch first, as ``nn.CAdd(1, 5, 1, 1)`` for images of 5 planes.

    Shapes:
        Any shape that the numbers can lie over -> the same.

    Raises:
        GraphError: No size, or one that is not a positive integer; at lowering, the numbers do
            not lie over a sample.

    Reference: torch/nn CAdd.lua.
    """

    keras_name = "(ops.add)"
    parameter = "bias"

    def compute(self, x: Any, training: bool = False, bias: Any = None) -> Any:
        """The sum."""
        return x + self.laid(bias, x)


class CMul(_Componentwise):
    """``weight * x`` with learnt numbers that are repeated where their size is 1.

    Args:
        *size: Sizes of the numbers in Torch's order, as of `CAdd`.

    Shapes:
        Any shape that the numbers can lie over -> the same.

    Raises:
        GraphError: As `CAdd`.

    Reference: torch/nn CMul.lua.
    """

    keras_name = "(ops.multiply)"
    parameter = "weight"

    def compute(self, x: Any, training: bool = False, weight: Any = None) -> Any:
        """The product."""
        return x * self.laid(weight, x)


def _flat(count: int, shape: Shape) -> Shape | None:
    """The shape of one sample of `shape`, batch of one first, if it holds `count` values.

    In Torch's order. One unknown size is inferred.
    """
    sample = torch_shape(shape)[1:]
    known = math.prod(size for size in sample if size is not None)
    unknown = sample.count(None)
    if unknown > 1 or known == 0 or count % known or (not unknown and count != known):
        return None
    return (1, *(count // known if size is None else size for size in sample))


def _laid(numbers: Any, target: Any) -> Any:
    return permuted(ops.reshape(numbers, target), from_torch_axes(len(target)))
