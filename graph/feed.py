"""What a user hands to a model, as the flat list of arrays that its graph takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from .calls import calls_of

__all__ = ["feed", "input_names", "nested_inputs"]


def input_names(graph: Any) -> list[str]:
    """The names of a graph's input layers.

    Args:
        graph: what `graph.calls.recorded_graph` returns.

    Returns:
        One name for each of `graph.inputs`, in that order. (A tensor's own name is another
        thing: that of a Sequential's input is `keras_tensor_7`.)
    """
    names = {id(t): call.operation.name for call in calls_of(graph) for t in call.outputs}
    return [names[id(tensor)] for tensor in graph.inputs]


def nested_inputs(graph: Any, given: Any) -> list[Any]:
    """What a nested model's call was given, as the flat list of its graph's input tensors.

    Keras's own conversion, private, because only it knows which liberties are allowed (dicts by
    name, a missing last axis of 1, another dtype).
    """
    return graph._standardize_inputs(given)


def feed(model: str, graph: Any, x: Any, *, cast: bool = True) -> list[Any]:
    """Check a user's input against a graph.

    Args:
        model: the model's name, for the messages.
        graph: what `graph.calls.recorded_graph` returns.
        x: an array, a (nested) list of arrays, or a dict of arrays by input name.
        cast: False leaves arrays as they are, checked, whether in memory, mapped, or a dataset of
            h5py, for a caller that goes through them bit by bit. Default True.

    Returns:
        Arrays of the inputs' dtypes (tensors where that is text), in the order of
        `graph.inputs`.

    Raises:
        ValueError: an input is missing, unknown, of a wrong shape, not numeric, or empty; or the
            inputs differ in their number of samples.

    Example:
        >>> model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(3)])
        >>> from graph.calls import recorded_graph
        >>> [a.dtype.name for a in feed("net", recorded_graph(model), [[1, 2], [3, 4]])]
        ['float32']
    """
    names = input_names(graph)
    arrays = []
    for name, symbol, value in zip(names, graph.inputs, _flat(model, graph, names, x), strict=True):
        where, expected = f"input '{name}' of model '{model}'", tuple(symbol.shape)
        array = _array(where, symbol.dtype, value, cast)
        got = tuple(array.shape)
        fits = len(got) == len(expected) and all(
            e in (None, g) for e, g in zip(expected[1:], got[1:], strict=True)
        )
        if not fits:
            hint = "; one sample needs a batch axis, x[None]" if got == expected[1:] else ""
            raise ValueError(f"{where}: expected shape {expected}, received {got}{hint}")
        if not got[0]:
            raise ValueError(f"{where}: expected at least one sample, received shape {got}")
        arrays.append(array)
    if len({array.shape[0] for array in arrays}) > 1:
        counts = ", ".join(f"'{n}' {a.shape[0]}" for n, a in zip(names, arrays, strict=True))
        raise ValueError(f"model '{model}': inputs with different numbers of samples: {counts}")
    return arrays


def _flat(model: str, graph: Any, names: list[str], x: Any) -> list[Any]:
    if isinstance(x, Mapping):
        if set(x) == set(names):
            return [x[name] for name in names]
        if isinstance(graph.input, dict) and set(x) == set(graph.input):
            return [x[key] for key in keras.tree.flatten({key: key for key in x})]
        raise ValueError(
            f"model '{model}' takes the inputs {names}, received {sorted(map(str, x))}"
        )
    if len(names) == 1:
        one = isinstance(x, (list, tuple)) and len(x) == 1 and hasattr(x[0], "shape")
        return [x[0]] if one else [x]
    values = _leaves(x)
    if len(values) != len(names):
        got = ", ".join(str(tuple(getattr(v, "shape", ()))) for v in values)
        expected = ", ".join(
            f"'{n}' {tuple(t.shape)}" for n, t in zip(names, graph.inputs, strict=True)
        )
        raise ValueError(
            f"model '{model}' takes {len(names)} inputs: expected {expected}; "
            f"received {len(values)}, of shape {got}"
        )
    return values


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)):
        return [leaf for value in x for leaf in _leaves(value)]
    return [x]


def _array(where: str, dtype: str, value: Any, cast: bool) -> Any:
    lazy = not isinstance(value, np.ndarray) and isinstance(getattr(value, "dtype", None), np.dtype)
    if lazy and not cast and value.dtype.kind in "biuf":
        return value
    try:
        if keras.ops.is_tensor(value):
            value = keras.ops.convert_to_numpy(value)
        array = np.asarray(value)
        if dtype == "string":
            return keras.ops.convert_to_tensor(array, dtype="string") if cast else array
        if array.dtype.kind not in "biufcV":  # V: bfloat16 and the float8 types
            raise ValueError(f"dtype {array.dtype}")
        if not cast:
            return array
        # NumPy knows bfloat16 only once ml_dtypes is loaded; Keras converts what is left.
        return array.astype(dtype, copy=False) if dtype in np.sctypeDict else array
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: expected an array of {dtype}, received {error}") from error
