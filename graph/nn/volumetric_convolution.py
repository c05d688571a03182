"""Convolution of volumes."""

from __future__ import annotations

import keras

from .convolution_base import AnyConvolution
from .image import set_integers

__all__ = ["VolumetricConvolution", "VolumetricDilatedConvolution"]


class VolumetricConvolution(AnyConvolution):
    """3-D convolution (cross-correlation); becomes `keras.layers.Conv3D`.

    Padding becomes Conv3D's own ``"same"`` where that is equal, else a `ZeroPadding3D` before it,
    named ``<name>_pad``. TensorFlow on a CPU gets unequal steps wrong, so what they do not share
    is taken by a layer of its own, named ``<name>_step``. Weights start uniform in
    ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kT*kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Planes of the output.
        kT: Kernel length along the time.
        kW: Kernel width.
        kH: Kernel height.
        dT: Step along the time. Default: 1.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padT: Zeros added at both ends of the time. Default: 0.
        padW: Zeros added on the left and on the right. Default: `padT`.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.

    Shapes:
        ``(batch, T, H, W, nInputPlane)`` -> ``(batch, oT, oH, oW, nOutputPlane)`` with
        ``oT = floor((T + 2 padT - kT) / dT) + 1``.

    Raises:
        GraphError: An argument is not an integer in range; at lowering, the input is no volume of
            `nInputPlane` planes, or smaller than the kernel.

    Reference: torch/nn VolumetricConvolution.lua.
    """

    keras_name = "ZeroPadding3D, Conv3D"
    sides = "THW"
    layer_class = keras.layers.Conv3D
    padding_class = keras.layers.ZeroPadding3D

    padT: int
    padW: int

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
        padW: int | None = None,
        padH: int | None = None,
        *,
        bias: bool = True,
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, kT=kT, kW=kW, kH=kH, dT=dT, dW=dW, dH=dH)
        set_integers(self, 0, padT=padT)
        set_integers(self, 0, padW=self.padT if padW is None else padW)
        set_integers(self, 0, padH=self.padW if padH is None else padH)
        self.bias = bool(bias)


class VolumetricDilatedConvolution(VolumetricConvolution):
    """3-D convolution whose kernel elements stand apart; becomes `keras.layers.Conv3D`.

    Conv3D takes steps or dilation, not both: what they share is left out of its input by a layer
    named ``<name>_thin``, and the rest of the steps out of its output.

    Args:
        nInputPlane: Planes of the input.
        nOutputPlane: Planes of the output.
        kT: Kernel length along the time.
        kW: Kernel width.
        kH: Kernel height.
        dT: Step along the time. Default: 1.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padT: Zeros added at both ends of the time. Default: 0.
        padW: Zeros added on the left and on the right. Default: `padT`.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        dilationT: Distance of neighbours in the kernel along the time. Default: 1.
        dilationW: Distance of neighbours along the width. Default: 1.
        dilationH: Distance of neighbours along the height. Default: 1.
        bias: Whether to add a bias. Default: True.

    Shapes:
        As `VolumetricConvolution`, with ``dilationT * (kT - 1) + 1`` for `kT`.

    Raises:
        GraphError: As `VolumetricConvolution`.

    Reference: torch/nn VolumetricDilatedConvolution.lua.
    """

    dilated = True

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
        padW: int | None = None,
        padH: int | None = None,
        dilationT: int = 1,
        dilationW: int = 1,
        dilationH: int = 1,
        *,
        bias: bool = True,
    ) -> None:
        sizes = (kT, kW, kH, dT, dW, dH, padT, padW, padH)
        super().__init__(nInputPlane, nOutputPlane, *sizes, bias=bias)
        set_integers(self, 1, dilationT=dilationT, dilationW=dilationW, dilationH=dilationH)
