"""CIFAR-10's own files, in its binary and in its Python version."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..weights.errors import WeightsError
from ..weights.pickled_arrays import ARRAY_FUNCTIONS, PickledArray
from ..weights.pickles import read_pickle

__all__ = ["Cifar10", "CifarError", "load_cifar10", "save_cifar10"]

_RECORD = 1 + 3 * 32 * 32
_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
_FILES = (*_TRAIN, "test_batch")


class CifarError(ValueError):
    """A folder holds no CIFAR-10, or a file of it is damaged; the message begins with its path."""


class Cifar10(NamedTuple):
    """A data set.

    Attributes:
        train_images: RGB pixels 0 to 255, uint8, ``(items, 32, 32, 3)``.
        train_labels: Numbers of classes, int64, ``(items,)``.
        test_images: As of training.
        test_labels: As of training.
        names: What the classes are called.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray
    names: list[str]


def load_cifar10(folder: str | os.PathLike[str]) -> Cifar10:
    """Read CIFAR-10 as its authors give it out, unpacked: the binary or the Python version.

    The version is told by the names: ``data_batch_1.bin`` ... ``data_batch_5.bin``,
    ``test_batch.bin`` and ``batches.meta.txt``, or the same without ``.bin`` and ``batches.meta``.
    Files may hold any number of images. The pickles of the Python version are never run: they are
    interpreted, and what is not plain data or an array is refused.

    Args:
        folder: Where the files are.

    Returns:
        The images of the five training batches in their order, those of the test batch, and the
        names of the classes.

    Raises:
        FileNotFoundError: The folder, or one of the files, is not there.
        CifarError: A file is not what it should be; the message tells which, and where.

    Reference: Krizhevsky 2009, "Learning multiple layers of features from tiny images"; the layout
    is that of https://www.cs.toronto.edu/~kriz/cifar.html.
    """
    root = Path(folder)
    binary = (root / "data_batch_1.bin").exists()
    names = [f"{name}.bin" for name in _FILES] if binary else list(_FILES)
    meta = "batches.meta.txt" if binary else "batches.meta"
    missing = [name for name in [*names, meta] if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{root} holds no CIFAR-10: there is no {', '.join(missing)}\n"
            f"  fix: the folder that cifar-10-{'binary' if binary else 'python'}.tar.gz unpacks to"
        )
    read = _binary if binary else _pickled
    classes = _text_names(root / meta) if binary else _pickled_names(root / meta)
    batches = [read(root / name, len(classes)) for name in names]
    images, labels = zip(*batches, strict=True)
    return Cifar10(
        np.concatenate(images[:-1]), np.concatenate(labels[:-1]), images[-1], labels[-1], classes
    )


def save_cifar10(folder: str | os.PathLike[str], data: Cifar10) -> None:
    """Write images of 32 x 32 as the binary version of CIFAR-10, for programs that read that.

    Args:
        folder: Where the files go; made if it is not there, existing ones are written over.
        data: At least five images for training, of at most 256 classes.

    Raises:
        ValueError: The arrays are not of this form; nothing is written.
    """
    for what in ("train", "test"):
        images, labels = getattr(data, f"{what}_images"), getattr(data, f"{what}_labels")
        if images.dtype != np.uint8 or images.shape[1:] != (32, 32, 3):
            raise ValueError(
                f"{what}_images must be uint8 (items, 32, 32, 3), got {images.dtype} {images.shape}"
            )
        last = min(len(data.names), 256) - 1
        if labels.shape != images.shape[:1] or not ((labels >= 0) & (labels <= last)).all():
            raise ValueError(f"{what}_labels must be {len(images)} numbers of 0 to {last}")
    if len(data.train_images) < len(_TRAIN):
        raise ValueError(f"{len(_TRAIN)} images for training are needed, a file each")
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    parts = np.array_split(np.arange(len(data.train_images)), len(_TRAIN))
    for name, rows in zip(_TRAIN, parts, strict=True):
        _write(root / f"{name}.bin", data.train_images[rows], data.train_labels[rows])
    _write(root / "test_batch.bin", data.test_images, data.test_labels)
    (root / "batches.meta.txt").write_text("\n".join(data.names) + "\n", encoding="utf-8")


def _write(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    planes = images.transpose(0, 3, 1, 2).reshape(len(images), -1)
    path.write_bytes(np.hstack([labels.astype("uint8")[:, None], planes]).tobytes())


def _images(planes: np.ndarray) -> np.ndarray:
    """Rows of red, green and blue planes as images, channels last."""
    return np.ascontiguousarray(planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _binary(path: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """A label and 3072 bytes of planes, again and again."""
    raw = np.frombuffer(path.read_bytes(), np.uint8)
    if not raw.size or raw.size % _RECORD:
        raise CifarError(f"{path}: {raw.size} bytes are no images of {_RECORD} bytes each")
    records = raw.reshape(-1, _RECORD)
    labels = records[:, 0].astype("int64")
    wrong = np.flatnonzero(labels >= classes)
    if wrong.size:
        at = wrong[0] * _RECORD
        raise CifarError(f"{path}: byte {at}: the label {labels[wrong[0]]}, of {classes} classes")
    return _images(records[:, 1:]), labels


def _text_names(path: Path) -> list[str]:
    lines = path.read_bytes().decode("utf-8", "replace").split("\n")
    names = [line.strip() for line in lines if line.strip()]
    return _checked_names(path, names)


def _pickled_names(path: Path) -> list[str]:
    names = _unpickled(path).get("label_names")
    names = [_text(name) for name in names] if isinstance(names, list) else []
    return _checked_names(path, names)


def _checked_names(path: Path, names: list[Any]) -> list[str]:
    if not names or len(names) > 256 or not all(isinstance(name, str) for name in names):
        raise CifarError(f"{path}: no list of the classes' names")
    return names


def _pickled(path: Path, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """``{"data": uint8 (items, 3072), "labels": [0..9]}``."""
    held = _unpickled(path)
    data: Any = held.get("data")
    labels = held.get("labels")
    shape, dtype = _described(data)
    if dtype != "uint8" or len(shape) != 2 or shape[1] != _RECORD - 1 or not shape[0]:
        raise CifarError(f"{path}: 'data' is {dtype} {shape}, expected uint8 (items, 3072)")
    if not isinstance(labels, list) or len(labels) != shape[0]:
        raise CifarError(f"{path}: 'labels' is no list of {shape[0]} numbers")
    for i, label in enumerate(labels):
        if type(label) is not int or not 0 <= label < classes:
            raise CifarError(f"{path}: labels[{i}] is {label!r}, of {classes} classes")
    return _images(data.values()), np.array(labels, "int64")


def _described(data: Any) -> tuple[tuple[int, ...], str]:
    return data.described() if isinstance(data, PickledArray) else ((), type(data).__name__)


def _unpickled(path: Path) -> dict[str, Any]:
    """The dict of a file, its keys as text; Python 2 wrote them as bytes."""
    try:
        held = read_pickle(io.BytesIO(path.read_bytes()), ARRAY_FUNCTIONS)
    except WeightsError as error:
        at = "" if error.offset is None else f"byte {error.offset}: "
        problem = error.problem.partition("\n")[0]
        raise CifarError(f"{path}: {at}{problem}") from error.__cause__
    if not isinstance(held, dict):
        raise CifarError(f"{path}: a pickled {type(held).__name__}, expected a dict")
    return {_text(key): value for key, value in held.items()}


def _text(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
