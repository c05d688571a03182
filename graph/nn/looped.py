"""Parts of a graph as the cell of a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from .scope import Scope
from .step_cell import Cell
from .step_layer import StepLoop

__all__ = ["looped"]

Build = Callable[[list[Any], list[Any], Scope], tuple[list[Any], list[Any]]]


def looped(
    sequences: Sequence[Any],
    states: Sequence[Any],
    build: Build,
    scope: Scope,
    *,
    plain: bool = False,
) -> list[Any] | None:
    """A `StepLoop` over sequences.

    Args:
        sequences: Keras tensors ``(batch, time, ...)``, at least one.
        states: Those before the first step, ``(batch, ...)``.
        build: From one step of each sequence and the states to outputs and new states, lists of
            Keras tensors, at a place.
        scope: Where it stands.
        plain: Whether only a loop with a gradient of its own will do. Default: False.

    Returns:
        The outputs of all steps, or the states where there are no outputs; None where the steps
        are to be written out: for a plain copy, and of a known number of steps where the cell
        holds more than functions and Dense layers (convolutions, dropout, statistics, a user's
        layers).
    """
    known = sequences[0].shape[1] is not None
    if scope.stock or (known and not states):
        return None
    parts = [
        keras.Input(batch_shape=(a.shape[0], *a.shape[2:]), dtype=a.dtype, name=f"part_{i}")
        for i, a in enumerate(sequences, 1)
    ]
    last = [
        keras.Input(batch_shape=a.shape, dtype=a.dtype, name=f"state_{i}")
        for i, a in enumerate(states, 1)
    ]
    outputs, new = build(parts, last, scope.unseen())
    given = {id(a) for a in (*parts, *last)}
    # Keras 3.12 takes no model with an input that no layer reads.
    found = [keras.layers.Identity()(a) if id(a) in given else a for a in (*outputs, *new)]
    for a in (*parts, *last):
        if not a._keras_history.operation._outbound_nodes:
            keras.layers.Identity()(a)
    model = keras.Model([*parts, *last], found)
    if (known or plain) and not Cell(model, len(last)).is_plain:
        return None
    # Made anew each time: a child may have been replaced since. The layers of the cell are kept.
    layer = scope.new_layer(lambda name: StepLoop(model, len(last), name=name), "_loop")
    return keras.tree.flatten(layer([*sequences, *states]))
