"""Convolution of each plane, or each feature, by itself."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..errors import ShapeMismatch
from .convolution_base import AnyConvolution
from .image import check_maps, set_integers
from .initial import torch_uniform
from .module import Module
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["SpatialDepthWiseConvolution", "TemporalRowConvolution"]


class SpatialDepthWiseConvolution(AnyConvolution):
    """2-D convolution of each plane with its own kernels; becomes `keras.layers.DepthwiseConv2D`.

    Output plane ``(i - 1) * nOutputPlane + m`` is input plane i under its kernel m. Torch itself
    mixes up height and width when they differ; here they are what they are. Padding and unequal
    steps as in `SpatialConvolution`. Weights start uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with
    ``f = kW*kH*nInputPlane``, as in Torch.

    Args:
        nInputPlane: Planes (channels) of the input.
        nOutputPlane: Kernels of each plane.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.
        padW: Zeros added on the left and on the right. Default: 0.
        padH: Zeros added at the top and at the bottom. Default: `padW`.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> ``(batch, oH, oW, nInputPlane * nOutputPlane)`` with
        ``oW = floor((W + 2 padW - kW) / dW) + 1``.

    Raises:
        GraphError: An argument is not an integer in range; at lowering, the input is no image of
            `nInputPlane` planes, or smaller than the kernel.

    Reference: torch/nn SpatialDepthWiseConvolution.lua.
    """

    keras_name = "ZeroPadding2D, DepthwiseConv2D, MaxPooling2D"
    sides = "HW"
    padding_class = keras.layers.ZeroPadding2D

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
    ) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane, nOutputPlane=nOutputPlane)
        set_integers(self, 1, kW=kW, kH=kH, dW=dW, dH=dH)
        set_integers(self, 0, padW=padW, padH=padW if padH is None else padH)
        self.bias = bool(bias)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.DepthwiseConv2D(
            self.kernel,
            strides=self.stages[1],
            padding="same" if self.is_same else "valid",
            depth_multiplier=self.nOutputPlane,
            use_bias=self.bias,
            depthwise_initializer=self.initial(),
            bias_initializer=self.initial(),
            name=name,
        )

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return array.T.reshape(-1)
        # Until its first forward Torch holds the kernels as a matrix.
        kernel = array.reshape(self.nOutputPlane, self.nInputPlane, *self.kernel)
        return kernel.transpose(2, 3, 1, 0)

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return array.reshape(self.nInputPlane, self.nOutputPlane).T
        return array.transpose(3, 2, 0, 1)


class TemporalRowConvolution(Module):
    """Convolution over time of each feature by itself; becomes `keras.layers.DepthwiseConv1D`.

    Weights start uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kW*inputFrameSize``, as in
    Torch.

    Args:
        inputFrameSize: Features of a frame.
        kW: Kernel length, in frames.
        dW: Step. Default: 1.
        featFirst: Whether features come before time, in the input and in the output; then there
            is a `Permute` before and after. Default: False.
        bias: Whether to add a bias. Default: True. `noBias()` turns it off as Torch does.

    Shapes:
        ``(batch, T, inputFrameSize)`` -> ``(batch, floor((T - kW) / dW) + 1, inputFrameSize)``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, the input is no sequence
            of such frames, or shorter than the kernel.

    Reference: torch/nn TemporalRowConvolution.lua.
    """

    keras_name = "DepthwiseConv1D"
    inputFrameSize: int
    kW: int
    dW: int

    def __init__(
        self,
        inputFrameSize: int,
        kW: int,
        dW: int = 1,
        featFirst: bool = False,
        *,
        bias: bool = True,
    ) -> None:
        set_integers(self, 1, inputFrameSize=inputFrameSize, kW=kW, dW=dW)
        self.featFirst = bool(featFirst)
        self.bias = bool(bias)

    def noBias(self) -> TemporalRowConvolution:
        """Drop the bias; returns the module itself."""
        self.bias = False
        return self

    def check(self, x: Any) -> None:
        if not self.featFirst:
            planes, least = self.inputFrameSize, [self.kW]
            check_maps(x, "W", planes=planes, least=least, window=least)
            return
        check_maps(x, "W")
        frames = x.shape[2]
        if x.shape[1] != self.inputFrameSize or (frames is not None and frames < self.kW):
            raise ShapeMismatch(
                f"takes at least {self.kW} frames of {self.inputFrameSize} features, the features "
                f"first",
                expected=(None, self.inputFrameSize, f">= {self.kW}"),
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if not self.featFirst:
            return self.apply_layer(x, scope)
        frames = self._swapped(x, scope, "_frames")
        return self._swapped(self.apply_layer(frames, scope), scope, "_features")

    def _swapped(self, x: Any, scope: Scope, suffix: str) -> Any:
        return self.apply_layer(
            x,
            scope,
            lambda name: keras.layers.Permute((2, 1), name=name),
            key=suffix,
            suffix=suffix,
        )

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        fan_in = self.kW * self.inputFrameSize
        return keras.layers.DepthwiseConv1D(
            self.kW,
            strides=self.dW,
            use_bias=self.bias,
            depthwise_initializer=torch_uniform(fan_in),
            bias_initializer=torch_uniform(fan_in),
            name=name,
        )

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self.built_layer((None, None, self.inputFrameSize))
        return {"weight": layer.kernel, **({"bias": layer.bias} if self.bias else {})}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> TemporalRowConvolution:
        sizes = [fields.integer(name) for name in ("inputFrameSize", "kW", "dW")]
        return cls(*sizes, bool(fields.get("featFirst", False)), bias="bias" in fields)

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array if name == "bias" else array.transpose(2, 0, 1)

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array if name == "bias" else array.transpose(1, 2, 0)
