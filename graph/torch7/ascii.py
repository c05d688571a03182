"""The ASCII encoding: numbers as text, strings and bytes as they are, newlines between."""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from math import copysign, isnan
from typing import Any

import numpy as np

from .binary import lua_number
from .errors import Torch7FormatError
from .types import BOOLEAN, FUNCTION, FUNCTION_UNINDEXED, NIL, NUMBER, STRING

__all__ = ["AsciiCursor", "AsciiSink"]

# A token, and the one newline that Torch takes with it.
_TOKEN = re.compile(rb"\s*(\S{1,400})(?!\S)\n?")
_INTEGER = re.compile(rb"\s*([+-]?[0-9]{1,20})(?!\S)\n?")
_NUMBER = re.compile(rb"[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE)
_WHOLE = re.compile(rb"[+-]?[0-9]{1,20}")
_BLOCK = 1 << 20


class AsciiCursor:
    """Reads the pieces of an ASCII file, each checked against what is left of it."""

    MIN_ENTRY = 6  # "1\n1\n" and "0\n"
    longs_doubtful = False

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer = buffer
        self.size = len(buffer)
        self.pos = 0

    def item(self) -> tuple[int, Any]:
        """The next object: (0, value) if a plain value, else (type id, object index)."""
        start = self.pos
        tag = self.integer()
        if tag == NUMBER:
            return 0, lua_number(_to_float(self._token(), start))
        if tag == STRING:
            raw = self.chars("a string")
            try:
                return 0, raw.decode()
            except UnicodeDecodeError:
                return 0, raw
        if tag == NIL or tag == FUNCTION_UNINDEXED:
            return tag, None
        if tag == BOOLEAN:
            value = self.integer()
            if value not in (0, 1):
                raise Torch7FormatError(f"boolean {value}, expected 0 or 1", start)
            return 0, value == 1
        if 0 < tag <= FUNCTION:
            return tag, self.integer()
        raise Torch7FormatError(f"type id {tag}, expected 0 (nil) to 8 (function)", start)

    def bad_length(self, what: str, n: int, unit: str, left: int) -> Torch7FormatError:
        """The error for a count that is negative or more than the file holds."""
        left = max(left, 0)
        return Torch7FormatError(f"{what} of {n} {unit}, but {left} bytes are left", self.pos)

    def integer(self) -> int:
        """One integer."""
        match = _INTEGER.match(self.buffer, self.pos)
        if match is None:
            found = bytes(self.buffer[self.pos : self.pos + 20])
            raise Torch7FormatError(f"{found!r}, expected an integer", self.pos)
        self.pos = match.end()
        return int(match[1])

    def longs(self, n: int) -> tuple[int, ...]:
        """`n` integers."""
        return tuple([self.integer() for _ in range(n)])

    def chars(self, what: str) -> bytes:
        """A counted run of bytes."""
        start = self.pos
        n = self.integer()
        if n < 0 or n > self.size - self.pos:
            left, self.pos = self.size - self.pos, start
            raise self.bad_length(what, n, "bytes", left)
        return self._raw(n)

    def number_run(self, count: int) -> list[int | float]:
        """Nothing: in ASCII numbers are read one by one."""
        return []

    def class_chars(self) -> tuple[bytes, bytes]:
        """The version and the name of a class; before versions the name stands first, alone."""
        version = self.chars("a class version")
        return version, self.chars("a class name") if version[:2] == b"V " else b""

    def array(self, dtype: np.dtype, n: int) -> np.ndarray:
        """`n` elements."""
        left = self.size - self.pos
        if n < 0 or (n > left if dtype.itemsize == 1 else 2 * n > left + 1):
            raise self.bad_length("a storage", n, "elements", left)
        data = np.empty((n,), dtype)
        if dtype.itemsize == 1:
            data[...] = np.frombuffer(self._raw(n), dtype)
            return data
        start = self.pos
        done = 0
        for tokens in self._tokens(n):
            end = done + len(tokens)
            pattern, convert = (_NUMBER, float) if dtype.kind == "f" else (_WHOLE, int)
            try:
                if not all(map(pattern.fullmatch, tokens)):
                    raise ValueError
                with np.errstate(over="ignore"):
                    data[done:end] = list(map(convert, tokens))
            except (ValueError, OverflowError):
                problem = f"a storage of {n} elements holds something else than {dtype} numbers"
                raise Torch7FormatError(problem, start) from None
            done = end
        return data

    def _raw(self, n: int) -> bytes:
        start, end = self.pos, self.pos + n
        self.pos = end + 1 if n and self.buffer[end : end + 1] == b"\n" else end
        return self.buffer[start:end]

    def _token(self) -> bytes:
        match = _TOKEN.match(self.buffer, self.pos)
        if match is None:
            raise Torch7FormatError("no number where one was expected", self.pos)
        self.pos = match.end()
        return match[1]

    def _tokens(self, n: int) -> Iterator[list[bytes]]:
        """`n` tokens, block by block; Torch writes an array on one line."""
        while n > 0:
            line_end = self.buffer.find(b"\n", self.pos, self.pos + min(32 * n, _BLOCK))
            tokens = self.buffer[self.pos : line_end].split() if line_end >= 0 else []
            if len(tokens) == n:
                self.pos = line_end + 1
            else:
                tokens = [self._token() for _ in range(min(n, _BLOCK // 16))]
            n -= len(tokens)
            yield tokens


def _to_float(token: bytes, at: int) -> float:
    if _NUMBER.fullmatch(token):
        try:
            return float(token)
        except ValueError:
            pass
    raise Torch7FormatError(f"{token[:40]!r}, expected a number", at)


def _text(value: float, digits: int) -> str:
    """A number as C prints it with %.<digits>g."""
    if isnan(value):
        return "-nan" if copysign(1.0, value) < 0 else "nan"
    return f"{value:.{digits}g}"


class AsciiSink:
    """Turns the pieces of an object into the bytes of an ASCII file."""

    def __init__(self, write: Callable[[Any], object]) -> None:
        self._write = write

    def integers(self, *values: int) -> None:
        """Integers, one a line."""
        self._write(b"".join([b"%d\n" % value for value in values]))

    def number(self, value: float) -> None:
        """A number object."""
        self._write(f"{NUMBER}\n{_text(value, 17)}\n".encode())

    def longs(self, values: Sequence[int]) -> None:
        """Integers on one line; nothing at all for none."""
        if values:
            self._write(b"%s\n" % b" ".join([b"%d" % value for value in values]))

    def chars(self, raw: bytes) -> None:
        """A counted run of bytes."""
        self._write(b"%d\n%s%s" % (len(raw), raw, b"\n" if raw else b""))

    def array(self, data: np.ndarray) -> None:
        """The elements of a contiguous 1-D array."""
        if not data.size:
            return
        if data.itemsize == 1:
            self._write(data.tobytes() + b"\n")
            return
        digits = 17 if data.itemsize == 8 else 9
        for start in range(0, data.size, _BLOCK):
            block = data[start : start + _BLOCK].tolist()
            if data.dtype.kind == "f":
                words = [_text(value, digits) for value in block]
            else:
                words = map(str, block)
            end = "\n" if start + _BLOCK >= data.size else " "
            self._write((" ".join(words) + end).encode())
