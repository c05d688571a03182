"""A file that appears whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file beside its place and rename it there: readers see the old or the new.

    Args:
        path: where it goes. Missing parents are created; what is there is replaced.
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
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    try:
        draft.write_bytes(data)
        os.replace(draft, target)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
