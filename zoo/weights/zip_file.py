"""Zip files: Keras's `.keras` and PyTorch's `.pth`, told by their members."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

from .assigning import Plan
from .errors import WeightsError
from .keras_files import plan_archived
from .named import WeightNames, by_name
from .pickles import read_pickle
from .pytorch import FUNCTIONS, Storage, item_size, named_arrays, storage_of

__all__ = ["plan", "recognises"]

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
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise WeightsError(f"a damaged zip file: {error}") from error
    with archive:
        names = archive.namelist()
        pickled = [name for name in names if name.rpartition("/")[2] == "data.pkl"]
        if _WEIGHTS in names:
            return plan_archived(model, member(archive, _WEIGHTS))
        if any("/code/" in name or name.endswith("/constants.pkl") for name in names):
            raise WeightsError(
                "a TorchScript archive, expected torch.save(model.state_dict(), path)"
            )
        if len(pickled) == 1:
            return _plan_pytorch(model, archive, pickled[0], tables)
    shown = ", ".join(names[:5])
    raise WeightsError(f"a zip file that neither Keras nor PyTorch wrote; it holds {shown}")


def member(archive: zipfile.ZipFile, name: str, at_most: int | None = None) -> bytes:
    """The bytes of a member.

    Raises:
        WeightsError: It is missing, damaged, or unpacks to far more than the file holds.
    """
    offset = None
    try:
        info = archive.getinfo(name)
        offset = info.header_offset
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


def _plan_pytorch(
    model: Any, archive: zipfile.ZipFile, pickled: str, tables: Sequence[WeightNames]
) -> Plan:
    folder = pickled[: -len("data.pkl")]
    order = "<"
    if f"{folder}byteorder" in archive.namelist():
        stated = member(archive, f"{folder}byteorder", 16)
        if stated not in (b"little", b"big"):
            raise WeightsError(f"byteorder {stated!r}")
        order = "<" if stated == b"little" else ">"

    path = str(archive.filename)

    def storage(identity: Any) -> Storage:
        dtype, key, size = storage_of(identity)

        def read() -> bytes:
            name = f"{folder}data/{key}"
            with zipfile.ZipFile(path) as again:
                content = member(again, name)
                if len(content) != size * item_size(dtype):
                    raise WeightsError(
                        f"{name} has {len(content)} bytes, expected {size} of {dtype}",
                        offset=again.getinfo(name).header_offset,
                    )
            return content

        return Storage(dtype, size, read, order)

    content = io.BytesIO(member(archive, pickled, _LONGEST_PICKLE))
    arrays, skipped = named_arrays(read_pickle(content, FUNCTIONS, storage))
    return by_name(model, arrays, "torch", tables, format="PyTorch state dict", skipped=skipped)
