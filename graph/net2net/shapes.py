"""Layers that move, cut, join and pool: channels keep their values."""

from __future__ import annotations

import math
from typing import Any

import keras

from .linear import channel_axis, slid
from .registry import Axes, rule
from .spaces import Space, freeze, joined, leaves
from .trace import Trace

__all__ = ["reshaped"]

L: Any = keras.layers


def _known(name: str) -> list[type]:
    found = [getattr(L, f"{name}{n}D", None) for n in (1, 2, 3)]
    return [c for c in found if c is not None]


_POOLINGS = ("MaxPooling", "AveragePooling", "AdaptiveMaxPooling", "AdaptiveAveragePooling")


@rule(*(c for name in (*_POOLINGS, "ZeroPadding", "Cropping", "UpSampling") for c in _known(name)))
def _pooled(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    rank = len(fed[0])
    axis = channel_axis(layer, rank)
    return [slid(trace, layer, fed[0], call.outputs[0].shape, axis, fed[0][axis])]


@rule(*_known("GlobalAveragePooling"), *_known("GlobalMaxPooling"))
def _global(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    axis = channel_axis(layer, len(fed[0]))
    reason = f"'{layer.name}' ({type(layer).__name__}) reduces them to one value"
    trace.freeze([space for i, space in enumerate(fed[0]) if i != axis], reason)
    if not layer.keepdims:
        return [(None, fed[0][axis])]
    axes = [trace.side(1, reason) for _ in fed[0]]
    axes[0], axes[axis] = None, fed[0][axis]
    return [tuple(axes)]


@rule(L.Permute)
def _permute(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    return [(None, *(fed[0][d] for d in layer.dims))]


@rule(L.RepeatVector)
def _repeat(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    steps = trace.side(layer.n, f"'{layer.name}' (RepeatVector) states their number")
    return [(None, steps, fed[0][1])]


@rule(L.Concatenate)
def _concatenate(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    rank = len(fed[0])
    at = layer.axis % rank
    reason = f"'{layer.name}' (Concatenate) joins tensors that must be alike elsewhere"
    if at == 0 or any(axes[at] is None for axes in fed):
        return trace.unknown(call, fed, "joins along an axis whose size is not known")
    found: list[Space | None] = [None]
    for axis in range(1, rank):
        if axis == at:
            pieces: list[Any] = [axes[at] for axes in fed]
            found.append(tuple(piece for space in pieces for piece in space))
        else:
            for axes in fed[1:]:
                trace.same(fed[0][axis], axes[axis], reason)
            found.append(fed[0][axis])
    return [tuple(found)]


@rule(L.Flatten)
def _flatten(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    shape = call.inputs[0].shape
    axes = list(range(1, len(shape)))
    if layer.data_format == "channels_first" and len(shape) > 2:
        axes = [*axes[1:], 1]  # Keras moves the channels last before it flattens.
    moved = (None, *(fed[0][a] for a in axes))
    sizes = (shape[0], *(shape[a] for a in axes))
    found = reshaped(moved, sizes, tuple(call.outputs[0].shape))
    if found is None:
        return trace.unknown(call, fed, "flattens axes whose sizes are not known")
    own = trace.axes(call.outputs[0], f"'{layer.name}' (Flatten) makes one axis of several")
    return [tuple(b if a is None else a for a, b in zip(found, own, strict=True))]


@rule(L.Reshape)
def _reshape(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    before, after = tuple(call.inputs[0].shape), tuple(call.outputs[0].shape)
    found = reshaped(fed[0], before, after)
    if found is None:
        return trace.unknown(call, fed, "cuts or mixes them")
    own = trace.axes(call.outputs[0], f"'{layer.name}' (Reshape) states this size")
    axes = tuple(b if a is None else a for a, b in zip(found, own, strict=True))

    def settings(size: Any) -> dict[str, Any]:
        sizes = [-1 if space is None else size(space) for space in axes[1:]]
        return {"target_shape": tuple(sizes)}

    trace.sets(layer, settings)
    return [axes]


def reshaped(axes: Axes, before: tuple[Any, ...], after: tuple[Any, ...]) -> Axes | None:
    """The axes of a tensor of one shape that is given another.

    Args:
        axes: Of the tensor.
        before: Its shape.
        after: Its new shape.

    Returns:
        The axes, None for those that are only sides; None instead if a size is not known or if
        channels that may be widened would be cut.
    """
    if None in before[1:] or None in after[1:]:
        return axes if before == after else None
    found: list[Space | None] = [None] * len(after)
    i, j = 1, 1
    while i < len(before) or j < len(after):
        start, first = i, j
        left = right = 1
        while True:
            if left == right and (i > start or j > first) and left != 1:
                break
            if left <= right and i < len(before):
                left, i = left * before[i], i + 1
            elif j < len(after):
                right, j = right * after[j], j + 1
            else:
                break
        wide = [k for k in range(start, i) if before[k] != 1]
        kept = [k for k in range(first, j) if after[k] != 1]
        if len(kept) == 1:
            found[kept[0]] = _flat(axes, before, start, i)
        elif [before[k] for k in wide] == [after[k] for k in kept]:
            for k, old in zip(kept, wide, strict=True):
                found[k] = axes[old]
        elif not all(_is_fixed(axes[k]) for k in wide):
            return None
    return tuple(found)


def _flat(axes: Axes, before: tuple[Any, ...], start: int, stop: int) -> Space | None:
    """The space that several axes make when they are flattened, the last one running fastest."""
    free = [k for k in range(start, stop) if before[k] != 1 and not _is_fixed(axes[k])]
    if len(free) != 1:
        for k in free:
            _freeze_both(axes[k])
        return None
    at = free[0]
    space = axes[at]
    assert space is not None
    outer, each = math.prod(before[start:at]), math.prod(before[at + 1 : stop])
    return joined(outer, space, each)


def _freeze_both(space: Any) -> None:
    """Freeze what would be widened along two flattened axes."""
    freeze(space, "two axes that could be widened are flattened into one")


def _is_fixed(space: Space | None) -> bool:
    return space is None or all(leaf.fixed for leaf in leaves(space))
