"""An HDF5 file of activations that is written piece by piece and appears when it is whole.

Rows go into pieces, small HDF5 files in a folder beside the target, `<name>.partial`, each of
which appears whole or not at all. Once the last one is there they are joined, without being
unpacked, into one file that takes the target's place. A kill leaves all pieces that were
complete, and what the target held before. While they are joined the disk holds the rows twice.

The file has one dataset per call, `(rows, ...)`, named after it with `|` for `/`
(`embedding|conv1`); a layer with several outputs has `name.0`, `name.1`, ... Its attribute
`layer` is the call's path. The file's attribute `identity` is JSON: fingerprints of model and
data, and the layers. HDF5 has no bfloat16: such outputs are stored as float32.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from .whole_file import write_whole

__all__ = ["ActivationFile"]

_FORMAT = "nngraph-keras activations 1"
_PIECE_BYTES = 16 << 20
_CHUNK_BYTES = 256 << 10
_PIECE_ROWS = 1024


class ActivationFile:
    """One target and the pieces beside it.

    Args:
        path: The target.
        identity: What says whether rows belong together; see the module.
        overwrite: Whether other contents may be replaced.

    Attributes:
        rows: Rows that complete pieces hold.

    Raises:
        ValueError: The target, or an unfinished one, holds other contents; nothing is changed.
        OSError: The folder cannot be written.
    """

    def __init__(
        self, path: str | os.PathLike[str], identity: dict[str, Any], *, overwrite: bool
    ) -> None:
        self._target = Path(path)
        self._partial = self._target.with_name(self._target.name + ".partial")
        self._identity = json.dumps({"format": _FORMAT, **identity}, sort_keys=True)
        self._complete = False
        if self._target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "cannot write: it is a folder", str(path))
        if self._target.exists():
            self._complete = self._same(self._target, _identity_of(self._target), overwrite)
        if self._complete:
            return
        plan = self._partial / "identity.json"
        if plan.is_file() or self._pieces():  # else a kill came before it could say whose it is
            held = plan.read_text() if plan.is_file() else None
            if not self._same(self._partial, held, overwrite):
                shutil.rmtree(self._partial)
        try:
            write_whole(plan, self._identity.encode())
        except OSError as error:
            raise _cannot(error, self._target) from error
        pieces = self._pieces()
        self.rows = 0 if not pieces else int(pieces[-1].stem.split("-")[1])

    def _same(self, path: Path, held: str | None, overwrite: bool) -> bool:
        if held == self._identity:
            return True
        if overwrite:
            return False
        if held is None:
            raise ValueError(
                f"{path} is there and holds no activations of this package; give another path, or "
                "overwrite=True to replace it"
            )
        ours, theirs = json.loads(self._identity), json.loads(held)
        what = [key for key in ours if ours[key] != theirs.get(key)]
        detail = f": {theirs['layers']}, not {ours['layers']}" if "layers" in what else ""
        raise ValueError(
            f"{path} holds activations of another {' and other '.join(what)}{detail}; give another "
            "path, or overwrite=True to replace it"
        )

    def is_complete(self) -> bool:
        """Whether the target is there already, with these very rows."""
        return self._complete

    def write(self, names: Sequence[str], batches: Iterator[tuple[int, list[Any]]]) -> None:
        """Write the rows that are missing, and put the file in its place.

        Args:
            names: The calls' paths.
            batches: `(first row, values)`, from the batch on that holds row `self.rows`; values
                are arrays, or nested lists and dicts of arrays, one for each name.

        Raises:
            ValueError: An output does not have one row for each sample, or is no array of numbers.
            OSError: The disk is full or the folder is not writable. Complete pieces stay.
        """
        held: list[list[np.ndarray]] = []
        waiting, piece_rows = 0, 0
        labels: list[tuple[str, str]] = []
        for start, values in batches:
            flat = [leaf for n, v in zip(names, values, strict=True) for leaf in _leaves(n, n, v)]
            rows = len(flat[0][2]) if flat and flat[0][2].ndim else 0
            for _, name, array in flat:
                if not array.ndim or len(array) != rows or array.dtype.kind not in "biuf":
                    raise ValueError(
                        f"'{name}' gave {array.dtype} {array.shape} for a batch: a file takes "
                        f"numbers with one row for each sample, as '{flat[0][1]}' has {rows}"
                    )
            skip = max(0, self.rows + waiting - start)
            arrays = [array[skip:] for _, _, array in flat]
            if not piece_rows:
                labels = [(label, name) for label, name, _ in flat]
                piece_rows = _rows_of_a_piece(arrays)
            held.append(arrays)
            waiting += len(arrays[0])
            while waiting >= piece_rows:
                whole = [np.concatenate(parts) for parts in zip(*held, strict=True)]
                self._write_piece(labels, [a[:piece_rows] for a in whole], piece_rows)
                held = [[a[piece_rows:] for a in whole]]
                waiting -= piece_rows
        if waiting:
            whole = [np.concatenate(parts) for parts in zip(*held, strict=True)]
            self._write_piece(labels, whole, piece_rows)
        self._join()

    def _write_piece(
        self, labels: list[tuple[str, str]], arrays: list[np.ndarray], piece_rows: int
    ) -> None:
        # In memory first: HDF5 does not survive a full disk, a plain write does.
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            for (label, name), array in zip(labels, arrays, strict=True):
                _dataset(file, label, name, array.shape, array.dtype, piece_rows)[:] = array
        stop = self.rows + len(arrays[0])
        place = self._partial / f"{self.rows:012d}-{stop:012d}.h5"
        try:
            write_whole(place, memory.getbuffer())
        except OSError as error:
            raise _cannot(error, self._target) from error
        self.rows = stop

    def _pieces(self) -> list[Path]:
        pieces, row = [], 0
        for path in sorted(self._partial.glob("[0-9]*-*.h5")):
            start, stop = map(int, path.stem.split("-"))
            if start != row:
                break
            pieces.append(path)
            row = stop
        return pieces

    def _join(self) -> None:
        draft = self._partial / "joined.tmp"
        pieces = self._pieces()
        needed = sum(piece.stat().st_size for piece in pieces)
        try:
            if shutil.disk_usage(self._partial).free < needed:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            with h5py.File(draft, "w") as file:
                file.attrs["identity"] = self._identity
                for piece in pieces:
                    with h5py.File(piece, "r") as source:
                        for label in source:
                            _append(file, source[label], self.rows)
            with open(draft, "rb+") as written:
                os.fsync(written.fileno())
            os.replace(draft, self._target)
        except (OSError, RuntimeError) as error:
            draft.unlink(missing_ok=True)
            raise _cannot(error, self._target) from error
        shutil.rmtree(self._partial, ignore_errors=True)


def _leaves(label: str, name: str, value: Any) -> Iterator[tuple[str, str, np.ndarray]]:
    if isinstance(value, (list, dict)):
        items = enumerate(value) if isinstance(value, list) else value.items()
        for key, part in items:
            yield from _leaves(f"{label}.{key}", name, part)
        return
    array = np.asarray(value)
    if array.dtype.kind == "V":
        array = array.astype("float32")
    yield label.replace("/", "|"), name, array


def _power_of_two(number: int) -> int:
    return 1 << max(0, number.bit_length() - 1)


def _row_bytes(array: np.ndarray) -> int:
    return max(1, int(np.prod(array.shape[1:])) * array.dtype.itemsize)


def _rows_of_a_piece(arrays: list[np.ndarray]) -> int:
    return min(_PIECE_ROWS, _power_of_two(_PIECE_BYTES // sum(map(_row_bytes, arrays))))


def _dataset(
    file: Any, label: str, name: str, shape: Sequence[int], dtype: Any, piece_rows: int
) -> Any:
    row = max(1, int(np.prod(shape[1:])) * dtype.itemsize)
    # Powers of two, so that pieces hold whole chunks, which can be joined as they are.
    rows = min(piece_rows, _power_of_two(_CHUNK_BYTES // row))
    dataset = file.create_dataset(
        label,
        shape=shape,
        maxshape=(None, *shape[1:]),
        dtype=dtype,
        chunks=(max(1, rows), *(max(1, n) for n in shape[1:])),
        compression="gzip",
        compression_opts=1,
        shuffle=True,
    )
    dataset.attrs["layer"] = name
    return dataset


def _append(file: Any, source: Any, total: int) -> None:
    label = source.name.lstrip("/")
    if label not in file:
        made = file.create_dataset(
            label,
            shape=(total, *source.shape[1:]),
            maxshape=source.maxshape,  # else a chunk larger than all rows is refused
            dtype=source.dtype,
            chunks=source.chunks,
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        made.attrs["layer"] = source.attrs["layer"]
    start = int(Path(source.file.filename).stem.split("-")[0])
    target = file[label]
    for i in range(source.id.get_num_chunks()):
        info = source.id.get_chunk_info(i)
        mask, packed = source.id.read_direct_chunk(info.chunk_offset)
        first, *rest = info.chunk_offset
        target.id.write_direct_chunk((start + first, *rest), packed, mask)


def _identity_of(path: Path) -> str | None:
    try:
        with h5py.File(path, "r") as file:
            held = file.attrs.get("identity")
    except OSError:
        return None
    return held if isinstance(held, str) and _FORMAT in held else None


def _cannot(error: Exception, target: Path) -> OSError:
    text = str(error)
    number = getattr(error, "errno", None)
    if number is None:
        number = errno.EFBIG if "File too large" in text else errno.ENOSPC
        number = number if "large" in text or "No space" in text else errno.EIO
    reason = f"cannot write: {os.strerror(number)}"
    return OSError(number, f"{reason}; complete rows are kept, start again to go on", str(target))
