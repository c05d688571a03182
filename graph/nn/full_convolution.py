"""Transposed convolution, which torch/nn calls full."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
import numpy as np

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .convolution_base import AnyConvolution
from .image import check_maps, per_side, set_integers
from .initial import torch_uniform
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["SpatialFullConvolution", "VolumetricFullConvolution"]


class _FullConvolution(AnyConvolution):
    cropping_class: ClassVar[Any]

    def _check_adj(self) -> None:
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
        x = x[0] if is_table(x) else x
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
        crops = tuple(
            (p, n * d + s + p - a) for n, (a, p, s, d) in zip(longer, sides, strict=True)
        )
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
        uniform = torch_uniform(math.prod(self.kernel) * self.planes[0])
        return self.layer_class(
            self.planes[1],
            self.kernel,
            strides=self.steps,
            use_bias=self.bias,
            kernel_initializer=uniform,
            bias_initializer=uniform,
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


class SpatialFullConvolution(_FullConvolution):
    """2-D transposed convolution; becomes `keras.layers.Conv2DTranspose`.

    Padding is taken off its output by a `Cropping2D`, named ``<name>_crop``. Weights start
    uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Planes of the output.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width, in the output. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Columns taken off on the left and on the right. Default: 0.
        padH: Rows taken off at the top and at the bottom. Default: 0.
        adjW: Columns added on the right, less than `dW`. Default: 0.
        adjH: Rows added at the bottom, less than `dH`. Default: 0.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> ``(batch, oH, oW, nOutputPlane)`` with
        ``oW = (W - 1) dW - 2 padW + kW + adjW``. Fed a table of two tensors it takes the first
        and chooses `adjW` and `adjH` so that the output is as large as the second.

    Raises:
        GraphError: An argument is out of range; at lowering, the input is no image of
            `nInputPlane` planes, or nothing would be left of the output.

    Reference: torch/nn SpatialFullConvolution.lua.
    """

    keras_name = "Conv2DTranspose, Cropping2D"
    sides = "HW"
    layer_class = keras.layers.Conv2DTranspose
    padding_class = keras.layers.ZeroPadding2D
    cropping_class = keras.layers.Cropping2D

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int = 0,
        adjW: int = 0,
        adjH: int = 0,
        *,
        bias: bool = True,
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, kW=kW, kH=kH, dW=dW, dH=dH)
        set_integers(self, 0, padW=padW, padH=padH, adjW=adjW, adjH=adjH)
        self.bias = bool(bias)
        self._check_adj()


class VolumetricFullConvolution(_FullConvolution):
    """3-D transposed convolution; becomes `keras.layers.Conv3DTranspose`.

    Padding is taken off its output by a `Cropping3D`, named ``<name>_crop``. Weights start
    uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kT*kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Planes of the output.
        kT: Kernel length along the time.
        kW: Kernel width.
        kH: Kernel height.
        dT: Step along the time, in the output. Default: 1.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padT: What is taken off at both ends of the time. Default: 0.
        padW: Columns taken off on the left and on the right. Default: 0.
        padH: Rows taken off at the top and at the bottom. Default: 0.
        adjT: What is added at the end of the time, less than `dT`. Default: 0.
        adjW: Columns added on the right, less than `dW`. Default: 0.
        adjH: Rows added at the bottom, less than `dH`. Default: 0.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.

    Shapes:
        ``(batch, T, H, W, nInputPlane)`` -> ``(batch, oT, oH, oW, nOutputPlane)``, each side as
        `SpatialFullConvolution`; a table of two tensors as there.

    Raises:
        GraphError: As `SpatialFullConvolution`.

    Reference: torch/nn VolumetricFullConvolution.lua.
    """

    keras_name = "Conv3DTranspose, Cropping3D"
    sides = "THW"
    layer_class = keras.layers.Conv3DTranspose
    padding_class = keras.layers.ZeroPadding3D
    cropping_class = keras.layers.Cropping3D

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kT: int,
        kW: int,
        kH: int,
        dT: int = 1,
        dW: int = 1,
        dH: int = 1,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
        adjT: int = 0,
        adjW: int = 0,
        adjH: int = 0,
        *,
        bias: bool = True,
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, kT=kT, kW=kW, kH=kH, dT=dT, dW=dW, dH=dH)
        set_integers(self, 0, padT=padT, padW=padW, padH=padH, adjT=adjT, adjW=adjW, adjH=adjH)
        self.bias = bool(bias)
        self._check_adj()

    def load_torch(self, fields: TorchFields) -> None:
        weight = fields.array("weight")
        if "adjW" not in fields and weight is not None:
            # Before adjW the weight was laid out as that of a convolution.
            held = {**fields.fields, "weight": weight.swapaxes(0, 1)}
            fields = TorchFields(fields.class_name, held, fields.convert, fields.batched)
        super().load_torch(fields)
