"""The largest value is taken before a function that never falls, not after it."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from .activations import is_monotone
from .change import Change
from .configs import reads
from .linear import LINEAR
from .plan import Piece, Plan, Step, Value

__all__ = ["pool_first"]

_L = keras.layers
_POOLS = (
    *(_L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D),
    *(_L.GlobalMaxPooling1D, _L.GlobalMaxPooling2D, _L.GlobalMaxPooling3D),
)
# TensorFlow computes them in the same pass as the product before them.
_FREE_AFTER_PRODUCT = (_L.ReLU, _L.LeakyReLU, _L.ELU)
_FREE_NAMES = ("relu", "relu6", "leaky_relu", "elu")


def pool_first(plan: Plan) -> Iterator[Change]:
    """``max f(x) = f(max x)`` where f never falls: f is computed for fewer values."""
    for step in plan.living():
        if step.piece.kind not in _POOLS or not step.piece.free or step.output.masked:
            continue
        function = reads(step)
        if function is None or function.input is None or not is_monotone(function.piece):
            continue
        source = function.input
        if not function.piece.free or not source.like(function.output):
            continue
        if not _makes_fewer(step.piece) or _is_free(function):
            continue
        pooled = Value(step.output.shape, step.output.dtype)
        names = (function.piece.name, step.piece.name)
        output = step.output
        plan.add(step.piece, (source,), [pooled])
        plan.add(function.piece, (pooled,), [output])
        plan.remove(step)
        yield Change("swapped", names, f"{names[1]} before {names[0]}", names[::-1])


def _makes_fewer(piece: Piece) -> bool:
    """Whether windows lie so far apart that there are fewer of them than values."""
    strides = piece.config.get("strides", 2)  # A global pooling has one window.
    return any(stride > 1 for stride in keras.tree.flatten(strides))


def _is_free(function: Step) -> bool:
    piece = function.piece
    cheap = piece.kind in _FREE_AFTER_PRODUCT or piece.config.get("activation") in _FREE_NAMES
    before = function.inputs[0].step
    return cheap and before is not None and before.piece.kind in LINEAR
