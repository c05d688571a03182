"""A sum of products of different vectors is one product of the joined vector."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from .change import Change
from .configs import is_exact, is_linear, key_of, may_rearrange, unregularised
from .plan import Piece, Plan, Step, Value

__all__ = ["join_sums"]

_L = keras.layers


def join_sums(plan: Plan) -> Iterator[Change]:
    """``x A + h B = [x, h] [A; B]``.

    For training only where at most one of the layers has a bias: of two, each takes a step, so
    that their sum moves twice as fast as one bias does.
    """
    joined: dict[tuple[int, ...], Value] = {}
    for step in plan.living():
        terms = step.terms
        if step.piece.kind is not _L.Add or not step.piece.free or terms is None:
            continue
        products = [v.step for v in terms if _is_product(v, step)]
        several = [p for p in products if p is not None]
        if len(several) < 2 or not is_exact(step.output, *(p.inputs[0] for p in several)):
            continue
        several = _alike(several, plan.training)
        if len(several) < 2:
            continue
        sources = list(dict.fromkeys(p.inputs[0] for p in several))
        if plan.training and len(sources) < len(several):
            continue
        piece = _product(plan, several, sources)
        others = [v for v in terms if v.step not in several]
        names = tuple(p.piece.name for p in several)
        given = _joined(plan, joined, sources, several[0].piece)
        if others:
            value = Value(step.output.shape, step.output.dtype)
            plan.add(piece, (given,), [value])
            plan.add(step.piece, ([value, *others],), [step.output])
            plan.remove(step)
        else:
            plan.replace(step, piece, given)
        what = f"the sum of {', '.join(names)} is one product of their joined inputs"
        yield Change("joined", (*names, step.piece.name), what, (piece.name,))


def _is_product(value: Value, reader: Step) -> bool:
    step = value.step
    return (
        step is not None
        and value.is_private
        and value.like(reader.output)
        and step.piece.kind is _L.Dense
        and step.piece.free
        and is_linear(step.piece)
        and step.input is not None
    )


def _alike(steps: list[Step], training: bool) -> list[Step]:
    """The most steps that can be one layer."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        rules = {name: step.piece.config.get(name) for name in unregularised(step.piece)}
        config = {"dtype": step.piece.config["dtype"], "leading": list(step.inputs[0].shape[:-1])}
        config["input"] = step.inputs[0].dtype
        if training:
            if not may_rearrange(step.piece):
                continue
            # A regulariser of a bias that only one of them has is that one's.
            kernels = {n: r for n, r in rules.items() if n.startswith("kernel")}
            config |= {"trainable": step.piece.config["trainable"], **kernels}
        groups.setdefault(key_of(config), []).append(step)
    most = max(groups.values(), key=len, default=[])
    if training and sum(step.piece.config["use_bias"] for step in most) > 1:
        return []
    return most


def _product(plan: Plan, steps: list[Step], sources: list[Value]) -> Piece:
    rows: dict[int, np.ndarray] = {}
    bias = np.zeros(())
    for step in steps:
        kernel, *own = (np.asarray(w, "float64") for w in step.piece.weights)
        source = id(step.inputs[0])
        rows[source] = rows[source] + kernel if source in rows else kernel
        bias = bias + own[0] if own else bias
    biased = [step.piece for step in steps if step.piece.config["use_bias"]]
    piece = biased[0] if biased else steps[0].piece
    kernel = np.concatenate([rows[id(source)] for source in sources])
    dtype = piece.weights[0].dtype
    weights = [kernel.astype(dtype), *([bias.astype(dtype)] if biased else [])]
    free_rules = {} if plan.training else unregularised(piece)
    name = plan.fresh(f"{steps[0].piece.name}_joined")
    return piece.changed(weights, name=name, **free_rules)


def _joined(
    plan: Plan, joined: dict[tuple[int, ...], Value], sources: list[Value], piece: Piece
) -> Value:
    if len(sources) == 1:
        return sources[0]
    key = tuple(map(id, sources))
    if key not in joined:
        size = sum(source.shape[-1] or 0 for source in sources)
        value = Value((*sources[0].shape[:-1], size), sources[0].dtype)
        config = {"axis": -1, "dtype": piece.config["dtype"], "name": plan.fresh("joined")}
        plan.add(Piece(_L.Concatenate, config, []), (sources,), [value])
        joined[key] = value
    return joined[key]
