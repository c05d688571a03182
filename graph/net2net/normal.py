"""Normalisations: by channel they pass, over channels only where all have equally many copies."""

from __future__ import annotations

from typing import Any

import keras

from ..nn.batch_normalization import TorchBatchNormalization
from .registry import Axes, like, rule
from .spaces import joined
from .trace import Trace

__all__: list[str] = []

L: Any = keras.layers


@rule(L.BatchNormalization)
def _batch(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    space = fed[0][layer.axis]
    for variable in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance):
        trace.weight(variable, 0, space)
    return [fed[0]]


like(TorchBatchNormalization, L.BatchNormalization)


@rule(L.LayerNormalization, L.RMSNormalization)
def _over_channels(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    axes = sorted(axis % len(fed[0]) for axis in axes)
    what = f"'{layer.name}' ({type(layer).__name__}) normalises over them"
    for place, axis in enumerate(axes):
        space = fed[0][axis]
        if space is None:
            continue
        for name in ("gamma", "beta", "scale"):
            variable = getattr(layer, name, None)
            if hasattr(variable, "path"):  # `scale` is a weight of RMSNormalization alone.
                trace.weight(variable, place, space)
        trace.uniform.append((space, what))
    return [fed[0]]


@rule(L.GroupNormalization)
def _group(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    space = fed[0][layer.axis]
    what = f"'{layer.name}' (GroupNormalization) normalises over groups of them"
    if space is None:
        return trace.unknown(call, fed, "normalises over groups of unknown size")
    size = call.inputs[0].shape[layer.axis]
    groups = size if layer.groups == -1 else layer.groups
    inner = trace.new(layer, "group", size // groups)
    trace.same(joined(groups, inner), space, what)
    trace.weight(layer.gamma, 0, space)
    trace.weight(layer.beta, 0, space)
    trace.uniform.append((inner, what))
    # -1 means one group for each channel: when these are copied, a group holds all copies.
    trace.sets(layer, lambda _: {"groups": groups})
    return [fed[0]]
