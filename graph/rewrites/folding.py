"""Scales and shifts of channels, folded into the layer before them or after them."""

from __future__ import annotations

from collections.abc import Iterator

from .affine import affine_of
from .change import Change
from .configs import is_exact, is_linear
from .linear import LINEAR, channel_axis, scaled_input, scaled_output
from .plan import Plan, Step

__all__ = ["fold_after", "fold_before"]


def fold_after(plan: Plan) -> Iterator[Change]:
    """``(x W + b) s + t = x (W s) + (b s + t)``: into the layer before."""
    for step in plan.living():
        linear = _before(step)
        if linear is None or linear.piece.kind not in LINEAR or not is_linear(linear.piece):
            continue
        output = linear.outputs[0]
        if not linear.piece.free or not is_exact(*linear.inputs, output, step.output):
            continue
        affine = affine_of(step)
        axis = channel_axis(linear.piece, output)
        if affine is None or affine.axis not in (None, axis) or linear.input is None:
            continue
        piece = scaled_output(linear.piece, *affine.over(output.shape[axis] or 0))
        name, folded = linear.piece.name, step.piece.name
        plan.replace(step, piece, linear.input)
        kind = step.piece.kind.__name__
        yield Change("folded", (name, folded), f"{folded} ({kind}) into {name} before it", (name,))


def fold_before(plan: Plan) -> Iterator[Change]:
    """``(x s + t) W + b = x (s W) + (t W + b)``: into the layer after."""
    for step in plan.living():
        piece = step.piece
        if piece.kind not in LINEAR or not piece.free or step.input is None:
            continue
        before = _before(step)
        if before is None or not is_exact(step.input, step.output, *before.inputs):
            continue
        affine = affine_of(before)
        axis = channel_axis(piece, step.input)
        if affine is None or affine.axis not in (None, axis):
            continue
        changed = scaled_input(piece, *affine.over(step.input.shape[axis] or 0))
        if changed is None:
            continue
        name, folded, kind = piece.name, before.piece.name, before.piece.kind.__name__
        plan.replace(step, changed, before.inputs[0])
        yield Change("folded", (folded, name), f"{folded} ({kind}) into {name} after it", (name,))


def _before(step: Step) -> Step | None:
    value = step.inputs[0] if step.inputs and len(step.inputs) == 1 else None
    if value is None or value.masked or not value.is_private or value.step is None:
        return None
    return value.step if len(value.step.outputs) == 1 else None
