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
    held = [(layer, "return_sequences")]
    if isinstance(layer, keras.layers.Bidirectional):
        # As its constructor sets them with return_sequences=True.
        for one in (layer.forward_layer, layer.backward_layer):
            held += [(one, "return_sequences"), (one, "zero_output_for_mask")]
    with _lock:
        before = [getattr(one, name) for one, name in held]
        for one, name in held:
            setattr(one, name, True)
        try:
            yield
        finally:
            for (one, name), value in zip(held, before, strict=True):
                setattr(one, name, value)
