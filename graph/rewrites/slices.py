"""Sums of the parts of two tensors are the parts of their sum."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from .change import Change
from .configs import same_policy
from .plan import Piece, Plan, Slices, Step, Value

__all__ = ["add_before_slicing"]


def add_before_slicing(plan: Plan) -> Iterator[Change]:
    """Add whole tensors and cut the sum, where all their parts were added in pairs."""
    for step in plan.living():
        if step.piece.kind is not Slices:
            continue
        sums = [_sum_of(part) for part in step.outputs]
        if len(sums) < 2 or any(s is None for s in sums):
            continue
        adds = [s for s in sums if s is not None]
        if not same_policy(*(add.piece for add in adds)) or not all(a.piece.free for a in adds):
            continue
        wholes = _wholes(step, adds)
        if wholes is None:
            continue
        shape, dtype = wholes[0].shape, wholes[0].dtype
        total = Value(shape, dtype)
        names = tuple(add.piece.name for add in adds)
        piece = adds[0].piece.changed([], name=plan.fresh(f"{names[0]}_and_{len(names) - 1}_more"))
        plan.add(piece, (wholes,), [total])
        cut = Piece(Slices, {"sizes": step.piece.config["sizes"]}, [])
        plan.add(cut, (total,), [add.output for add in adds])
        for add in adds:
            plan.remove(add)
        what = f"{len(names)} sums of parts: {', '.join(names)}"
        yield Change("merged", names, what, (piece.name,))


def _sum_of(part: Value) -> Step | None:
    if not part.is_private or part.masked or part.readers[0].piece.kind is not keras.layers.Add:
        return None
    step = part.readers[0]
    return step if step.terms is not None else None


def _wholes(step: Step, adds: list[Step]) -> list[Value] | None:
    """The tensors whose parts are added, in the order of the terms; None if it is not all parts."""
    cuts = [value.step for value in adds[0].terms or []]
    whole = [c for c in cuts if c is not None and c.piece.kind is Slices and c.inputs]
    if len(set(whole)) != len(cuts) or step not in whole:
        return None
    sizes = step.piece.config["sizes"]
    if any(cut.piece.config["sizes"] != sizes for cut in whole):
        return None
    for i, add in enumerate(adds):
        if add.terms != [cut.outputs[i] for cut in whole]:
            return None
        if not all(value.is_private and value.like(add.output) for value in add.terms or []):
            return None
    return [cut.inputs[0] for cut in whole]
