"""Layers side by side on one input become one layer, whose output is cut."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from ..activation_names import ELEMENTWISE
from .change import Change
from .configs import activation_name, key_of, may_rearrange, unregularised
from .linear import CONVOLUTIONS
from .plan import Piece, Plan, Slices, Step, Value

__all__ = ["merge_parallel"]

_L = keras.layers
_OWN = ("name", "units", "filters", "kernel_initializer", "bias_initializer")


def merge_parallel(plan: Plan) -> Iterator[Change]:
    """``x A`` and ``x B`` are the halves of ``x [A B]``; convolutions of one geometry likewise."""
    groups: dict[tuple[int, str], list[Step]] = {}
    for step in plan.living():
        if _may_merge(step, plan.training):
            key = _alike(step.piece, plan.training)
            groups.setdefault((id(step.input), key), []).append(step)
    for steps in groups.values():
        if len(steps) > 1:
            yield _merged(plan, steps)


def _may_merge(step: Step, training: bool) -> bool:
    piece = step.piece
    if piece.kind is not _L.Dense and piece.kind not in CONVOLUTIONS:
        return False
    if not piece.free or step.input is None or step.output.masked:
        return False
    if piece.kind in CONVOLUTIONS:
        if piece.config["groups"] != 1 or piece.config["data_format"] != "channels_last":
            return False
    if training and not may_rearrange(piece):
        return False
    return activation_name(piece) in ELEMENTWISE


def _alike(piece: Piece, training: bool) -> str:
    """What layers that become one have in common."""
    without = _OWN if training else (*_OWN, "use_bias", "trainable", *unregularised(piece))
    return piece.kind.__name__ + key_of(piece.config, *without)


def _merged(plan: Plan, steps: list[Step]) -> Change:
    pieces = [step.piece for step in steps]
    names = tuple(piece.name for piece in pieces)
    sizes = [piece.weights[0].shape[-1] for piece in pieces]
    kernel = np.concatenate([piece.weights[0] for piece in pieces], axis=-1)
    weights, use_bias = [kernel], any(piece.config["use_bias"] for piece in pieces)
    if use_bias:
        zeros = [np.zeros(size, kernel.dtype) for size in sizes]
        own = [
            p.weights[1] if p.config["use_bias"] else z for p, z in zip(pieces, zeros, strict=True)
        ]
        weights.append(np.concatenate(own))
    size = "units" if pieces[0].kind is _L.Dense else "filters"
    changes = {} if plan.training else unregularised(pieces[0])
    name = plan.fresh(f"{names[0]}_and_{len(names) - 1}_more")
    piece = pieces[0].changed(
        weights, name=name, use_bias=use_bias, **{size: sum(sizes)}, **changes
    )
    output = steps[0].output
    whole = Value((*output.shape[:-1], sum(sizes)), output.dtype)
    plan.add(piece, (steps[0].inputs[0],), [whole])
    plan.add(Piece(Slices, {"sizes": sizes}, []), (whole,), [step.output for step in steps])
    for step in steps:
        plan.remove(step)
    kind = pieces[0].kind.__name__
    return Change("merged", names, f"{len(names)} {kind} on one input: {', '.join(names)}", (name,))
