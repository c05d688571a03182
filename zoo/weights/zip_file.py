"""Zip files: Keras's `.keras` and PyTorch's `.pth`, told by their members."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from .assigning import Plan
from .dtypes import ByteOrder, item_size
from .errors import WeightsError
from .keras_files import plan_archived
from .named import NamedArray, WeightNames, by_name
from .pickles import read_pickle
from .pytorch import FUNCTIONS, Storage, named_arrays, storage_of
from .report import Skipped

__all__ = ["plan", "read_pytorch", "recognises"]

_LONGEST_PICKLE = 64 << 20
_WEIGHTS = "model.weights.h5"


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one."""
    return head[:4] in (b"PK\x03\x04", b"PK\x05\x06")


def plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model.

    Raises:
        WeightsError: It is damaged, or a zip file of another kind.
    """
    with _opened(path) as archive:
        if _WEIGHTS in archive.namelist():
            return plan_archived(model, member(archive, _WEIGHTS))
    arrays, skipped = read_pytorch(path)
    return by_name(model, arrays, "torch", tables, format="PyTorch state dict", skipped=skipped)


def read_pytorch(path: str) -> tuple[dict[str, NamedArray], list[Skipped]]:
    """The tensors of a file that `torch.save` wrote, and what lies beside them.

    Raises:
        WeightsError: It is damaged, of another kind, or its pickle holds more than tensors.
    """
    with _opened(path) as archive:
        names = archive.namelist()
        pickled = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
            raise WeightsError(
                "a TorchScript archive\n  fix: torch.save(model.state_dict(), path)", offset=0
            )
        if len(pickled) != 1:
            shown = ", ".join(names[:5])
            raise WeightsError(
                f"a zip file that neither Keras nor PyTorch wrote; it holds {shown}", offset=0
            )
        return _read_pytorch(archive, path, pickled[0])


def _opened(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # Whatever a damaged directory makes of zipfile.
        raise WeightsError(f"a damaged zip file: {error}") from error


def member(archive: zipfile.ZipFile, name: str, at_most: int | None = None) -> bytes:
    """The bytes of a member.

    Raises:
        WeightsError: It is missing, damaged, or unpacks to far more than the file holds.
    """
    offset = None
    try:
        info = archive.getinfo(name)
        # A damaged directory moves all members, even to before the file.
        offset = max(info.header_offset, 0)
        bomb = info.file_size > max(1 << 28, 100 * info.compress_size)
        if bomb or (at_most is not None and info.file_size > at_most):
            raise WeightsError(f"{name} unpacks to {info.file_size} bytes", offset=offset)
        content = archive.read(name)
    except WeightsError:
        raise
    except KeyError:
        raise WeightsError(f"the zip file has no {name}") from None
    except Exception as error:  # zipfile and the decompressors raise many kinds.
        raise WeightsError(f"the zip file's {name} is damaged: {error}", offset=offset) from error
    if len(content) != info.file_size:
        raise WeightsError(f"the zip file's {name} is cut short", offset=offset)
    return content


def _read_pytorch(
    archive: zipfile.ZipFile, path: str, pickled: str
) -> tuple[dict[str, NamedArray], list[Skipped]]:
    folder = pickled[: -len("data.pkl")]
    order: ByteOrder = "<"
    if f"{folder}byteorder" in archive.namelist():
        stated = member(archive, f"{folder}byteorder", 16)
        if stated not in (b"little", b"big"):
            raise WeightsError(f"byteorder {stated!r}")
        order = "<" if stated == b"little" else ">"

    def storage(identity: Any) -> Storage:
        dtype, key, size = storage_of(identity)

        def read() -> bytes:
            name = f"{folder}data/{key}"
            with _opened(path) as again:
                content = member(again, name)
                if len(content) != size * item_size(dtype):
                    raise WeightsError(
                        f"{name} has {len(content)} bytes, expected {size} of {dtype}",
                        offset=max(again.getinfo(name).header_offset, 0),
                    )
            return content

        return Storage(dtype, size, read, order)

    content = io.BytesIO(member(archive, pickled, _LONGEST_PICKLE))
    try:
        root = read_pickle(content, FUNCTIONS, storage)
    except WeightsError as error:
        at = _place(archive, pickled, error.offset or 0)
        raise WeightsError(f"{pickled}: {error.problem}", offset=at) from error.__cause__
    return named_arrays(root)


def _place(archive: zipfile.ZipFile, name: str, offset: int) -> int:
    """Where a byte of a member lies in the file; where the member begins if it is compressed."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or archive.fp is None:
        return max(info.header_offset, 0)
    archive.fp.seek(info.header_offset + 26)
    lengths = archive.fp.read(4)
    before = 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    return info.header_offset + before + offset
