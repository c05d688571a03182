"""`bvlc_alexnet.npy` and its like: a pickled dict, layer -> [weights, biases], in an `.npy` file.

Such files were written by Caffe converters under Python 2.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .assigning import Plan
from .errors import WeightsError
from .named import NamedArray, WeightNames, by_name
from .pickled_arrays import ARRAY_FUNCTIONS, PickledArray
from .pickles import read_pickle

__all__ = ["plan", "read", "recognises"]

_ROLES = {"weights": "weight", "biases": "bias", "weight": "weight", "bias": "bias"}
_HOLDS = "expected a dict of layer -> [weights, biases]"


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one."""
    return head.startswith(npy.MAGIC_PREFIX)


def plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model."""
    return by_name(model, read(path), "keras", tables, format="pickled NumPy dict")


def read(path: str) -> dict[str, NamedArray]:
    """The arrays of a file, called ``<layer>.weight`` and ``<layer>.bias``.

    Raises:
        WeightsError: The file is damaged, holds something else, or its pickle more than arrays.
    """
    with open(path, "rb") as file:
        shape, dtype = _header(file)
        if dtype != np.dtype(object):
            raise WeightsError(f"one array {dtype} {shape}, {_HOLDS}", offset=0)
        start = file.tell()
        # In memory, for the reader of opcodes reads little by little.
        content = io.BytesIO(file.read())
    try:
        outer = read_pickle(content, ARRAY_FUNCTIONS)
    except WeightsError as error:
        at = None if error.offset is None else start + error.offset
        raise WeightsError(error.problem, offset=at) from error.__cause__
    layers = outer.values() if isinstance(outer, PickledArray) else outer
    if isinstance(layers, list) and len(layers) == 1:
        layers = layers[0]
    if not isinstance(layers, dict):
        raise WeightsError(f"a pickled {type(layers).__name__}, {_HOLDS}", offset=start)
    found: dict[str, NamedArray] = {}
    for layer, held in layers.items():
        name = layer.decode("latin1") if isinstance(layer, bytes) else str(layer)
        for role, source, value in _held(name, held):
            if not isinstance(value, PickledArray):
                raise WeightsError(f"{source} is a {type(value).__name__}, expected an array")
            shape, dtype = value.described()
            found[f"{name}.{role}"] = NamedArray(shape, dtype, value.values, source)
    return found


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    try:
        version = npy.read_magic(file)
        readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"version {version} of the format")
        shape, _, dtype = readers[version](file)
    except Exception as error:  # NumPy evaluates the header as a Python literal.
        raise WeightsError(f"the .npy header: {error}", offset=0) from error
    return shape, dtype


def _held(name: str, held: Any) -> list[tuple[str, str, Any]]:
    if isinstance(held, PickledArray):
        held = held.values() if held.is_object else None
    if isinstance(held, list | tuple) and 1 <= len(held) <= 2:
        roles = ("weight", "bias")
        return [(roles[i], f"{name}[{i}]", value) for i, value in enumerate(held)]
    if isinstance(held, dict) and held and all(key in _ROLES for key in held):
        return [(_ROLES[key], f"{name}[{key!r}]", value) for key, value in held.items()]
    raise WeightsError(f"{name!r} holds no [weights, biases], {_HOLDS}")
