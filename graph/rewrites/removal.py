"""Layers that change nothing, and layers of shape that cancel."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import keras

from .change import Change
from .plan import Piece, Plan, Step, Value

__all__ = ["remove_identities"]

_L = keras.layers
_IN_TRAINING_ONLY = (
    *(_L.Dropout, _L.SpatialDropout1D, _L.SpatialDropout2D, _L.SpatialDropout3D),
    *(_L.AlphaDropout, _L.GaussianDropout, _L.GaussianNoise),
)
_RESHAPING = (_L.Reshape, _L.Flatten)
_BORDERS = {
    **dict.fromkeys((_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D), "padding"),
    **dict.fromkeys((_L.Cropping1D, _L.Cropping2D, _L.Cropping3D), "cropping"),
}


def remove_identities(plan: Plan) -> Iterator[Change]:
    """Take out what gives its input: dropout in inference, equal shapes, transpositions in pairs.

    Two transpositions become one where they do not cancel, and of two reshapings the second is
    left.
    """
    for step in plan.living():
        source = step.input
        if source is None or step.output.masked or not step.piece.is_layer:
            continue
        if len(step.outputs) != 1 or step.piece.config.get("activity_regularizer"):
            continue
        name, kind = step.piece.name, step.piece.kind
        if step.output.like(source) and _changes_nothing(step.piece, source, plan.training):
            if kind is _L.Identity and step.output.results:
                continue  # It may be there for its name.
            plan.redirect(step.output, source)
            yield Change("removed", (name,), f"{name} ({kind.__name__}) gives what it is given")
        elif kind is _L.Permute:
            yield from _joined_transpositions(plan, step, source)
        elif kind in _RESHAPING and (before := _step_before(source, _RESHAPING)) is not None:
            inner = before.input
            if inner is None or None in step.output.shape[1:] or None in inner.shape[1:]:
                continue
            gone = before.piece.name
            plan.replace(step, _reshaping(plan, step), inner)
            yield Change("removed", (gone, name), f"{name} reshapes what {gone} was to reshape")


def _changes_nothing(piece: Piece, value: Value, training: bool) -> bool:
    kind, config = piece.kind, piece.config
    if kind is _L.Identity:
        return True
    if kind is _L.Activation:
        return config["activation"] == "linear"
    if kind in _IN_TRAINING_ONLY:
        return not training or config.get("rate", config.get("stddev")) == 0
    if kind in _RESHAPING:
        # One open size is inferred from the others; with two it might be another one.
        order = config.get("data_format") != "channels_first" or len(value.shape) < 3
        return order and value.shape[1:].count(None) <= 1
    if kind is _L.Permute:
        return list(config["dims"]) == list(range(1, len(value.shape)))
    if kind is _L.Rescaling:
        return _is(config["scale"], 1) and _is(config["offset"], 0)
    if kind in _BORDERS:
        return not any(keras.tree.flatten(config[_BORDERS[kind]]))
    if kind in (_L.UpSampling1D, _L.UpSampling2D, _L.UpSampling3D):
        return all(size == 1 for size in keras.tree.flatten(config["size"]))
    return False


def _is(number: Any, wanted: int) -> bool:
    return isinstance(number, (int, float)) and number == wanted


def _step_before(value: Value, kinds: tuple[Any, ...]) -> Step | None:
    step = value.step
    if step is None or step.piece.kind not in kinds or value.masked:
        return None
    return step


def _joined_transpositions(plan: Plan, step: Step, source: Value) -> Iterator[Change]:
    before = _step_before(source, (_L.Permute,))
    if before is None or before.input is None:
        return
    first, second = list(before.piece.config["dims"]), list(step.piece.config["dims"])
    joined = [first[axis - 1] for axis in second]
    names = (before.piece.name, step.piece.name)
    inner = before.input
    if joined == list(range(1, len(joined) + 1)) and step.output.like(inner):
        plan.redirect(step.output, inner)
        yield Change("removed", names, f"{names[0]} and {names[1]} (Permute) cancel")
    elif step.output.dtype == inner.dtype:
        config = {**copy.deepcopy(step.piece.config), "dims": joined, "name": _name(plan, step)}
        plan.replace(step, Piece(_L.Permute, config, []), inner)
        yield Change(
            "removed", names, f"{names[0]} and {names[1]} are one transposition", names[1:]
        )


def _reshaping(plan: Plan, step: Step) -> Piece:
    config = {"name": _name(plan, step), "dtype": step.piece.config["dtype"]}
    return Piece(_L.Reshape, {**config, "target_shape": list(step.output.shape[1:])}, [])


def _name(plan: Plan, step: Step) -> str:
    """The step's name, where no other step needs it."""
    return step.piece.name if step.piece.uses == 1 else plan.fresh(step.piece.name)
