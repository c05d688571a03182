"""The binary encoding: C ints, doubles, longs of 4 or 8 bytes, raw arrays."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable, Sequence
from math import copysign
from typing import Any

import numpy as np

from .errors import Torch7FormatError
from .types import BOOLEAN, FUNCTION, FUNCTION_UNINDEXED, NIL, NUMBER, STRING, TABLE, TORCH

__all__ = ["BinaryCursor", "BinarySink", "lua_number"]

_EXACT = 2.0**53
_LONG = np.dtype(np.int64)


def lua_number(value: float) -> int | float:
    """A Lua number as int where it is integral and exact, else as float (-0.0 stays one)."""
    if -_EXACT <= value <= _EXACT:
        whole = int(value)
        if whole == value and (whole or copysign(1.0, value) > 0.0):
            return whole
    return value


class BinaryCursor:
    """Reads the pieces of a binary file, each checked against what is left of it.

    Attributes:
        longs_doubtful: whether an error may come from longs of another size than assumed.
    """

    MIN_ENTRY = 12  # a boolean key and a nil value
    __slots__ = (
        "_double",
        "_entry",
        "_int",
        "_long_code",
        "_longs",
        "_order",
        "_strings",
        "_two_ints",
        "_version_1",
        "buffer",
        "long_size",
        "longs_doubtful",
        "pos",
        "size",
    )

    def __init__(self, buffer: mmap.mmap, order: str = "<", long_size: int = 8) -> None:
        self.buffer = buffer
        self.size = len(buffer)
        self.pos = 0
        self.long_size = long_size
        self.longs_doubtful = False
        self._order = order
        self._long_code = "q" if long_size == 8 else "i"
        self._int = struct.Struct(order + "i").unpack_from
        self._two_ints = struct.Struct(order + "ii").unpack_from
        self._double = struct.Struct(order + "d").unpack_from
        fields = f"{order}i4", f"{order}f8"
        self._entry = np.dtype(
            list(zip(("key_tag", "key", "tag", "value"), fields * 2, strict=True))
        )
        self._longs: dict[int, Callable[..., tuple[int, ...]]] = {}
        self._strings: dict[bytes, str] = {}
        self._version_1 = struct.pack(order + "i", 3) + b"V 1"

    def item(self) -> tuple[int, Any]:
        """The next object: (0, value) if a plain value, else (type id, object index)."""
        pos = self.pos
        buffer = self.buffer
        try:
            tag, n = self._two_ints(buffer, pos)
        except struct.error:
            return self._last_item()
        if tag == STRING:
            end = pos + 8 + n
            if n < 0 or end > self.size:
                raise self.bad_length("a string", n, "bytes", self.size - pos - 8)
            self.pos = end
            raw = buffer[pos + 8 : end]
            text = self._strings.get(raw)
            if text is None:
                try:
                    text = raw.decode()
                except UnicodeDecodeError:
                    return 0, raw
                if n <= 64:
                    self._strings[raw] = text
            return 0, text
        if tag == NUMBER:
            (value,) = self._double(buffer, pos + 4)
            self.pos = pos + 12
            if -_EXACT <= value <= _EXACT:
                whole = int(value)
                if whole == value and (whole or copysign(1.0, value) > 0.0):
                    return 0, whole
            return 0, value
        if tag == TABLE or tag == TORCH:
            self.pos = pos + 8
            return tag, n
        if tag == BOOLEAN:
            if n != 0 and n != 1:
                raise Torch7FormatError(f"boolean {n}, expected 0 or 1", pos)
            self.pos = pos + 8
            return 0, n == 1
        if tag == NIL or tag == FUNCTION_UNINDEXED:
            self.pos = pos + 4
            return tag, None
        if FUNCTION_UNINDEXED < tag <= FUNCTION:
            self.pos = pos + 8
            return tag, n
        raise self._bad_type(tag)

    def _last_item(self) -> tuple[int, None]:
        (tag,) = self._int(self.buffer, self.pos)
        if not NIL <= tag <= FUNCTION:
            raise self._bad_type(tag)
        if tag != NIL:
            raise struct.error
        self.pos += 4
        return 0, None

    def _bad_type(self, tag: int) -> Torch7FormatError:
        return Torch7FormatError(f"type id {tag}, expected 0 (nil) to 8 (function)", self.pos)

    def bad_length(self, what: str, n: int, unit: str, left: int) -> Torch7FormatError:
        """The error for a count that is negative or more than the file holds."""
        left = max(left, 0)
        return Torch7FormatError(f"{what} of {n} {unit}, but {left} bytes are left", self.pos)

    def integer(self) -> int:
        """One C int."""
        (value,) = self._int(self.buffer, self.pos)
        self.pos += 4
        return value

    def longs(self, n: int) -> tuple[int, ...]:
        """`n` C longs."""
        self.longs_doubtful = True
        unpack = self._longs.get(n)
        if unpack is None:
            unpack = struct.Struct(f"{self._order}{n}{self._long_code}").unpack_from
            self._longs[n] = unpack
        values = unpack(self.buffer, self.pos)
        self.pos += n * self.long_size
        return values

    def chars(self, what: str) -> bytes:
        """A counted run of bytes."""
        n = self.integer()
        start, end = self.pos, self.pos + n
        if n < 0 or end > self.size:
            self.pos -= 4
            raise self.bad_length(what, n, "bytes", self.size - start)
        self.pos = end
        return self.buffer[start:end]

    def number_run(self, count: int) -> list[int | float]:
        """The first values of a table of `count` entries that are numbers under keys 1, 2, ...

        They are looked at in growing blocks, so that a false start costs little.
        """
        values: list[int | float] = []
        block = 16
        while True:
            block = min(2 * block, count - len(values), (self.size - self.pos) // 24)
            rows = np.ndarray((block,), self._entry, self.buffer, self.pos)
            keys = np.arange(len(values) + 1, len(values) + 1 + block)
            good = (rows["key_tag"] == NUMBER) & (rows["tag"] == NUMBER) & (rows["key"] == keys)
            run = block if good.all() else int(good.argmin())
            values.extend(map(lua_number, rows["value"][:run].tolist()))
            self.pos += 24 * run
            if run < block or not block:
                return values

    def class_chars(self) -> tuple[bytes, bytes]:
        """The version and the name of a class; before versions the name stands first, alone."""
        pos = self.pos
        if self.buffer[pos : pos + 7] != self._version_1:
            version = self.chars("a class version")
            return version, self.chars("a class name") if version[:2] == b"V " else b""
        (n,) = self._int(self.buffer, pos + 7)
        end = pos + 11 + n
        if n < 0 or end > self.size:
            raise self.bad_length("a class name", n, "bytes", self.size - pos - 11)
        self.pos = end
        return b"V 1", self.buffer[pos + 11 : end]

    def array(self, dtype: np.dtype, n: int) -> np.ndarray:
        """`n` elements: a view of the file's bytes where they lie as NumPy wants them."""
        width = self.long_size if dtype is _LONG else dtype.itemsize
        if n < 0 or n > (self.size - self.pos) // width:
            left = self.size - self.pos
            if 0 <= n < 2**31:
                self.longs_doubtful = False  # a plausible count: the file is cut short
            raise self.bad_length("a storage", n, f"elements of {width} bytes", left)
        start = self.pos
        self.pos += n * width
        if width == dtype.itemsize and self._order == "<" and np.little_endian:
            return np.ndarray((n,), dtype, self.buffer, start)
        stored = np.dtype(f"{self._order}{dtype.kind}{width}")
        data = np.empty((n,), dtype)
        data[...] = np.ndarray((n,), stored, self.buffer, start)
        return data


class BinarySink:
    """Turns the pieces of an object into the bytes of a binary file."""

    def __init__(self, write: Callable[[Any], object], long_size: int = 8) -> None:
        self._write = write
        self._long_code = "q" if long_size == 8 else "i"
        self._pack_int = struct.Struct("<i").pack
        self._pack_two = struct.Struct("<ii").pack
        self._pack_number = struct.Struct("<id").pack

    def integers(self, *values: int) -> None:
        """C ints."""
        self._write(struct.pack(f"<{len(values)}i", *values))

    def number(self, value: float) -> None:
        """A number object."""
        self._write(self._pack_number(NUMBER, value))

    def longs(self, values: Sequence[int]) -> None:
        """C longs."""
        try:
            self._write(struct.pack(f"<{len(values)}{self._long_code}", *values))
        except struct.error:
            raise ValueError(f"{max(values)} does not fit a long of 4 bytes") from None

    def chars(self, raw: bytes) -> None:
        """A counted run of bytes."""
        self._write(len(raw).to_bytes(4, "little") + raw)

    def array(self, data: np.ndarray) -> None:
        """The elements of a contiguous 1-D array."""
        if data.dtype == _LONG and self._long_code == "i":
            stored = data.astype("<i4")
            if not np.array_equal(stored, data):
                raise ValueError("a LongStorage holds values that do not fit a long of 4 bytes")
            data = stored
        self._write(np.ascontiguousarray(data, data.dtype.newbyteorder("<")))
