"""Torch modules that Keras has no layer for."""

from __future__ import annotations

from typing import Any

from .. import nn
from ..layout import keras_axis
from ..nn.module_layer import ModuleLayer
from ..nn.pointwise import Pointwise
from ..nn.random_layer import RandomLayer
from ..nn.rectifier import PReLU
from .linear import slid
from .registry import Axes, rule
from .trace import Trace

__all__: list[str] = []

# Not every Pointwise: Normalize and SoftMin have one value depend on the others.
_BY_VALUE = (
    *(nn.Abs, nn.Exp, nn.Log, nn.Power, nn.Sqrt, nn.Square, nn.SoftPlus, nn.Mul),
    *(nn.AddConstant, nn.MulConstant, nn.Threshold, nn.ReLU6, nn.LeakyReLU, nn.RReLU),
    *(nn.HardTanh, nn.Clamp, nn.HardShrink, nn.SoftShrink, nn.Copy, nn.Contiguous),
    *(nn.Dropout, nn.SpatialDropout, nn.VolumetricDropout, nn.WhiteNoise),
    *(nn.GradientReversal, nn.ZeroGrad, nn.L1Penalty),
)
# Each plane by itself, whatever is in the others.
_BY_PLANE = (
    *(nn.SpatialMaxPooling, nn.VolumetricMaxPooling, nn.SpatialAveragePooling),
    *(nn.VolumetricAveragePooling, nn.SpatialLPPooling),
    *(nn.SpatialAdaptiveMaxPooling, nn.SpatialAdaptiveAveragePooling),
    *(nn.SpatialUpSamplingNearest, nn.SpatialUpSamplingBilinear, nn.UpSampling),
    *(nn.SpatialZeroPadding, nn.SpatialReflectionPadding),
    *(nn.SpatialReplicationPadding, nn.VolumetricReplicationPadding),
)


@rule(ModuleLayer, RandomLayer)
def _module(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    module = layer.module
    sizes = [tuple(v.shape) for v in layer.parameters.values()]
    if isinstance(module, PReLU) and module.nOutputPlane:
        trace.weight(layer.parameters["weight"], 0, fed[0][keras_axis(1, len(fed[0]))])
        return [fed[0]]
    alone = all(size in ((), (1,)) for size in sizes) and not any(
        len(getattr(value, "shape", ())) for value in vars(module).values()
    )
    if isinstance(module, _BY_VALUE) and len(fed) == 1 and alone:
        return [fed[0]]
    if isinstance(module, _BY_PLANE) and len(fed) == 1 and alone:
        axis = len(fed[0]) - 1
        return [slid(trace, layer, fed[0], call.outputs[0].shape, axis, fed[0][axis])]
    what = "may mix or pick channels"
    if isinstance(module, Pointwise) and sizes:
        what = "has weights that graph.net2net does not widen"
    if "LRN" in module.torch_name:
        what = "sums over neighbouring channels, and a copy would have other neighbours"
    return trace.unknown(call, fed, what)
