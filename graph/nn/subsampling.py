"""Subsampling with learnt factors, from the first convolutional networks."""

from __future__ import annotations

import math
from typing import Any

from .image import check_maps, set_integers
from .initial import torch_uniform
from .module_layer import ParameterSpec
from .pooling import AnyPooling
from .torch_fields import TorchFields
from .windows import window_sums

__all__ = ["SpatialSubSampling", "TemporalSubSampling"]


class _SubSampling(AnyPooling):
    planes_name: str
    unbatched: bool = False
    bordered = False

    def check(self, x: Any) -> None:
        super().check(x)
        check_maps(x, self.sides, planes=getattr(self, self.planes_name))

    def layer_key(self, x: Any) -> Any:
        return None

    def parameter_specs(self) -> list[ParameterSpec]:
        fan_in = math.prod(self.kernel)
        planes = (getattr(self, self.planes_name),)
        return [ParameterSpec(name, planes, torch_uniform(fan_in)) for name in ("weight", "bias")]

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        return window_sums(x, self.kernel, self.steps) * weight + bias

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        if cls.unbatched:
            fields.single_samples_only()
        names = [cls.planes_name, *(p + side for p in "kd" for side in cls.sides)]
        return cls(**{name: fields.integer(name) for name in names})


class SpatialSubSampling(_SubSampling):
    """``weight * (sum of each window) + bias``, plane by plane.

    Weights start uniform in ``[-1/sqrt(kW*kH), 1/sqrt(kW*kH)]``, as in Torch.

    Args:
        nInputPlane: Planes of the input.
        kW: Window width.
        kH: Window height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> ``(batch, oH, oW, nInputPlane)`` with
        ``oW = floor((W - kW) / dW) + 1``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, the input is no image of
            `nInputPlane` planes, or smaller than the window.

    Reference: LeCun et al. 1998, Gradient-Based Learning; torch/nn SpatialSubSampling.lua.
    """

    keras_name = "(ops.average_pool)"
    sides = "HW"
    planes_name = "nInputPlane"

    def __init__(self, nInputPlane: int, kW: int, kH: int, dW: int = 1, dH: int = 1) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane)
        self.set_windows(kW=kW, kH=kH, dW=dW, dH=dH)


class TemporalSubSampling(_SubSampling):
    """``weight * (sum of each window of frames) + bias``, feature by feature.

    Weights start uniform in ``[-1/sqrt(kW), 1/sqrt(kW)]``, as in Torch, which takes single
    samples only; here it takes batches as all modules do.

    Args:
        inputFrameSize: Features of a frame.
        kW: Window length, in frames.
        dW: Step. Default: 1.

    Shapes:
        ``(batch, T, inputFrameSize)`` -> ``(batch, floor((T - kW) / dW) + 1, inputFrameSize)``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, the input is no sequence
            of such frames, or shorter than the window.

    Reference: torch/nn TemporalSubSampling.lua.
    """

    keras_name = "(ops.average_pool)"
    sides = "W"
    planes_name = "inputFrameSize"
    unbatched = True

    def __init__(self, inputFrameSize: int, kW: int, dW: int = 1) -> None:
        set_integers(self, 1, inputFrameSize=inputFrameSize)
        self.set_windows(kW=kW, dW=dW)
