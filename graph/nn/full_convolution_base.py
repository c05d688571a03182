"""Transposed convolution over any number of sides, which Torch's classes specialise."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .convolution_base import AnyConvolution
from .image import check_maps, per_side
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["AnyFullConvolution"]


class AnyFullConvolution(AnyConvolution):
    """Transposed convolution, its output cut and lengthened as Torch does.

    A subclass states its sides and the Keras layers, and sets ``kH``, ``dH``, ``padH`` and ``adjH``
    for each.
    """

    cropping_class: ClassVar[Any]

    def check_adj(self) -> None:
        """Refuse what lengthens by a whole step.

        Raises:
            GraphError: It does.
        """
        for side, adj, step in zip(self.sides, self._own_adj, self.steps, strict=True):
            if adj >= step:
                raise GraphError(
                    f"nn.{self.torch_name}: adj{side} must be less than d{side}, got {adj} and "
                    f"{step}, {caller_origin()}"
                )

    @property
    def _own_adj(self) -> tuple[int, ...]:
        return per_side(self, "adj", self.sides)

    def _adj(self, x: Any) -> tuple[int, ...]:
        """How much each output side is longer than it must be."""
        if not is_table(x):
            return self._own_adj
        targets = x[1].shape[1:-1]
        if len(targets) != len(self.sides) or None in targets:
            raise ShapeMismatch(
                "takes the size of its output from the second tensor of a table, and that is not "
                "known",
                fix="state it with graph.Input(shape)",
            )
        parts = zip(targets, self.pads, self.kernel, self.steps, strict=True)
        return tuple((t + 2 * p - k) % d for t, p, k, d in parts)

    def check(self, x: Any) -> None:
        if is_table(x):
            if len(x) != 2 or any(map(is_table, x)):
                raise ShapeMismatch("takes one tensor, or a table of it and one of the wanted size")
            x, adj = x[0], self._adj(x)
        else:
            adj = self._own_adj
        parts = zip(self.pads, self.kernel, adj, self.steps, strict=True)
        least = [max(math.ceil((1 + 2 * p - k - a) / d) + 1, 1) for p, k, a, d in parts]
        check_maps(x, self.sides, planes=self.planes[0], least=least)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        adj = self._adj(x)
        if is_table(x):
            x = self.apply_layer(
                x,
                scope,
                lambda name: ModuleLayer(_Beside(), name=name),
                key="sized",
                suffix="_sized",
            )
        # Keras's layer fills each step, which is more than Torch where a kernel is shorter.
        spare = [max(d - k, 0) for d, k in zip(self.steps, self.kernel, strict=True)]
        sides = list(zip(adj, self.pads, spare, self.steps, strict=True))
        longer = [int(a > p + s) for a, p, s, _ in sides]
        if any(longer):
            # One more zero at the end is one more step of nothing but bias.
            borders = tuple((0, n) for n in longer)
            x = self.apply_layer(
                x,
                scope,
                lambda name: self.padding_class(borders, name=name),
                key=("pad", borders),
                suffix="_pad",
            )
        x = self.apply_layer(x, scope)
        crops = tuple((p, n * d + s + p - a) for n, (a, p, s, d) in zip(longer, sides, strict=True))
        if not any(map(any, crops)):
            return x
        return self.apply_layer(
            x,
            scope,
            lambda name: self.cropping_class(crops, name=name),
            key=("crop", crops),
            suffix="_crop",
        )

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return self.layer_class(
            self.planes[1],
            self.kernel,
            strides=self.steps,
            use_bias=self.bias,
            kernel_initializer=self.initial(),
            bias_initializer=self.initial(),
            name=name,
        )

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        arguments = {name: fields.integer(name) for name in ("nInputPlane", "nOutputPlane")}
        for side in cls.sides:
            arguments["k" + side] = fields.integer("k" + side)
            arguments["d" + side] = fields.integer("d" + side, 1)
            # Old files of the volumetric one have pW and no adjW.
            old = fields.integer("p" + side, 0)
            arguments["pad" + side] = fields.integer("pad" + side, old)
            arguments["adj" + side] = fields.integer("adj" + side, 0)
        return cls(**arguments, bias="bias" in fields)

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return array
        kernel = array.reshape(*self.planes, *self.kernel)
        return np.moveaxis(kernel, (0, 1), (-1, -2))


class _Beside(Module):
    """The first of two tensors; Keras wants every input to have a part in the output."""

    def __init__(self) -> None:
        pass

    def compute(self, x: Any, training: bool = False) -> Any:
        one = (slice(None), *(slice(0, 1),) * (len(x[1].shape) - 1))
        return x[0] + ops.zeros_like(x[1][one])
