"""Transposed convolution, which torch/nn calls full."""

from __future__ import annotations

import keras

from .full_convolution_base import AnyFullConvolution
from .image import set_integers
from .torch_fields import TorchFields

__all__ = ["SpatialFullConvolution", "VolumetricFullConvolution"]


class SpatialFullConvolution(AnyFullConvolution):
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
        self.check_adj()


class VolumetricFullConvolution(AnyFullConvolution):
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
        self.check_adj()

    def load_torch(self, fields: TorchFields) -> None:
        weight = fields.array("weight")
        if "adjW" not in fields and weight is not None:
            # Before adjW the weight was laid out as that of a convolution.
            held = {**fields.fields, "weight": weight.swapaxes(0, 1)}
            fields = TorchFields(fields.class_name, held, fields.convert, fields.batched)
        super().load_torch(fields)
