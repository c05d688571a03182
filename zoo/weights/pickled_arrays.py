"""NumPy's arrays in pickles, of Python 2 and 3, as `read_pickle` puts them together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .errors import WeightsError
from .pickles import Stated

__all__ = ["ARRAY_FUNCTIONS", "PickledArray"]


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


class PickledArray(Stated):
    """An array under way: its bytes are looked at only when its shape and dtype are known."""

    def __init__(self, *_: Any) -> None:
        self._shape: tuple[int, ...] = (0,)
        self._dtype = _DType("f8")
        self._fortran = False
        self._raw: Any = b""

    @classmethod
    def from_buffer(cls, raw: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
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


ARRAY_FUNCTIONS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _bytes,
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy.core.numeric", "_frombuffer"): PickledArray.from_buffer,
    ("numpy._core.numeric", "_frombuffer"): PickledArray.from_buffer,
}
"""What `read_pickle` may be told to call: what builds arrays."""
