"""`nn.SpatialConvolutionLocal`: convolution with a kernel of its own at every place."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .image import check_image, set_integers
from .initial import torch_uniform
from .module import Module, Shape
from .module_layer import ParameterSpec
from .torch_fields import TorchFields

__all__ = ["SpatialConvolutionLocal"]


class SpatialConvolutionLocal(Module):
    """2-D convolution whose kernel and bias differ from place to place.

    Keras 3 has no such layer. Weights start uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with
    ``f = kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Planes of the output.
        iW: Width of the input.
        iH: Height of the input.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Zeros added on the left and on the right. Default: 0.
        padH: Zeros added at the top and at the bottom. Default: `padW`.

    Shapes:
        ``(batch, iH, iW, nInputPlane)`` -> ``(batch, oH, oW, nOutputPlane)`` with
        ``oW = floor((iW + 2 padW - kW) / dW) + 1``. The weight is
        ``(oH, oW, kH * kW * nInputPlane, nOutputPlane)``.

    Raises:
        GraphError: An argument is not an integer in range, or the kernel is larger than the
            padded input; at lowering, the input has another shape.

    Reference: torch/nn SpatialConvolutionLocal.lua.
    """

    keras_name = "(ops.einsum of slices)"
    nInputPlane: int
    nOutputPlane: int
    iW: int
    iH: int
    kW: int
    kH: int
    dW: int
    dH: int
    padW: int
    padH: int

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        iW: int,
        iH: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, iW=iW, iH=iH, kW=kW, kH=kH, dW=dW, dH=dH)
        set_integers(self, 0, padW=padW, padH=padW if padH is None else padH)
        if self.oW < 1 or self.oH < 1:
            raise GraphError(
                f"nn.{self.torch_name}: a kernel of {kH} x {kW} (height x width) is larger than "
                f"the padded input, {caller_origin()}"
            )

    @property
    def oW(self) -> int:
        """Width of the output."""
        return (self.iW + 2 * self.padW - self.kW) // self.dW + 1

    @property
    def oH(self) -> int:
        """Height of the output."""
        return (self.iH + 2 * self.padH - self.kH) // self.dH + 1

    def input_size(self) -> Shape:
        return (self.iH, self.iW, self.nInputPlane)

    def check(self, x: Any) -> None:
        check_image(x, planes=self.nInputPlane)
        if tuple(x.shape[1:3]) != (self.iH, self.iW):
            raise ShapeMismatch(
                f"takes images of {self.iH} x {self.iW} (height x width)",
                expected=(None, self.iH, self.iW, self.nInputPlane),
            )

    def parameter_specs(self) -> list[ParameterSpec]:
        window = self.kH * self.kW * self.nInputPlane
        place = (self.oH, self.oW)
        return [
            ParameterSpec("weight", (*place, window, self.nOutputPlane), torch_uniform(window)),
            ParameterSpec("bias", (*place, self.nOutputPlane), torch_uniform(window)),
        ]

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        if self.padH or self.padW:
            x = ops.pad(x, ((0, 0), (self.padH, self.padH), (self.padW, self.padW), (0, 0)))
        windows = [
            x[
                :,
                i : i + (self.oH - 1) * self.dH + 1 : self.dH,
                j : j + (self.oW - 1) * self.dW + 1 : self.dW,
            ]
            for i in range(self.kH)
            for j in range(self.kW)
        ]
        joined = ops.concatenate(windows, axis=-1) if len(windows) > 1 else windows[0]
        return ops.einsum("nhwk,hwko->nhwo", joined, weight) + bias

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialConvolutionLocal:
        names = ("nInputPlane", "nOutputPlane", "iW", "iH", "kW", "kH", "dW", "dH", "padW", "padH")
        return cls(*(fields.integer(name) for name in names))

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return np.moveaxis(array, 0, -1)
        # A module that was saved between its own views holds three dimensions, not six.
        planes = (self.nOutputPlane, self.nInputPlane)
        array = array.reshape(self.oH, self.oW, *planes, self.kH, self.kW)
        return array.transpose(0, 1, 4, 5, 3, 2).reshape(self.oH, self.oW, -1, self.nOutputPlane)

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return np.moveaxis(array, -1, 0)
        planes = (self.nInputPlane, self.nOutputPlane)
        array = array.reshape(self.oH, self.oW, self.kH, self.kW, *planes)
        return array.transpose(0, 1, 5, 4, 2, 3)
