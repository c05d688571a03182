"""A directory that appears whole or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["replacing_directory"]

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextmanager
def replacing_directory(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Write a directory beside its place, and put it there at the end of the block.

    Readers, and whoever comes after a crash, see the old contents or the new, never a part. A
    process killed inside the block leaves the unfinished sibling, `.<name>.<random>.tmp`.

    Args:
        path: where the directory goes. Missing parents are created; a symbolic link is followed.
        overwrite: replace what is there, a directory or a file, whatever it holds. Default
            False.

    Yields:
        An empty directory to fill. If the block raises, it is removed with all it holds, and so
        are the parents made for it.

    Raises:
        FileExistsError: `path` is a file or a directory with something in it, and `overwrite`
            is False. Raised before the block runs.
        ValueError: overwriting would remove the current directory.
        OSError: `path` cannot be written (the subclass says why); before the block runs.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "new"
        >>> with replacing_directory(place) as draft:
        ...     _ = (draft / "part").write_text("whole")
        ...     place.exists()
        False
        >>> (place / "part").read_text()
        'whole'
    """
    shown = os.fspath(path)
    target = Path(os.path.realpath(path))
    _check(shown, target, overwrite)
    made: list[Path] = []
    draft = target.parent / f".{target.name}.{secrets.token_hex(6)}.tmp"
    try:
        try:
            for parent in reversed([p for p in target.parents if not p.exists()]):
                parent.mkdir(exist_ok=True)
                made.append(parent)
            draft.mkdir()  # not mkdtemp: what is written for others must be readable by them
        except OSError as error:
            raise OSError(error.errno, f"cannot write: {error.strerror}", shown) from error
        yield draft
        _flush(draft)
        _check(shown, target, overwrite)  # something may have come while the block ran
        _put(draft, target)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        for parent in reversed(made):
            with suppress(OSError):  # somebody else may use it by now
                parent.rmdir()
        raise


def _check(shown: str, target: Path, overwrite: bool) -> None:
    for parent in target.parents:
        if parent.exists() and not parent.is_dir():
            raise NotADirectoryError(
                errno.ENOTDIR, f"cannot write: {parent} is not a directory", shown
            )
    if not os.path.lexists(target) or (target.is_dir() and not any(target.iterdir())):
        return
    if not overwrite:
        kind = "directory that is not empty" if target.is_dir() else "file"
        raise FileExistsError(
            errno.EEXIST, f"there is a {kind} already; overwrite=True replaces it", shown
        )
    if Path(os.path.realpath(os.curdir)).is_relative_to(target):
        raise ValueError(f"overwriting {shown} would remove the current directory")


def _flush(directory: Path) -> None:
    """Bring the files to the disk before the rename, which may reach it sooner than they do."""
    for folder, _, files in os.walk(directory):
        for name in files:
            with open(os.path.join(folder, name), "rb+") as file:
                os.fsync(file.fileno())


def _put(draft: Path, target: Path) -> None:
    if not os.path.lexists(target):
        os.rename(draft, target)
        return
    if _exchange(draft, target):
        old = draft
    else:
        old = draft.with_suffix(".old")
        os.rename(target, old)
        try:
            os.rename(draft, target)
        except BaseException:
            os.rename(old, target)
            raise
    # The new one is in place: that the old one cannot be removed is no failure.
    if old.is_dir():
        shutil.rmtree(old, ignore_errors=True)
    else:
        with suppress(OSError):
            old.unlink()


def _exchange(a: Path, b: Path) -> bool:
    """Swap two paths in one step; False where the system or the file system cannot (Linux can)."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):  # no such function; TypeError: Windows
        return False
    done = renameat2(
        _AT_FDCWD, os.fsencode(a), _AT_FDCWD, os.fsencode(b), ctypes.c_uint(_RENAME_EXCHANGE)
    )
    if done == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), os.fspath(b))
