"""The bytes of Darknet's ``.weights`` files: a header, then float32 numbers and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import WeightsError

__all__ = ["DarknetWeightsError", "Header", "Part", "parse_header", "read_header", "read_parts"]

_LARGEST_VERSION = 9999  # Darknet's own are 0.1 and 0.2; above 1000 is a flag.


class DarknetWeightsError(WeightsError):
    """A ``.weights`` file that is damaged, or not of the model it is read for.

    Attributes:
        path: The file.
        offset: The byte at which it goes wrong.
        problem: What is wrong there.
    """

    def __init__(self, path: str, offset: int, problem: str) -> None:
        super().__init__(problem, path=path, offset=offset)
        self.args = (path, offset, problem)  # What makes it again after pickling.


@dataclass(frozen=True)
class Header:
    """What stands before the numbers.

    Attributes:
        major: The version; the first of three numbers.
        minor: The second.
        revision: The third.
        seen: How many images the network was trained on.
        size: Bytes of the header: 20, or 16 in files before version 0.2.
        transposed: Whether weights of connected layers lie as (inputs, outputs).
    """

    major: int
    minor: int
    revision: int
    seen: int
    size: int
    transposed: bool


@dataclass(frozen=True)
class Part:
    """A run of numbers.

    Attributes:
        name: What it is, e.g. ``conv1 scales``.
        count: How many numbers.
        positive: Whether none may be below 0.
    """

    name: str
    count: int
    positive: bool = False


def read_header(path: str | os.PathLike[str]) -> Header:
    """The header of a ``.weights`` file.

    Raises:
        DarknetWeightsError: The file is empty, text, cut within the header, or of a version that
            never was.
        FileNotFoundError: There is no such file.

    Reference: pjreddie/darknet src/parser.c `load_weights_upto`.
    """
    file = os.fspath(path)
    with Path(file).open("rb") as stream:
        return parse_header(stream.read(64), file)


def parse_header(head: bytes, path: str) -> Header:
    """The header that `head`, the first bytes of file `path`, holds.

    Raises:
        DarknetWeightsError: As of `read_header`.
    """
    if not head:
        raise DarknetWeightsError(path, 0, "the file is empty")
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        words = head[:40].decode("ascii").strip()
        raise DarknetWeightsError(path, 0, f"this is text, no weights; it begins {words!r}")
    if len(head) < 12:
        raise DarknetWeightsError(path, len(head), "the file ends within the version, 12 bytes")
    major, minor, revision = (int(n) for n in np.frombuffer(head, "<i4", 3))
    if not all(0 <= number <= _LARGEST_VERSION for number in (major, minor, revision)):
        raise DarknetWeightsError(
            path, 0, f"version {major}.{minor}.{revision} never was; Darknet writes 0.1 or 0.2"
        )
    is_new = major * 10 + minor >= 2 and major < 1000 and minor < 1000
    size = 20 if is_new else 16
    if len(head) < size:
        raise DarknetWeightsError(
            path, len(head), f"the file ends within the header of {size} bytes"
        )
    seen = int(np.frombuffer(head, "<i8" if is_new else "<i4", 1, 12)[0])
    return Header(major, minor, revision, seen, size, major > 1000 or minor > 1000)


def read_parts(
    path: str | os.PathLike[str], parts: Sequence[Part], *, more: int = 0
) -> tuple[Header, list[np.ndarray]]:
    """The header, and the numbers of each part in order.

    Args:
        path: The file.
        parts: What it must hold, all of it.
        more: If not 0, what follows may be any number of groups of so many numbers, left unread.

    Raises:
        DarknetWeightsError: As of `read_header`; or it holds less or more; or a number is not
            finite, or below 0 where none may be.
        FileNotFoundError: There is no such file.
    """
    file = os.fspath(path)
    header = read_header(file)
    size = os.path.getsize(file)
    _check_size(file, header, parts, size, more)
    total = sum(part.count for part in parts)
    numbers = np.fromfile(file, "<f4", total, offset=header.size)
    ends = np.cumsum([part.count for part in parts])
    arrays = [numbers[end - part.count : end] for end, part in zip(ends, parts, strict=True)]
    offset = header.size
    for part, array in zip(parts, arrays, strict=True):
        for wrong, text in ((~np.isfinite(array), "not finite"), (array < 0, "below 0")):
            if wrong.any() and (part.positive or text == "not finite"):
                place = int(wrong.argmax())
                raise DarknetWeightsError(
                    file,
                    offset + 4 * place,
                    f"number {place + 1} of {part.count} of {part.name} is {array[place]}, {text}",
                )
        offset += 4 * part.count
    return header, arrays


def _check_size(file: str, header: Header, parts: Sequence[Part], size: int, more: int) -> None:
    offset = header.size
    total = offset + 4 * sum(part.count for part in parts)
    for part in parts:
        end = offset + 4 * part.count
        if size < end:
            place = "before" if size == offset else f"{size - offset} bytes into"
            raise DarknetWeightsError(
                file,
                size,
                f"the file ends {place} {part.name}, {part.count} numbers; this model takes "
                f"{total} bytes{_other_header(header, size, total)}",
            )
        offset = end
    if size > offset and not (more and (size - offset) % (4 * more) == 0):
        raise DarknetWeightsError(
            file,
            offset,
            f"{size - offset} bytes follow {parts[-1].name if parts else 'the header'}, the last "
            f"of what this model takes; is the file of another network?"
            f"{_other_header(header, size, total)}",
        )


def _other_header(header: Header, size: int, total: int) -> str:
    other = 36 - header.size
    if size - total != other - header.size:
        return ""
    return (
        f"\n  the header says version {header.major}.{header.minor}, which has {header.size} bytes;"
        f" with {other} the size would fit"
    )
