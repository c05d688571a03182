"""What reader and writer ask of an encoding; `binary` and `ascii` provide it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from .errors import Torch7FormatError

__all__ = ["Cursor", "Sink"]


class Cursor(Protocol):
    """What the reader asks of an encoding."""

    pos: int
    size: int

    @property
    def MIN_ENTRY(self) -> int:
        """The fewest bytes that a key and its value take."""
        ...

    def item(self) -> tuple[int, Any]:
        """The next object: (0, value) if a plain value, else (type id, object index)."""
        ...

    def integer(self) -> int:
        """One C int."""
        ...

    def longs(self, n: int) -> tuple[int, ...]:
        """`n` C longs."""
        ...

    def chars(self, what: str) -> bytes:
        """A counted run of bytes; `what` is its name in an error."""
        ...

    def number_run(self, count: int) -> list[int | float]:
        """The first values of a table of `count` entries that are numbers under keys 1, 2, ..."""
        ...

    def class_chars(self) -> tuple[bytes, bytes]:
        """The version and the name of a class; before versions the name stands first, alone."""
        ...

    def array(self, dtype: np.dtype, n: int) -> np.ndarray:
        """`n` elements of a storage, as writable memory."""
        ...

    def bad_length(self, what: str, n: int, unit: str, left: int) -> Torch7FormatError:
        """The error for a count that is negative or more than the file holds."""
        ...


class Sink(Protocol):
    """What the writer asks of an encoding."""

    def integers(self, *values: int) -> None:
        """C ints."""
        ...

    def number(self, value: float) -> None:
        """A number object."""
        ...

    def longs(self, values: Sequence[int]) -> None:
        """C longs."""
        ...

    def chars(self, raw: bytes) -> None:
        """A counted run of bytes."""
        ...

    def array(self, data: np.ndarray) -> None:
        """The elements of a contiguous 1-D array."""
        ...
