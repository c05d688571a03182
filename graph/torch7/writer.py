"""From Python objects to the bytes that Torch7 reads: one loop, one explicit stack."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from .encoding import Sink
from .locate import locate
from .tensors import address, alone, element_name, over_storage
from .types import (
    BOOLEAN,
    EMPTY_CLASSES,
    FUNCTION_UNINDEXED,
    HASH_CLASSES,
    NIL,
    STRING,
    TABLE,
    TORCH,
    VECTOR_CLASSES,
    TableKey,
    TorchFunction,
    TorchObject,
    TorchStorage,
)

__all__ = ["write_object"]


def write_object(sink: Sink, root: Any) -> None:
    """Write `root` and all it refers to, every shared object once.

    Raises:
        TypeError: something in it has no Torch7 counterpart; the message says where it is.
        ValueError: an integer that no Lua number can hold, a string of 2 GiB or more.
    """
    writing = _Writing(sink)
    stack: list[Iterator[Any]] = [iter((root,))]
    while stack:
        for value in stack[-1]:
            try:
                children = writing.write(value)
            except (TypeError, ValueError) as error:
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"cannot save {locate(root, value)}: {error}") from None
            if children is not None:
                stack.append(children)
                break
        else:
            stack.pop()


class _Writing:
    """One file under way: what has been written, under which index."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.objects: dict[int, int] = {}  # id of an object -> its index
        self.storages: dict[int, int] = {}  # id of the array that owns a storage -> its index
        self.count = 0
        self.alive: list[Any] = []  # an id stays one object's only while that object lives

    def write(self, value: Any) -> Iterator[Any] | None:
        """Write one value; what it holds is returned, to be written next."""
        sink = self.sink
        if isinstance(value, TableKey):
            value = value.value
        if value is None:
            sink.integers(NIL)
        elif isinstance(value, bool | np.bool_):
            sink.integers(BOOLEAN, int(value))
        elif isinstance(value, str | bytes | bytearray):
            raw = value.encode() if isinstance(value, str) else bytes(value)
            if len(raw) >= 2**31:
                raise ValueError(f"a string of {len(raw)} bytes, Torch7 holds up to {2**31 - 1}")
            sink.integers(STRING)
            sink.chars(raw)
        elif isinstance(value, int | np.integer):
            sink.number(_to_double(int(value)))
        elif isinstance(value, float | np.floating):
            sink.number(float(value))
        elif isinstance(value, dict | list | tuple):
            return self.table(value)
        elif isinstance(value, TorchObject):
            return self.torch_object(value)
        elif isinstance(value, np.ndarray):
            self.tensor(value)
        elif isinstance(value, TorchStorage):
            self.storage(*alone(value.data))
        elif isinstance(value, TorchFunction):
            return self.function(value)
        else:
            raise TypeError(f"{type(value).__name__} has no counterpart in Torch7")
        return None

    def begin(self, tag: int, value: Any, indices: dict[int, int]) -> bool:
        """Write type id and index; whether the contents must follow."""
        index = indices.get(id(value))
        if index is not None:
            self.sink.integers(tag, index)
            return False
        self.count = indices[id(value)] = self.count + 1
        self.alive.append(value)
        self.sink.integers(tag, self.count)
        return True

    def class_header(self, name: str, version: int = 1) -> None:
        """The version and the name of a class; version 0 stands for files without versions."""
        if version or name in HASH_CLASSES or name in VECTOR_CLASSES:
            self.sink.chars(b"V %d" % version)
        self.sink.chars(name.encode())

    def table(self, value: Any) -> Iterator[Any] | None:
        """A list or a dict; entries whose value is None do not exist in Lua."""
        if not self.begin(TABLE, value, self.objects):
            return None
        entries = value.items() if isinstance(value, dict) else enumerate(value, 1)
        pairs = [pair for pair in entries if pair[1] is not None]
        self.sink.integers(len(pairs))
        return chain.from_iterable(pairs)

    def torch_object(self, value: TorchObject) -> Iterator[Any] | None:
        """An object of a class: its fields as one table, or what its class writes instead."""
        if not self.begin(TORCH, value, self.objects):
            return None
        name, fields = value.class_name, value.fields
        self.class_header(name, value.version)
        if name in EMPTY_CLASSES:
            return None
        if name in HASH_CLASSES:
            self.sink.longs((len(fields),))
            return chain.from_iterable(fields.items())
        if name in VECTOR_CLASSES:
            self.sink.longs((len(fields),))
            return iter(fields)
        return iter((fields,))

    def function(self, value: TorchFunction) -> Iterator[Any] | None:
        """A Lua function as it was read."""
        if value.type_id == FUNCTION_UNINDEXED:
            self.sink.integers(FUNCTION_UNINDEXED)
        elif not self.begin(value.type_id, value, self.objects):
            return None
        self.sink.chars(value.dump)
        return iter((value.upvalues,))

    def tensor(self, array: np.ndarray) -> None:
        """A tensor: its geometry, then the storage it is a view of."""
        name = element_name(array.dtype)
        if not self.begin(TORCH, array, self.objects):
            return
        self.class_header(f"torch.{name}Tensor")
        sink = self.sink
        if array.base is None and array.shape == (0,):
            sink.integers(0)
            sink.longs((1,))
            sink.integers(NIL)
            return
        view, owner, data = over_storage(array)
        sizes = () if view.shape == (0,) else view.shape
        sink.integers(len(sizes))
        sink.longs(sizes)
        sink.longs([stride // view.itemsize for stride in view.strides[: len(sizes)]])
        sink.longs(((address(view) - address(data)) // view.itemsize + 1,))
        self.storage(owner, data)

    def storage(self, owner: np.ndarray, data: np.ndarray) -> None:
        """The elements of a storage, under the identity of the array that owns them."""
        if self.begin(TORCH, owner, self.storages):
            self.class_header(f"torch.{element_name(data.dtype)}Storage")
            self.sink.longs((data.size,))
            self.sink.array(data)


def _to_double(value: int) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = 0.0
    if number != value:
        raise ValueError(f"the integer {value} is not exact as a Lua number (float64)")
    return number
