"""`bvlc_alexnet.npy` and its like: a pickled dict, layer -> [weights, biases], in an `.npy` file.

Such files were written by Caffe converters under Python 2.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib import format as npy

from .assigning import Plan
from .errors import WeightsError
from .named import NamedArray, WeightNames, by_name
from .pickles import Stated, read_pickle

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
        outer = read_pickle(content, _FUNCTIONS)
    except WeightsError as error:
        at = None if error.offset is None else start + error.offset
        raise WeightsError(error.problem, offset=at) from error.__cause__
    layers = outer.values() if isinstance(outer, _Array) else outer
    if isinstance(layers, list) and len(layers) == 1:
        layers = layers[0]
    if not isinstance(layers, dict):
        raise WeightsError(f"a pickled {type(layers).__name__}, {_HOLDS}", offset=start)
    found: dict[str, NamedArray] = {}
    for layer, held in layers.items():
        name = layer.decode("latin1") if isinstance(layer, bytes) else str(layer)
        for role, source, value in _held(name, held):
            if not isinstance(value, _Array):
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
    if isinstance(held, _Array):
        held = held.values() if held.is_object else None
    if isinstance(held, list | tuple) and 1 <= len(held) <= 2:
        roles = ("weight", "bias")
        return [(roles[i], f"{name}[{i}]", value) for i, value in enumerate(held)]
    if isinstance(held, dict) and held and all(key in _ROLES for key in held):
        return [(_ROLES[key], f"{name}[{key!r}]", value) for key, value in held.items()]
    raise WeightsError(f"{name!r} holds no [weights, biases], {_HOLDS}")


class _DType(Stated):
    """`numpy.dtype` of a plain kind."""

    def __init__(self, code: Any, *_: Any) -> None:
        code = code.decode("latin1") if isinstance(code, bytes) else code
        plain = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"}
        self.is_object = code in ("O", "O4", "O8")
        if not isinstance(code, str) or not (self.is_object or code.lstrip("<>=|") in plain):
            raise ValueError(f"dtype {code!r} is not of numbers")
        self.code = "O" if self.is_object else code

    def set_state(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        order = order.decode("latin1") if isinstance(order, bytes) else order
        if order not in ("<", ">", "|", "="):
            raise WeightsError(f"a dtype of byte order {order!r}")
        if order in "<>" and not self.is_object:
            self.code = order + self.code.lstrip("<>=|")


class _Array(Stated):
    """An array under way: its bytes are looked at only when its shape and dtype are known."""

    def __init__(self, *_: Any) -> None:
        self._shape: tuple[int, ...] = (0,)
        self._dtype = _DType("f8")
        self._fortran = False
        self._raw: Any = b""

    @classmethod
    def from_buffer(cls, raw: Any, dtype: Any, shape: Any, order: Any) -> _Array:
        """What `numpy.core.numeric._frombuffer` gives, which protocol 5 calls."""
        array = cls()
        array.set_state((1, shape, dtype, order == "F", raw))
        return array

    def set_state(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise WeightsError("a damaged pickle: an array's state has five parts")
        _, shape, dtype, fortran, raw = state
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise WeightsError(f"an array of shape {shape!r}")
        if not isinstance(dtype, _DType):
            raise WeightsError("an array without a dtype")
        if isinstance(raw, str):  # Python 2's bytes.
            raw = raw.encode("latin1")
        kind = list if dtype.is_object else bytes | bytearray
        size = math.prod(shape) * (1 if dtype.is_object else np.dtype(dtype.code).itemsize)
        if not isinstance(raw, kind) or len(raw) != size:
            raise WeightsError(f"an array {dtype.code} {shape} that does not hold {size} bytes")
        self._shape, self._dtype, self._fortran, self._raw = shape, dtype, bool(fortran), raw

    @property
    def is_object(self) -> bool:
        return self._dtype.is_object

    def described(self) -> tuple[tuple[int, ...], str]:
        return self._shape, "object" if self.is_object else np.dtype(self._dtype.code).name

    def values(self) -> Any:
        """The array; of objects, the list of them."""
        if self.is_object:
            return self._raw
        flat = np.frombuffer(self._raw, self._dtype.code)
        return flat.reshape(self._shape, order="F" if self._fortran else "C")


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    """What `_codecs.encode` does in pickles of protocol 2 that Python 3 writes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise ValueError("not the bytes of an array")
    return text.encode("latin1")


_FUNCTIONS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _bytes,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Array for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _Array.from_buffer for core in ("core", "_core")},
}
