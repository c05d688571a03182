"""Dense layers, convolutions and embeddings: what makes channels, and sums over them."""

from __future__ import annotations

from typing import Any

import keras

from .elementwise import freeze_activation
from .registry import Axes, rule
from .spaces import Space, joined
from .trace import Trace

__all__ = ["channel_axis"]

L: Any = keras.layers
_TRANSPOSED = (L.Conv1DTranspose, L.Conv2DTranspose, L.Conv3DTranspose)


def channel_axis(layer: Any, rank: int) -> int:
    """Where a layer has its channels."""
    return 1 if getattr(layer, "data_format", None) == "channels_first" else rank - 1


@rule(L.Dense)
def _dense(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    if _is_changed(layer):
        return trace.unknown(call, fed, "is quantised or has LoRA weights")
    out = trace.new(layer, "units", layer.units)
    freeze_activation(layer, out, layer.activation)
    trace.weight(layer.kernel, 0, fed[0][-1], summed=True)
    trace.weight(layer.kernel, 1, out)
    trace.weight(layer.bias, 0, out)
    trace.sets(layer, lambda size: {"units": size(out)})
    trace.width(layer, out)
    return [(*fed[0][:-1], out)]


def _is_changed(layer: Any) -> bool:
    quantized = getattr(layer, "quantization_mode", None) is not None
    return quantized or bool(getattr(layer, "lora_enabled", False))


@rule(L.Conv1D, L.Conv2D, L.Conv3D, *_TRANSPOSED)
def _conv(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    if _is_changed(layer):
        return trace.unknown(call, fed, "is quantised or has LoRA weights")
    turned = isinstance(layer, _TRANSPOSED)
    groups = 1 if turned else layer.groups
    axis = channel_axis(layer, len(fed[0]))
    one_group = trace.new(layer, "filters", layer.filters // groups)
    out = joined(groups, one_group)
    freeze_activation(layer, out, layer.activation)
    taken = fed[0][axis]
    if groups > 1:
        # Every group reads equally many channels: they are widened alike.
        inner = trace.new(layer, "group", call.inputs[0].shape[axis] // groups)
        trace.same(joined(groups, inner), taken, f"'{layer.name}' reads them in {groups} groups")
        taken = inner
    trace.weight(layer.kernel, -1 if turned else -2, taken, summed=True)
    trace.weight(layer.kernel, -2 if turned else -1, out)
    trace.weight(layer.bias, 0, out)
    trace.sets(layer, lambda size: {"filters": size(out)})
    trace.width(layer, out)
    return [slid(trace, layer, fed[0], call.outputs[0].shape, axis, out)]


def slid(
    trace: Trace, layer: Any, fed: Axes, shape: Any, axis: int, channels: Space | None
) -> Axes:
    """The axes of what a window that slides over all axes but `axis` gives."""
    reason = f"'{layer.name}' ({type(layer).__name__}) slides over them"
    trace.freeze([space for i, space in enumerate(fed) if i != axis], reason)
    found = [trace.side(size, reason) if i else None for i, size in enumerate(shape)]
    found[axis] = channels
    return tuple(found)


@rule(L.DepthwiseConv1D, L.DepthwiseConv2D)
def _depthwise(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    axis = channel_axis(layer, len(fed[0]))
    taken = fed[0][axis]
    out = None if taken is None else joined(1, taken, layer.depth_multiplier)
    freeze_activation(layer, out, layer.activation)
    trace.weight(layer.kernel, -2, taken)
    trace.weight(layer.bias, 0, out)
    return [slid(trace, layer, fed[0], call.outputs[0].shape, axis, out)]


@rule(L.SeparableConv1D, L.SeparableConv2D)
def _separable(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    axis = channel_axis(layer, len(fed[0]))
    taken = fed[0][axis]
    between = None if taken is None else joined(1, taken, layer.depth_multiplier)
    out = trace.new(layer, "filters", layer.filters)
    freeze_activation(layer, out, layer.activation)
    trace.weight(layer.depthwise_kernel, -2, taken)
    trace.weight(layer.pointwise_kernel, -2, between, summed=True)
    trace.weight(layer.pointwise_kernel, -1, out)
    trace.weight(layer.bias, 0, out)
    trace.sets(layer, lambda size: {"filters": size(out)})
    trace.width(layer, out)
    return [slid(trace, layer, fed[0], call.outputs[0].shape, axis, out)]


@rule(L.Embedding)
def _embedding(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    if _is_changed(layer):
        return trace.unknown(call, fed, "is quantised or has LoRA weights")
    out = trace.new(layer, "output_dim", layer.output_dim)
    trace.freeze(fed[0], f"'{layer.name}' (Embedding) looks them up")
    trace.weight(layer.embeddings, 1, out)
    trace.sets(layer, lambda size: {"output_dim": size(out)})
    trace.width(layer, out)
    return [(*fed[0], out)]
