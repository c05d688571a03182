"""Transpositions before a flattening, folded into the rows of the next product."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from ..activation_names import ELEMENTWISE
from .change import Change
from .configs import activation_name, is_exact, may_rearrange, reads, unregularised
from .plan import Piece, Plan, Step, Value

__all__ = ["fold_flatten_order"]

_L = keras.layers


def fold_flatten_order(plan: Plan) -> Iterator[Change]:
    """Flatten as the values lie, and let the rows of the next Dense lie so.

    Torch flattens images plane by plane, Keras place by place: the transposition between them
    need not be computed for every sample.
    """
    for step in plan.living():
        piece = step.piece
        if piece.kind is not _L.Dense or not piece.free or step.input is None:
            continue
        if not is_exact(step.input, step.output) or len(step.output.shape) != 2:
            continue
        if plan.training and not may_rearrange(piece):
            continue
        flattening = _flattening(step)
        transposing = None if flattening is None else reads(flattening)
        if flattening is None or transposing is None or transposing.input is None:
            continue
        source = transposing.input
        if transposing.piece.kind is not _L.Permute or None in source.shape[1:]:
            continue
        rows = _rows(source, transposing.piece.config["dims"])
        kernel, *bias = piece.weights
        moved = np.empty_like(kernel)
        moved[rows] = kernel
        free_rules = {} if plan.training else unregularised(piece)
        config = {
            "name": flattening.piece.name,
            "dtype": flattening.piece.config["dtype"],
            "target_shape": [len(rows)],
        }
        names = (transposing.piece.name, flattening.piece.name, piece.name)
        inner = step.input
        plan.replace(flattening, Piece(_L.Reshape, config, []), source)
        new = piece.changed([moved, *bias], **free_rules)
        plan.replace(step, new, inner)
        what = f"{names[0]} (Permute) before {names[1]} into the rows of {names[2]}"
        yield Change("folded", names, what, names[1:])


def _flattening(step: Step) -> Step | None:
    """The step that flattens what `step` reads, through functions of every value by itself."""
    before = reads(step)
    while before is not None and before.piece.free:
        if before.piece.kind in (_L.Reshape, _L.Flatten):
            value = before.input
            shapes = value is not None and len(value.shape) > 2 and len(before.output.shape) == 2
            plain = before.piece.config.get("data_format") != "channels_first"
            return before if shapes and plain else None
        if not _is_elementwise(before.piece):
            return None
        before = reads(before)
    return None


def _is_elementwise(piece: Piece) -> bool:
    if piece.kind is _L.Activation:
        return activation_name(piece) in ELEMENTWISE
    # Which of the values dropout drops is chance, whatever their order.
    return piece.kind in (_L.ReLU, _L.LeakyReLU, _L.ELU, _L.Dropout)


def _rows(source: Value, dims: list[int]) -> np.ndarray:
    """For each value in the transposed order its place in the order as the values lie."""
    sizes = [size or 0 for size in source.shape[1:]]
    places = np.arange(np.prod(sizes)).reshape(sizes)
    return places.transpose([axis - 1 for axis in dims]).reshape(-1)
