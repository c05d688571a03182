"""`.safetensors` files, read with NumPy alone.

Eight bytes give the length of a JSON text, which gives each tensor's dtype, shape and place in
the bytes that follow.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .assigning import Plan
from .dtypes import from_bytes, item_size
from .errors import WeightsError
from .named import NamedArray, WeightNames, by_name

__all__ = ["plan", "read", "recognises"]

_LONGEST = 100_000_000  # bytes of JSON, as the format's own reader allows
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one."""
    length = int.from_bytes(head[:8], "little")
    return size > 8 and head[8:9] == b"{" and 2 <= length <= _LONGEST


def plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model."""
    return by_name(model, read(path), "torch", tables, format="safetensors")


def read(path: str | os.PathLike[str]) -> dict[str, NamedArray]:
    """The tensors of a file, in the order of their places; their data is read on demand.

    Raises:
        WeightsError: The file is damaged: its length, the JSON, a dtype, shape or place.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, _LONGEST):
            raise WeightsError(
                f"a safetensors header of {length} bytes in a file of {size}", offset=0
            )
        text = file.read(length)
    start, data = 8 + length, size - 8 - length
    found: dict[str, NamedArray] = {}
    end = 0
    for begin, name, stated in sorted(_places(_header(text), data), key=lambda p: p[0]):
        if begin != end:
            what = "overlaps the one before it" if begin < end else "leaves a hole before it"
            raise WeightsError(f"tensor {name!r} {what}", offset=start + begin)
        end = stated["data_offsets"][1]
        dtype, shape = _DTYPES[stated["dtype"]], tuple(stated["shape"])
        found[name] = NamedArray(shape, dtype, _reader(path, start + begin, dtype, shape))
    if end != data:
        raise WeightsError(f"{data - end} bytes after the last tensor", offset=start + end)
    return found


def _header(text: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            raise WeightsError("a name occurs twice in the safetensors header", offset=8)
        return names

    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        at = len(error.doc[: error.pos].encode("utf-8"))
        raise WeightsError(f"the safetensors header: {error.msg}", offset=8 + at) from None
    except UnicodeDecodeError as error:
        raise WeightsError("the safetensors header is not UTF-8", offset=8 + error.start) from None
    except WeightsError:
        raise
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"the safetensors header: {error}", offset=8) from None
    if not isinstance(header, dict):
        raise WeightsError("the safetensors header is no JSON object", offset=8)
    header.pop("__metadata__", None)
    return header


def _places(header: dict[str, Any], data: int) -> list[tuple[int, str, dict[str, Any]]]:
    places = []
    for name, stated in header.items():
        if not isinstance(stated, dict) or set(stated) != {"dtype", "shape", "data_offsets"}:
            raise WeightsError(f"tensor {name!r} has not dtype, shape and data_offsets", offset=8)
        dtype, shape, offsets = stated["dtype"], stated["shape"], stated["data_offsets"]
        if not isinstance(dtype, str) or dtype not in _DTYPES:
            raise WeightsError(
                f"tensor {name!r} has dtype {dtype!r}, expected one of {', '.join(_DTYPES)}",
                offset=8,
            )
        if not _are_counts(shape) or len(shape) > 32:
            raise WeightsError(f"tensor {name!r} has shape {shape!r}", offset=8)
        if not _are_counts(offsets) or len(offsets) != 2:
            raise WeightsError(f"tensor {name!r} has data_offsets {offsets!r}", offset=8)
        begin, end = offsets
        if not begin <= end <= data:
            raise WeightsError(
                f"tensor {name!r} has data_offsets {offsets} in {data} bytes of data", offset=8
            )
        expected = math.prod(shape) * item_size(_DTYPES[dtype])
        if end - begin != expected:
            raise WeightsError(
                f"tensor {name!r} has {end - begin} bytes, {dtype} {shape} takes {expected}",
                offset=8,
            )
        places.append((begin, name, stated))
    return places


def _are_counts(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _reader(path: Any, offset: int, dtype: str, shape: tuple[int, ...]) -> Any:
    def read() -> np.ndarray:
        size = math.prod(shape) * item_size(dtype)
        with open(path, "rb") as file:
            file.seek(offset)
            raw = file.read(size)
        if len(raw) < size:
            raise WeightsError("the file became shorter while it was read", offset=offset)
        return from_bytes(raw, dtype).reshape(shape)

    return read
