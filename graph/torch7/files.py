"""`load` and `save`: files, the choice of encoding, and the context of errors."""

from __future__ import annotations

import mmap
import os
import struct
from typing import Any, Literal

from .ascii import AsciiCursor, AsciiSink
from .binary import BinaryCursor, BinarySink
from .errors import Torch7FormatError
from .reader import read_object
from .writer import write_object

__all__ = ["load", "parse", "save"]

_MAPPED_FROM = 1 << 20  # smaller files are read: a mapping holds a file descriptor
_FLUSH = 1 << 20


def load(
    path: str | os.PathLike[str],
    *,
    functions: Literal["refuse", "opaque"] = "refuse",
    long_size: Literal[4, 8] | None = None,
) -> Any:
    """The object in a Torch7 file.

    The encoding is told by the first bytes. Tensors are writable NumPy views; those of a big
    file are views of the file itself, mapped copy-on-write: it takes no time and no memory to
    load them, and writing to them changes neither the file nor another load of it. Such a file
    may be replaced or deleted meanwhile (as `save` does), but not truncated in place.

    GPU tensors (`torch.Cuda*`, `torch.Cl*`) are read as their CPU twins. Of several objects in
    one file the first is read, as `torch.load` does.

    Args:
        path: the file.
        functions: what to do with Lua functions: `"refuse"` them, or `"opaque"` to carry them
            as `TorchFunction`, bytes that are never run.
        long_size: bytes of a C long in a binary file, 4 or 8; found out if None.

    Returns:
        The object; see `graph.torch7` for how Lua values appear in Python.

    Raises:
        Torch7FormatError: the file is no Torch7 file, is damaged, or holds a refused function.
        OSError: the file cannot be read.
        ValueError: an unknown option.
    """
    if functions not in ("refuse", "opaque"):
        raise ValueError(f"functions={functions!r}, expected 'refuse' or 'opaque'")
    if long_size not in (None, 4, 8):
        raise ValueError(f"long_size={long_size!r}, expected 4, 8 or None")
    try:
        return parse(_contents(path), functions == "opaque", long_size)
    except Torch7FormatError as error:
        raise Torch7FormatError(error.problem, error.offset, os.fsdecode(path)) from error.__cause__


def save(
    path: str | os.PathLike[str],
    obj: Any,
    *,
    format: Literal["binary", "ascii"] = "binary",
    long_size: Literal[4, 8] = 8,
) -> None:
    """Write an object as a Torch7 file, which `torch.load` reads.

    The file is written beside `path` and renamed into place when complete, so `path` holds the
    old file or the new one, never a part, and may be the file that `obj` was loaded from.

    Lists, tuples and dicts become tables, arrays become tensors, boolean arrays ByteTensors.
    Objects that occur more than once are written once. Arrays that are views of one array
    become tensors over one storage, which is written whole, as Torch does; copy a small view
    of a big array first. Entries that are None do not exist in a Lua table and are left out.

    Args:
        path: the file.
        obj: what `load` returns, or anything made of the same types.
        format: the encoding.
        long_size: bytes of a C long in a binary file. Torch7 on 64-bit systems expects 8.

    Raises:
        TypeError: something in `obj` has no counterpart in Torch7.
        ValueError: an integer no Lua number holds exactly, or an unknown option.
        OSError: the file cannot be written.
    """
    if format not in ("binary", "ascii"):
        raise ValueError(f"format={format!r}, expected 'binary' or 'ascii'")
    if long_size not in (4, 8):
        raise ValueError(f"long_size={long_size!r}, expected 4 or 8")
    target = os.fsdecode(path)
    beside = f"{target}.{os.getpid()}.{os.urandom(4).hex()}.tmp"
    try:
        with open(beside, "xb", buffering=_FLUSH) as file:
            write = file.write
            sink = AsciiSink(write) if format == "ascii" else BinarySink(write, long_size)
            write_object(sink, obj)
        os.replace(beside, target)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def parse(buffer: mmap.mmap, opaque_functions: bool, long_size: int | None = None) -> Any:
    """The object in the bytes of a file."""
    head = buffer[:4]
    if head[:1] in b" \t\r\n012345678" and head[:1]:
        return _run(AsciiCursor(buffer), opaque_functions)
    order = "<"
    if len(head) == 4:
        order = ">" if head[:3] == b"\0\0\0" and head[3] else "<"
    if len(head) < 4 or not 0 <= struct.unpack(order + "i", head)[0] <= 8:
        raise Torch7FormatError(
            f"a file that starts with {head!r}, expected the type id (0 to 8) of a Torch7 object, "
            f"4 bytes or an ASCII digit",
            0,
        )
    cursor = BinaryCursor(buffer, order, long_size or 8)
    try:
        return _run(cursor, opaque_functions)
    except Torch7FormatError as error:
        if long_size or not cursor.longs_doubtful:
            raise
        # A guess may not succeed by chance: with longs of 4 bytes all of the file must be used.
        short = BinaryCursor(buffer, order, 4)
        try:
            value = _run(short, opaque_functions)
        except Torch7FormatError as other:
            if short.pos > cursor.pos:
                raise other from error
            raise error from None
        if short.pos != short.size:
            raise
        return value


def _run(cursor: AsciiCursor | BinaryCursor, opaque_functions: bool) -> Any:
    try:
        return read_object(cursor, opaque_functions)
    except struct.error:
        problem = f"the file ends after {cursor.size} bytes, in the middle of an object"
        raise Torch7FormatError(problem, cursor.pos) from None


def _contents(path: str | os.PathLike[str]) -> mmap.mmap:
    """A file as writable memory that is not the file's own."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size >= _MAPPED_FROM:
            try:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
            except (OSError, ValueError):
                pass  # no mapping of such a file here: read it
        data = file.read()
    if not data:
        raise Torch7FormatError("an empty file, expected a Torch7 object", 0)
    memory = mmap.mmap(-1, len(data))
    memory[:] = data
    return memory
