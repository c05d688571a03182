"""Keras's own files, `.weights.h5` and the one inside of `.keras`: read without making a model.

Keras files a layer under its class and number, ``layers/conv2d_3``, and notes its name beside.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras.src.saving import saving_lib

from .assigning import Entry, Plan
from .errors import WeightsError
from .named import WeightNames
from .report import Skipped

__all__ = ["plan_archived", "plan_h5", "recognises"]

_MAGIC = b"\x89HDF\r\n\x1a\n"
_Place = tuple[str, ...]


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one."""
    return head.startswith(_MAGIC)


def plan_h5(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What a `.weights.h5` file holds for a model."""
    return _plan(model, path, "Keras weights")


def plan_archived(model: Any, content: bytes) -> Plan:
    """What the weights inside of a `.keras` file hold for a model."""
    return _plan(model, io.BytesIO(content), "Keras model")


def _plan(model: Any, file: Any, format: str) -> Plan:
    arrays, names = _read(file)
    skipped = [
        Skipped("/".join(place), "the state of training") for place in arrays if _other(place)
    ]
    arrays = {place: array for place, array in arrays.items() if not _other(place)}
    recorder = _Recorder()
    saving_lib._save_state(model, recorder, None, "", set())
    ours = recorder.variables
    mine, its = _by_name(ours, recorder.names), _by_name(arrays, names)
    if not set(mine) & set(its):
        # Keras's own rule: by class and number. For files without names, or with others.
        mine, its = ours, arrays
    entries = [_entry("/".join(key), mine.get(key), array) for key, array in its.items()]
    return Plan(format, entries, skipped)


def _entry(source: str, variable: keras.Variable | None, array: np.ndarray) -> Entry:
    return Entry(source, variable, array.shape, array.dtype.name, lambda: array)


def _other(place: _Place) -> bool:
    return place[0] == "optimizer" or "metric" in place[0] or "loss_tracker" in place[0]


def _by_name(found: Mapping[_Place, Any], names: Mapping[_Place, str]) -> dict[_Place, Any]:
    """The same, each group of the path under the name that is noted beside it."""

    def renamed(place: _Place) -> _Place:
        groups = [names.get(place[:i], place[i - 1]) for i in range(1, len(place))]
        return (*(g for g in groups if g not in ("layers", "vars")), place[-1])

    new = {renamed(place): value for place, value in found.items()}
    return new if len(new) == len(found) else {}


class _Recorder(saving_lib.H5IOStore):
    """Notes under which path Keras would save what, and saves nothing."""

    def __init__(self) -> None:
        self.variables: dict[_Place, Any] = {}
        self.names: dict[_Place, str] = {}
        self._path: _Place = ()

    def __bool__(self) -> bool:
        return True

    def make(self, path: str, metadata: Any = None) -> _Recorder:
        self._path = tuple(path.split("/")) if path else ()
        if metadata and self._path:
            self.names[self._path] = metadata["name"]
        return self

    def __setitem__(self, key: str, value: Any) -> None:
        self.variables[*self._path, "vars", key] = value


def _read(file: Any) -> tuple[dict[_Place, np.ndarray], dict[_Place, str]]:
    # Keras needs it for its own files; here it is imported no sooner than it is used.
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            if "layer_names" in opened.attrs or "model_weights" in opened:
                raise WeightsError(
                    "weights of Keras 2: load them with the Keras that wrote them and save them as "
                    ".weights.h5"
                )
            arrays: dict[_Place, np.ndarray] = {}
            names: dict[_Place, str] = {}
            for place, item in _items(opened, h5py):
                if isinstance(item, h5py.Dataset):
                    arrays[place] = _values(place, item)
                elif isinstance(item.attrs.get("name"), str):
                    names[place[:-1]] = item.attrs["name"]
    except WeightsError:
        raise
    except Exception as error:  # h5py raises many kinds for what is damaged.
        raise WeightsError(f"HDF5 cannot read it: {' '.join(str(error).split())}") from error
    if not arrays:
        raise WeightsError("an HDF5 file without weights of Keras 3")
    return arrays, names


def _items(group: Any, h5py: Any, place: _Place = ()) -> Iterator[tuple[_Place, Any]]:
    """Each ``vars`` group, also an empty one, for its layer's name, and each dataset in one."""
    if len(place) > 64:
        raise WeightsError("groups in groups without end")
    if place and place[-1] == "vars":
        yield place, group
    for key in group:
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise WeightsError(f"{'/'.join((*place, key))} is a link to something else")
        child = group[key]
        if isinstance(child, h5py.Group):
            yield from _items(child, h5py, (*place, key))
        elif place and place[-1] == "vars":
            yield (*place, key), child


def _values(place: _Place, dataset: Any) -> np.ndarray:
    name = "/".join(place)
    if dataset.external or dataset.is_virtual:
        raise WeightsError(f"{name} lies in another file")
    stored = dataset.id.get_storage_size()
    if dataset.nbytes > max(1 << 28, 100 * stored):
        raise WeightsError(f"{name} unpacks to {dataset.nbytes} bytes")
    if dataset.attrs.get("dtype") == "bfloat16":
        raw = np.array(dataset).view(np.uint16)
        return (raw.astype(np.uint32) << 16).view(np.float32)
    return np.array(dataset)
