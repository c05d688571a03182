"""What is computed twice is computed once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from ..nn.batch_normalization import TorchBatchNormalization
from ..nn.module_layer import ModuleLayer
from .change import Change
from .configs import key_of
from .plan import Piece, Plan, Slices, Step, Value

__all__ = ["share_common"]

# Keras's layers that run code of others.
_OF_OTHERS = ("Lambda", "TFSMLayer", "JaxLayer", "FlaxLayer", "TorchModuleWrapper")


def share_common(plan: Plan) -> Iterator[Change]:
    """Let equal steps on equal inputs be one.

    Equal are steps of the same layer, and of layers without weights that have the same arguments.
    What draws random numbers, keeps a state or adds a loss is left.
    """
    seen: dict[Any, Step] = {}
    for step in plan.living():
        if any(v.masked for v in (*step.inputs, *step.outputs)) or not step.inputs:
            continue
        key = _key(step, plan.training)
        if key is None:
            continue
        first = seen.setdefault(key, step)
        if first is step or not first.alive:
            continue
        name, kept = step.piece.name, first.piece.name
        for old, new in zip(step.outputs, first.outputs, strict=True):
            plan.redirect(old, new)
        what = f"{name} is what {kept} is" if name != kept else f"{name} was applied twice"
        yield Change("computed once", (name,), what, (kept,))


def _key(step: Step, training: bool) -> Any:
    piece = step.piece
    arguments = _arguments((step.args, step.kwargs))
    if arguments is None:
        return None
    if piece.kind is Slices:
        return Slices, tuple(piece.config["sizes"]), arguments
    if piece.is_layer and not _is_repeatable(piece, training):
        return None
    if piece.uses > 1 or not piece.is_layer:
        identity: Any = id(piece)
        if not piece.is_layer:
            identity = _operation_key(piece)
        return identity, arguments
    if piece.weights or piece.inner is not None:
        return None
    return piece.kind, key_of(piece.config, "name", "trainable"), arguments


def _operation_key(piece: Piece) -> Any:
    if not piece.kind.__module__.startswith("keras.src.ops."):
        return id(piece)
    try:
        return piece.kind, key_of(piece.config, "name")
    except (TypeError, ValueError):
        return id(piece)


def _arguments(structure: Any) -> Any:
    """A key that tells arguments apart; None where they hold what cannot be compared."""
    keys = []
    for leaf in keras.tree.flatten(structure):
        if isinstance(leaf, Value):
            keys.append(id(leaf))
        elif leaf is None or isinstance(leaf, (bool, int, float, str, slice, type(...))):
            keys.append(repr(leaf))
        else:
            return None
    shape = keras.tree.map_structure(lambda _: 0, structure)
    return repr(shape), tuple(keys)


def _is_repeatable(piece: Piece, training: bool) -> bool:
    """Whether the layer gives the same whenever it is given the same, and leaves no trace."""
    if piece.source is None:
        return True  # Rules make none but such.
    return all(_is_plain(layer, training) for layer in piece.source._flatten_layers())


def _is_plain(layer: Any, training: bool) -> bool:
    known = type(layer).__module__.startswith("keras.src.")
    if not known and type(layer) not in (ModuleLayer, TorchBatchNormalization):
        # A GModule is a graph of layers, each of which is asked.
        if not hasattr(layer, "forwardnodes"):
            return False
    if type(layer).__name__ in _OF_OTHERS or getattr(layer, "stateful", False):
        return False
    if getattr(layer, "activity_regularizer", None) is not None:
        return False
    if getattr(layer, "_seed_generators", ()):
        return False
    normalises = isinstance(
        layer, (keras.layers.BatchNormalization, keras.layers.SpectralNormalization)
    )
    return not (training and normalises)
