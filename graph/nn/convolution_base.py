"""Convolution over any number of sides, which the classes of Torch's names specialise."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np

from .image import check_maps, per_side
from .initial import torch_uniform
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["AnyConvolution"]


class AnyConvolution(Module):
    """Convolution (cross-correlation) with steps, padding and dilation along each side.

    A subclass states its sides and the Keras layers, and sets ``kH``, ``dH``, ``padH``,
    ``dilationH``, ... for each.
    """

    sides: ClassVar[str]
    """Torch's letters of the sides, in Keras's order."""
    layer_class: ClassVar[Any]
    padding_class: ClassVar[Any] = None
    dilated: ClassVar[bool] = False
    grouped: ClassVar[bool] = False

    nInputPlane: int
    nOutputPlane: int
    bias: bool = True
    groups: int = 1

    @property
    def planes(self) -> tuple[int, int]:
        """Planes of the input and of the output."""
        return self.nInputPlane, self.nOutputPlane

    @property
    def kernel(self) -> tuple[int, ...]:
        """Size of the kernel, in Keras's order."""
        return per_side(self, "k", self.sides)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps, in Keras's order."""
        return per_side(self, "d", self.sides)

    @property
    def pads(self) -> tuple[int, ...]:
        """Zeros added on both ends, in Keras's order."""
        return per_side(self, "pad", self.sides) if self.padding_class else (0,) * len(self.sides)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Distances of kernel elements, in Keras's order."""
        return per_side(self, "dilation", self.sides) if self.dilated else (1,) * len(self.sides)

    @property
    def _reach(self) -> tuple[int, ...]:
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def noBias(self) -> Any:
        """Drop the bias; returns the module itself."""
        self.bias = False
        return self

    def check(self, x: Any) -> None:
        least = [max(r - 2 * p, 1) for r, p in zip(self._reach, self.pads, strict=True)]
        check_maps(x, self.sides, planes=self.planes[0], least=least, window=self._reach)

    @property
    def is_same(self) -> bool:
        """Whether Keras's padding "same" is this one."""
        halves = all(2 * p == r - 1 for p, r in zip(self.pads, self._reach, strict=True))
        return halves and max(self.steps) == 1

    @property
    def stages(self) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
        """What of the steps is left out before, taken by, and left out after the convolution.

        Keras convolves with steps or with dilation, not with both; and TensorFlow on a CPU gives
        wrong numbers in float32 for steps that are not equal.
        """
        before = tuple(math.gcd(d, r) for d, r in zip(self.steps, self.dilation, strict=True))
        rest = tuple(d // b for d, b in zip(self.steps, before, strict=True))
        at_once = 1 if self._dilation_left(before) else math.gcd(*rest)
        return before, (at_once,) * len(rest), tuple(d // at_once for d in rest)

    def _dilation_left(self, before: tuple[int, ...]) -> bool:
        return any(r > b for r, b in zip(self.dilation, before, strict=True))

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if any(self.pads) and not self.is_same:
            x = self.apply_layer(
                x,
                scope,
                lambda name: self.padding_class(self.pads, name=name),
                key="pad",
                suffix="_pad",
            )
        before, _, after = self.stages
        x = self._thinned(x, before, scope, "_thin")
        return self._thinned(self.apply_layer(x, scope), after, scope, "_step")

    def _thinned(self, x: Any, steps: tuple[int, ...], scope: Scope, suffix: str) -> Any:
        if max(steps) == 1:
            return x

        def make(name: str) -> keras.layers.Layer:
            if len(steps) == 2:
                return keras.layers.MaxPooling2D(1, strides=steps, name=name)
            return ModuleLayer(_Every(steps), name=name)  # Keras pools no volumes of float64.

        return self.apply_layer(x, scope, make, key=suffix, suffix=suffix)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        before, steps, _ = self.stages
        arguments = {"groups": self.groups} if self.groups > 1 else {}
        return self.layer_class(
            self.planes[1],
            self.kernel,
            strides=steps,
            dilation_rate=tuple(r // b for r, b in zip(self.dilation, before, strict=True)),
            padding="same" if self.is_same else "valid",
            use_bias=self.bias,
            kernel_initializer=self.initial(),
            bias_initializer=self.initial(),
            name=name,
            **arguments,
        )

    def initial(self) -> Any:
        """An initializer of Torch's; each parameter needs its own."""
        return torch_uniform(math.prod(self.kernel) * self.planes[0])

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self.built_layer((None,) * (len(self.sides) + 1) + (self.planes[0],))
        return {"weight": layer.kernel, **({"bias": layer.bias} if self.bias else {})}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        arguments = {name: fields.integer(name) for name in ("nInputPlane", "nOutputPlane")}
        for side in cls.sides:
            arguments["k" + side] = fields.integer("k" + side)
            arguments["d" + side] = fields.integer("d" + side, 1)
            # Files from before padW and padH have one `padding`.
            pad = "padding" if "padding" in fields else "pad" + side
            arguments["pad" + side] = fields.integer(pad, 0)
            if cls.dilated:
                arguments["dilation" + side] = fields.integer("dilation" + side, 1)
        groups = fields.integer("groups", 1)  # Only cudnn's twins have them.
        if groups > 1 and not cls.grouped:
            raise UnsupportedTorch(f"{fields.class_name} has {groups} groups")
        if groups > 1:
            arguments["groups"] = groups
        return cls(**arguments, bias="bias" in fields)

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return array
        # Some files hold the kernel as a matrix, one row an output plane.
        kernel = array.reshape(self.planes[1], self.planes[0] // self.groups, *self.kernel)
        return np.moveaxis(kernel, (0, 1), (-1, -2))

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array if name == "bias" else np.moveaxis(array, (-1, -2), (0, 1))


class _Every(Module):
    """Every so many elements along each side."""

    def __init__(self, steps: Any) -> None:
        self.steps = tuple(steps)

    def compute(self, x: Any, training: bool = False) -> Any:
        return x[(slice(None), *(slice(None, None, step) for step in self.steps))]
