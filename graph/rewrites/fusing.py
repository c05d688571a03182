"""Activations that a layer can apply itself."""

from __future__ import annotations

from collections.abc import Iterator

from .activations import named_function
from .change import Change
from .configs import is_linear, reads, same_policy
from .linear import LINEAR
from .plan import Plan

__all__ = ["fuse_activations"]


def fuse_activations(plan: Plan) -> Iterator[Change]:
    """``f(x W + b)`` in one layer, if nothing else reads what is under f."""
    for step in plan.living():
        function = named_function(step.piece)
        if function is None or function == "linear" or not step.piece.free or step.output.masked:
            continue
        linear = reads(step)
        if linear is None or linear.input is None or linear.piece.kind not in LINEAR:
            continue
        if not linear.piece.free or not is_linear(linear.piece):
            continue
        if not same_policy(step.piece, linear.piece) or not step.output.like(linear.output):
            continue
        piece = linear.piece.changed(activation=function)
        names = (linear.piece.name, step.piece.name)
        plan.replace(step, piece, linear.input)
        yield Change("fused", names, f"{names[1]} ({function}) into {names[0]}", names[:1])
