"""Convolution of images."""

from __future__ import annotations

import keras
import numpy as np

from ..errors import GraphError
from ..origin import caller_origin
from .convolution_base import AnyConvolution
from .image import set_integers

__all__ = ["SpatialConvolution", "SpatialConvolutionMM", "SpatialDilatedConvolution"]


class SpatialConvolution(AnyConvolution):
    """2-D convolution (cross-correlation); becomes `keras.layers.Conv2D`.

    Padding becomes Conv2D's own ``"same"`` where that is equal, else a `ZeroPadding2D` before it,
    named ``<name>_pad``. Where `dW` and `dH` differ, Conv2D takes their largest common step and a
    layer ``<name>_step`` keeps every n-th pixel. Weights start uniform in
    ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Planes of the output.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Zeros added on the left and on the right. Default: 0.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.
        groups: How many groups the planes fall into, each convolved apart, as in
            cudnn.SpatialConvolution. Default: 1.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> ``(batch, oH, oW, nOutputPlane)`` with
        ``oW = floor((W + 2 padW - kW) / dW) + 1``.

    Raises:
        GraphError: An argument is not an integer in range; at lowering, the input is no image of
            `nInputPlane` planes, or smaller than the kernel.

    Reference: torch/nn SpatialConvolution.lua.
    """

    keras_name = "ZeroPadding2D, Conv2D, MaxPooling2D"
    sides = "HW"
    layer_class = keras.layers.Conv2D
    padding_class = keras.layers.ZeroPadding2D
    grouped = True

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
        *,
        bias: bool = True,
        groups: int = 1,
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, kW=kW, kH=kH, dW=dW, dH=dH, groups=groups)
        set_integers(self, 0, padW=padW, padH=padW if padH is None else padH)
        self.bias = bool(bias)
        if self.nInputPlane % self.groups or self.nOutputPlane % self.groups:
            raise GraphError(
                f"nn.{self.torch_name}: {groups} groups must divide the {nInputPlane} input and "
                f"the {nOutputPlane} output planes, {caller_origin()}"
            )


class SpatialConvolutionMM(SpatialConvolution):
    """As `SpatialConvolution`; only the layout of the weight in a Torch file differs.

    Args:
        nInputPlane: Planes of the input.
        nOutputPlane: Planes of the output.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Zeros added on the left and on the right. Default: 0.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        bias: Whether to add a bias. Default: True.
        groups: Into how many groups of planes input and output are cut. Default: 1.

    Shapes:
        As `SpatialConvolution`.

    Raises:
        GraphError: As `SpatialConvolution`.

    Reference: torch/nn SpatialConvolutionMM.lua.
    """

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        array = super().parameter_to_torch(name, array)
        return array if name == "bias" else array.reshape(len(array), -1)


class SpatialDilatedConvolution(SpatialConvolution):
    """2-D convolution whose kernel elements stand apart; becomes `keras.layers.Conv2D`.

    Conv2D takes steps or dilation, not both: what they share is left out of its input by a
    `MaxPooling2D` of one pixel, named ``<name>_thin``, and the rest of the steps out of its output.

    Args:
        nInputPlane: Planes of the input.
        nOutputPlane: Planes of the output.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Zeros added on the left and on the right. Default: 0.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        dilationW: Distance of neighbours in the kernel along the width. Default: 1.
        dilationH: Distance of neighbours along the height. Default: 1.
        bias: Whether to add a bias. Default: True.

    Shapes:
        As `SpatialConvolution`, with ``dilationW * (kW - 1) + 1`` for `kW`.

    Raises:
        GraphError: As `SpatialConvolution`.

    Reference: Yu & Koltun 2016, arXiv:1511.07122; torch/nn SpatialDilatedConvolution.lua.
    """

    dilated = True
    grouped = False
    dilationW: int
    dilationH: int

    def __init__(
        self,
        nInputPlane: int,
        nOutputPlane: int,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int | None = None,
        dilationW: int = 1,
        dilationH: int = 1,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(nInputPlane, nOutputPlane, kW, kH, dW, dH, padW, padH, bias=bias)
        set_integers(self, 1, dilationW=dilationW, dilationH=dilationH)
