"""The output of every time step of a recurrent layer that returns only the last one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

__all__ = ["is_last_step_only", "step_outputs"]

_lock = threading.RLock()


def is_last_step_only(layer: Any) -> bool:
    """Whether a layer is recurrent (Bidirectional too) and has `return_sequences=False`."""
    recurrent = isinstance(layer, (keras.layers.RNN, keras.layers.Bidirectional))
    return recurrent and not layer.return_sequences


def step_outputs(layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a recurrent layer once more, with the same weights, keeping every step.

    Args:
        layer: A layer of which `is_last_step_only` is true.
        args: Arguments of its call.
        kwargs: Keyword arguments of its call.

    Returns:
        `(batch, time, units)`, in the order in which the steps were computed (so backwards in
        time with `go_backwards`).
    """
    with _all_steps(layer):
        value = layer(*args, **kwargs)
    return value[0] if isinstance(value, (list, tuple)) else value


@contextmanager
def _all_steps(layer: Any) -> Iterator[None]:
    held = [layer]
    if isinstance(layer, keras.layers.Bidirectional):
        held += [layer.forward_layer, layer.backward_layer]
    with _lock:
        for one in held:
            one.return_sequences = True
        try:
            yield
        finally:
            for one in held:
                one.return_sequences = False
