"""What Torch7 objects become in Python, and the tables of Torch type names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = [
    "TableKey",
    "TorchFunction",
    "TorchObject",
    "TorchStorage",
    "storage_of",
    "table_get",
    "table_items",
]

# Type ids that open every object of a file.
NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN = 0, 1, 2, 3, 4, 5
FUNCTION_UNINDEXED, FUNCTION_LEGACY, FUNCTION = 6, 7, 8

_ELEMENTS = {
    "Byte": np.dtype(np.uint8),
    "Char": np.dtype(np.int8),
    "Short": np.dtype(np.int16),
    "Int": np.dtype(np.int32),
    "Long": np.dtype(np.int64),
    "Float": np.dtype(np.float32),
    "Double": np.dtype(np.float64),
    "Half": np.dtype(np.float16),
}
_GPU = {f"{gpu}{name}": dtype for gpu in ("Cuda", "Cl") for name, dtype in _ELEMENTS.items()}
_GPU |= {"Cuda": _ELEMENTS["Float"], "Cl": _ELEMENTS["Float"]}
TENSOR_DTYPES = {f"torch.{name}Tensor": dtype for name, dtype in (_ELEMENTS | _GPU).items()}
STORAGE_DTYPES = {f"torch.{name}Storage": dtype for name, dtype in (_ELEMENTS | _GPU).items()}
ELEMENT_NAMES = {dtype: name for name, dtype in _ELEMENTS.items()}

# Classes that write something else than one object after their name.
EMPTY_CLASSES = frozenset({"torch.Timer"})
HASH_CLASSES = frozenset({"tds.Hash", "tds_hash"})
VECTOR_CLASSES = frozenset({"tds.Vec", "tds_vec"})


class TorchObject:
    """An instance of a Torch class: its name and what the file holds for it.

    Compared and hashed by identity, so shared and cyclic references survive.

    Attributes:
        class_name: for example `"nn.Linear"`.
        fields: a dict of the object's fields; whatever else the class wrote, where it wrote
            no table (a list for `tds.Vec`).
        version: the version the class was written with; 0 for files older than versions.
    """

    __slots__ = ("__weakref__", "class_name", "fields", "version")

    def __init__(self, class_name: str, fields: Any = None, version: int = 1) -> None:
        self.class_name = class_name
        self.fields: Any = {} if fields is None else fields
        self.version = version

    def __repr__(self) -> str:
        fields = self.fields
        names = ", ".join(map(str, fields)) if isinstance(fields, dict) else type(fields).__name__
        return f"TorchObject({self.class_name!r}, {{{names}}})"

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(self.fields, dict) and name in self.fields

    def get(self, name: str, default: Any = None) -> Any:
        """The field `name`, or `default` where the object has none."""
        return self.fields.get(name, default) if isinstance(self.fields, dict) else default


class TorchStorage:
    """A storage that stands in the file as an object of its own (`nn.View.size`, for one).

    Attributes:
        data: its elements, a 1-D array. Tensors over this storage are views of it.
    """

    __slots__ = ("__weakref__", "data")

    def __init__(self, data: np.ndarray) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"TorchStorage({self.data!r})"

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.data.tolist())

    def __getitem__(self, index: Any) -> Any:
        return self.data[index]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy:
            return np.array(self.data, dtype=dtype)
        return np.asarray(self.data, dtype=dtype)


class TorchFunction:
    """A Lua function, carried as bytes and never run.

    Attributes:
        dump: the bytecode as the file holds it.
        upvalues: the values the function closed over, as any other object of the file.
        type_id: how the file marks it: 8, or 6 and 7 in old files.
    """

    __slots__ = ("__weakref__", "dump", "type_id", "upvalues")

    def __init__(self, dump: bytes, upvalues: Any = None, type_id: int = FUNCTION) -> None:
        self.dump = dump
        self.upvalues = upvalues
        self.type_id = type_id

    def __repr__(self) -> str:
        return f"TorchFunction({len(self.dump)} bytes)"


class TableKey:
    """A Lua table key that cannot be a Python dict key as it is.

    Tables and tensors are unhashable in Python, and `True` would fall together with 1. Two
    keys are equal when they hold the same object.

    Attributes:
        value: the key itself.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TableKey) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        if isinstance(self.value, bool):
            return f"TableKey({self.value})"
        return f"TableKey(<{type(self.value).__name__} at {id(self.value):#x}>)"


NEEDS_KEY = (list, dict, bool, np.ndarray)


def table_items(table: list[Any] | dict[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The (key, value) pairs of a table with its Lua keys: 1, 2, ... for a list.

    >>> list(table_items(["a", "b"]))
    [(1, 'a'), (2, 'b')]
    """
    if isinstance(table, dict):
        return ((k.value if isinstance(k, TableKey) else k, v) for k, v in table.items())
    return ((i, v) for i, v in enumerate(table, 1) if v is not None)


def table_get(table: list[Any] | dict[Any, Any], key: Any, default: Any = None) -> Any:
    """The value that a table holds under a Lua key of any kind, or `default`.

    >>> table_get(["a", "b"], 2)
    'b'
    """
    if isinstance(key, NEEDS_KEY):
        key = TableKey(key)
    if isinstance(table, dict):
        return table.get(key, default)
    if isinstance(key, int | float) and 1 <= key <= len(table) and key == int(key):
        value = table[int(key) - 1]
        return default if value is None else value
    return default


def storage_of(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory `array` looks at.

    Two tensors of a file share their storage exactly when `storage_of(a) is storage_of(b)`.
    A tensor that had no storage is its own.
    """
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
