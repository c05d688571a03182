"""Parts of a graph as the cell of a loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ..table import flatten, unflatten
from .apart import apart
from .scope import Scope
from .step_cell import Cell
from .step_layer import StepLoop

__all__ = ["Once", "looped"]

Once = Callable[[list[Any], list[Any], Scope], tuple[list[Any], list[Any]]]
"""From one step of each (table of) sequence(s) and the states to outputs and new states."""


def looped(
    once: Once,
    sequences: Sequence[Any],
    states: Sequence[Any],
    scope: Scope,
    *,
    plain: bool = False,
) -> list[Any] | None:
    """What a step gives that a `StepLoop` applies to sequences, its states fed back.

    Args:
        once: The step, as a function of Keras tensors.
        sequences: (Tables of) Keras tensors ``(batch, time, ...)``, at least one.
        states: Those before the first step, ``(batch, ...)``.
        scope: Where it stands.
        plain: Whether only a loop with a gradient of its own will do. Default: False.

    Returns:
        The outputs of all steps, or the states where there are no outputs; None where the steps
        are to be written out: for a plain copy, and of a known number of steps where the cell
        holds more than functions and Dense layers (convolutions, dropout, statistics, a user's
        layers).
    """
    given = flatten(list(sequences))
    known = given[0].shape[1] is not None
    if scope.stock or (known and not states):
        return None
    parts = [
        keras.Input(batch_shape=(a.shape[0], *a.shape[2:]), dtype=a.dtype, name=f"part_{i}")
        for i, a in enumerate(given, 1)
    ]
    last = [
        keras.Input(batch_shape=a.shape, dtype=a.dtype, name=f"state_{i}")
        for i, a in enumerate(states, 1)
    ]
    outputs, new = once(unflatten(list(sequences), iter(parts)), last, scope.unseen())
    ends = apart([*flatten(outputs), *new], [*parts, *last], lambda _: keras.layers.Identity())
    model = keras.Model([*parts, *last], ends)
    if (known or plain) and not Cell(model, len(last)).is_plain:
        return None
    # Made anew each time: a child may have been replaced since. The layers of the cell are kept.
    layer = scope.new_layer(lambda name: StepLoop(model, len(last), name=name), "_loop")
    results = keras.tree.flatten(layer([*given, *states]))
    return unflatten(outputs or new, iter(results))
