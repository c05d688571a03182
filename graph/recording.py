"""The calls that a subclassed model makes when it runs, which Keras keeps no record of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from .calls import Call

__all__ = ["listening", "record_calls", "run_recorded", "standard_arrays"]

_local = threading.local()
_lock = threading.Lock()
_listeners = 0
_original: Any = None

OnCall = Callable[[str, Any, Any, tuple[Any, ...], dict[str, Any]], Any]


class _Listener:
    """Where one thread is among the layers that are running, and whom to tell of each."""

    def __init__(self, on_call: OnCall) -> None:
        self.on_call = on_call
        # Each level: the path so far, and how often each name was called at this level.
        self.levels: list[tuple[str, dict[str, int]]] = []

    def run(self, layer: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not self.levels:  # the model itself
            self.levels.append(("", {}))
            return _original(layer, *args, **kwargs)
        prefix, counts = self.levels[-1]
        number = counts.get(layer.name, 0)
        counts[layer.name] = number + 1
        path = f"{prefix}{layer.name}:{number}"
        if _is_atom(layer):
            with _silence():
                value = _original(layer, *args, **kwargs)
        else:
            self.levels.append((path + "/", {}))
            try:
                value = _original(layer, *args, **kwargs)
            finally:
                self.levels.pop()
        return self.on_call(path, layer, value, args, kwargs)


def _is_atom(layer: Any) -> bool:
    # What Keras's own layers call inside themselves, such as a cell in its loop, is theirs: those
    # tensors live in the loop's graph and cannot leave it.
    inside_keras = type(layer).__module__.partition(".")[0] == "keras"
    return inside_keras and not isinstance(layer, keras.Model)


@contextmanager
def _silence() -> Iterator[None]:
    held, _local.listener = getattr(_local, "listener", None), None
    try:
        yield
    finally:
        _local.listener = held


@contextmanager
def listening(on_call: OnCall) -> Iterator[None]:
    """Tell of every layer call that this thread makes inside the first one.

    `Layer.__call__` is replaced while any thread listens: instances cannot be given a
    `__call__`, and replacing their `call` would miss quantised layers. Other threads run as
    before.

    Args:
        on_call: Takes the path, every part numbered (`block:0/dense:1`), the layer, its value and
            arguments; what it returns goes on in the place of the value.
    """
    global _listeners, _original
    with _lock:
        if _listeners == 0:
            _original = keras.layers.Layer.__call__
            keras.layers.Layer.__call__ = _call
        _listeners += 1
    held = getattr(_local, "listener", None)
    _local.listener = _Listener(on_call)
    try:
        yield
    finally:
        _local.listener = held
        with _lock:
            _listeners -= 1
            if _listeners == 0:
                keras.layers.Layer.__call__ = _original


def _call(self: Any, *args: Any, **kwargs: Any) -> Any:
    listener = getattr(_local, "listener", None)
    if listener is None:
        return _original(self, *args, **kwargs)
    return listener.run(self, args, kwargs)


def record_calls(model: keras.Model, x: Any) -> tuple[dict[str, Call], dict[str, str]]:
    """Run a model once on a batch and note which layers it calls.

    Args:
        model: A built model, of any kind.
        x: One batch, in the structure that the model takes.

    Returns:
        Path -> call, in the order in which the calls end; a part of a path is numbered only where
        its parent calls the name several times. And path -> the same path with all numbers, as
        `listening` tells it.
    """
    found: list[tuple[str, Any]] = []
    outside = _tensor_graph()

    def note(path: str, layer: Any, value: Any, _args: Any, _kwargs: Any) -> Any:
        # A call inside a loop of the user's own cannot be tapped, for the reason above.
        if _tensor_graph() is outside:
            found.append((path, layer))
        return value

    with listening(note):
        model(x, training=False)
    several = {path.rpartition(":")[0] for path, _ in found if not path.endswith(":0")}
    calls, numbered = {}, {}
    for path, layer in found:
        short = _short(path, several)
        calls[short] = Call(short, layer, (), (), None)
        numbered[short] = path
    return calls, numbered


def _short(path: str, several: set[str]) -> str:
    parts = path.split("/")
    shown = []
    for i, part in enumerate(parts):
        stem = part.rpartition(":")[0]
        whole = "/".join([*parts[:i], stem])
        shown.append(part if whole in several else stem)
    return "/".join(shown)


def _tensor_graph() -> Any:
    """The TensorFlow graph that operations go into now; None while they run at once."""
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def run_recorded(model: keras.Model, x: Any, on_call: OnCall) -> Any:
    """Run a model in inference mode, telling `on_call` of every call; returns its output."""
    with listening(on_call):
        return model(x, training=False)


def standard_arrays(model: str, x: Any) -> tuple[Any, list[Any]]:
    """The structure of an input without a graph to check it against, and its arrays.

    Args:
        model: The model's name, for the messages.
        x: An array or a structure of arrays.

    Returns:
        `x` with its leaves numbered, and the leaves.

    Raises:
        ValueError: A leaf is no array of numbers or text, there are no samples, or the leaves
            differ in their number of samples.
    """
    plain_list = isinstance(x, (list, tuple)) and not any(hasattr(v, "shape") for v in x)
    if plain_list and not any(isinstance(v, dict) for v in x):
        x = np.asarray(x)
    leaves: Sequence[Any] = keras.tree.flatten(x)
    arrays = []
    for leaf in leaves:
        lazy = isinstance(getattr(leaf, "dtype", None), np.dtype)
        if keras.ops.is_tensor(leaf):
            leaf = keras.ops.convert_to_numpy(leaf)
        array = leaf if lazy else np.asarray(leaf)
        if array.dtype.kind not in "biufcVSUO" or not array.shape:
            raise ValueError(
                f"input of model '{model}': expected arrays with a batch axis, received "
                f"{array.dtype} of shape {tuple(array.shape)}"
            )
        if not array.shape[0]:
            raise ValueError(f"input of model '{model}': expected at least one sample")
        arrays.append(array)
    if len({a.shape[0] for a in arrays}) != 1:
        counts = ", ".join(str(a.shape[0]) for a in arrays)
        raise ValueError(f"model '{model}': inputs with different numbers of samples: {counts}")
    numbers = iter(range(len(arrays)))
    return keras.tree.map_structure(lambda _: next(numbers), x), arrays
