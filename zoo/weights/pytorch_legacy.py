"""PyTorch's files from before version 1.6: pickles one after another, then the storages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import IO, Any

from .assigning import Plan
from .dtypes import ByteOrder, item_size
from .errors import WeightsError
from .named import NamedArray, WeightNames, by_name
from .pickles import read_pickle
from .pytorch import FUNCTIONS, Storage, named_arrays, storage_of
from .report import Skipped

__all__ = ["plan", "read", "recognises"]

_MAGIC = bytes.fromhex("8a0a6cfc9c46f9206aa850192e")  # LONG1 of 10 bytes, STOP
_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one."""
    return head[:1] == b"\x80" and _MAGIC in head[2:32]


def plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model."""
    arrays, skipped = read(path)
    return by_name(
        model, arrays, "torch", tables, format="PyTorch state dict (before 1.6)", skipped=skipped
    )


def read(path: str) -> tuple[dict[str, NamedArray], list[Skipped]]:
    """The tensors of a file, and what lies beside them.

    Raises:
        WeightsError: It is damaged, or its pickles hold more than tensors.
    """
    known: dict[str, _Known] = {}
    with open(path, "rb") as file:
        if read_pickle(file, {}) != _MAGIC_NUMBER or read_pickle(file, {}) != _PROTOCOL:
            raise WeightsError(f"another version of the format than {_PROTOCOL}", offset=0)
        system = read_pickle(file, {})
        little = not isinstance(system, dict) or system.get("little_endian", True)
        order: ByteOrder = "<" if little else ">"

        def storage(identity: Any) -> Storage:
            dtype, key, size = storage_of(identity)
            if key not in known:
                known[key] = _Known(path, key, dtype, size, order)
            elif (known[key].dtype, known[key].size) != (dtype, size):
                raise WeightsError(f"storage {key!r} is of two kinds")
            return known[key].storage

        root = read_pickle(file, FUNCTIONS, storage)
        _find_storages(file, known)
    return named_arrays(root)


class _Known:
    """A storage whose place in the file comes up later."""

    def __init__(self, path: str, key: str, dtype: str, size: int, order: ByteOrder) -> None:
        self.path, self.key, self.dtype, self.size = path, key, dtype, size
        self.storage = Storage(dtype, size, self.read, order)
        self.offset: int | None = None

    @property
    def bytes(self) -> int:
        return self.size * item_size(self.dtype)

    def read(self) -> bytes:
        if self.offset is None:
            raise WeightsError(f"storage {self.key!r} is not in the file")
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            content = file.read(self.bytes)
        if len(content) < self.bytes:
            raise WeightsError("the file became shorter while it was read", offset=self.offset)
        return content


def _find_storages(file: IO[bytes], known: dict[str, _Known]) -> None:
    keys = read_pickle(file, {})
    if not isinstance(keys, list) or set(map(str, keys)) != set(known) or len(keys) != len(known):
        raise WeightsError("the list of storages is not that of the tensors", offset=file.tell())
    end = os.fstat(file.fileno()).st_size
    for key in map(str, keys):
        storage, at = known[key], file.tell()
        count = int.from_bytes(file.read(8), "little" if storage.storage.order == "<" else "big")
        if count != storage.size or at + 8 + storage.bytes > end:
            raise WeightsError(
                f"storage {key!r} of {count} elements, expected {storage.size} ({storage.dtype}) "
                f"in a file of {end} bytes",
                offset=at,
            )
        storage.offset = file.tell()
        file.seek(storage.bytes, 1)
    if file.tell() != end:
        raise WeightsError(f"{end - file.tell()} bytes after the last storage", offset=file.tell())
