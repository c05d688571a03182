"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["replacing_file", "write_whole"]


@contextmanager
def replacing_file(path: str | os.PathLike[str], *, parents: bool = False) -> Iterator[Path]:
    """Write a file beside its place, and put it there at the end of the block.

    Readers see the old file or the new one, never a part.

    Args:
        path: where the file goes; what is there is replaced.
        parents: make missing parents. Default False.

    Yields:
        Where to write, with the suffix of `path`; the block must make the file. If the block
        raises, the file is removed, and so are the parents made for it.

    Raises:
        OSError: `path`, which it names, cannot be written; what was there stays.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "new.txt"
        >>> with replacing_file(place) as draft:
        ...     _ = draft.write_text("whole")
        ...     place.exists()
        False
        >>> place.read_text()
        'whole'
    """
    target = Path(os.fsdecode(path))
    made = [p for p in target.parents if not p.exists()] if parents else []
    draft = target.with_name(f".{target.stem}.{secrets.token_hex(6)}.tmp{target.suffix}")
    try:
        if parents:
            target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, target)
    except BaseException as error:
        with suppress(OSError):
            draft.unlink()
        for parent in made:
            with suppress(OSError):  # somebody else may use it by now
                parent.rmdir()
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            # A full disk shows in a write, which knows of no path.
            raise OSError(error.errno, os.strerror(error.errno), str(target)) from error
        raise


def write_whole(path: str | os.PathLike[str], data: bytes | memoryview) -> None:
    """Write a file in one step: readers see the old or the new.

    Args:
        path: where it goes. Missing parents are created; what is there is replaced, and a
            symbolic link is followed.
        data: all of it.

    Raises:
        OSError: it cannot be written; what was there stays.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "new" / "page.html"
        >>> write_whole(place, b"whole")
        >>> place.read_bytes(), len(list(place.parent.iterdir()))
        (b'whole', 1)
    """
    with replacing_file(os.path.realpath(path), parents=True) as draft:
        draft.write_bytes(data)
