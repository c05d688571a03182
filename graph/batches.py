"""What a user hands over as data, whatever its kind, as batches that can start in the middle."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from .image_folder import ImageFolder
from .subject import Subject

__all__ = ["Batches", "batches_of"]

_HASHED_AT_ONCE = 1 << 24


class Batches:
    """Batches of flat lists of arrays.

    Attributes:
        count: Samples in all; None where only the end will tell.
        first: The first batch.
    """

    def __init__(
        self,
        first: list[Any],
        count: int | None,
        start_at: Callable[[int], Iterator[tuple[int, list[Any]]]],
        describe: Callable[[], str],
    ) -> None:
        self.first, self.count = first, count
        self._start_at, self._describe = start_at, describe

    def start_at(self, row: int) -> Iterator[tuple[int, list[Any]]]:
        """`(number of the batch's first sample, batch)`, from the batch that holds sample `row`."""
        return self._start_at(row)

    def fingerprint(self) -> str:
        """Changes when the data do, as far as that can be known without using them up."""
        return hashlib.blake2b(self._describe().encode(), digest_size=16).hexdigest()


def batches_of(
    subject: Subject,
    x: Any,
    batch_size: int,
    *,
    steps: int | None = None,
    preprocess: Callable[[np.ndarray], Any] | None = None,
) -> Batches:
    """Turn any kind of data into batches for a model.

    Args:
        subject: The model.
        x: An array, a structure of arrays, a `tf.data.Dataset`, a `keras.utils.PyDataset`, a
            generator or other iterable of batches, or the path of a folder of images. Batches
            may be `(x, y)` or `(x, y, sample_weight)`, as in `fit`.
        batch_size: Samples in a batch, where `x` does not hold batches already.
        steps: How many batches are taken where `x` holds batches. Default None: all.
        preprocess: See `ImageFolder`.

    Raises:
        ValueError: The data do not fit the model, or there are none; batch_size is below 1.
        TypeError: `preprocess` is given for what is not a folder.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"batch_size must be a whole number from 1 on, received {batch_size!r}")
    if isinstance(x, os.PathLike) or (isinstance(x, str) and os.path.isdir(x)):
        return _of_folder(subject, ImageFolder(x, _image_shape(subject), preprocess), batch_size)
    if preprocess is not None:
        raise TypeError("preprocess is for a folder of images; other data come prepared")
    if isinstance(x, str):
        raise ValueError(
            f"input of model '{subject.model.name}': expected an array of float32, other data or "
            f"a folder of images; there is no folder {x!r}"
        )
    if isinstance(x, keras.utils.PyDataset):
        return _of_sequence(subject, x, steps)
    if _holds_batches(x):
        return _of_iterable(subject, x, steps)
    return _of_arrays(subject, x, batch_size)


def _image_shape(subject: Subject) -> tuple[int | None, ...]:
    shape = getattr(subject.model, "input_shape", None)
    if not isinstance(shape, tuple):
        raise ValueError(
            f"model '{subject.model.name}' does not tell the size of one input image, which a "
            "folder of images needs; read them with keras.utils.image_dataset_from_directory"
        )
    return shape[1:]


def _of_folder(subject: Subject, folder: ImageFolder, size: int) -> Batches:
    def start_at(row: int) -> Iterator[tuple[int, list[Any]]]:
        for start in range(row // size * size, len(folder), size):
            yield start, subject.flat(folder.batch(start, min(start + size, len(folder))))

    first = subject.flat(folder.batch(0, min(size, len(folder))))
    return Batches(first, len(folder), start_at, lambda: f"folder {size} {folder.described()}")


def _of_arrays(subject: Subject, x: Any, size: int) -> Batches:
    arrays = subject.flat(x, cast=False)
    count = int(arrays[0].shape[0])

    def cut(start: int) -> list[Any]:
        return subject.cast([array[start : start + size] for array in arrays])

    def start_at(row: int) -> Iterator[tuple[int, list[Any]]]:
        for start in range(row // size * size, count, size):
            yield start, cut(start)

    return Batches(cut(0), count, start_at, lambda: f"arrays {size} {_hash_of(arrays)}")


def _hash_of(arrays: list[Any]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype} {tuple(array.shape)}".encode())
        row = max(1, int(np.prod(array.shape[1:], dtype=np.int64)) * np.dtype(array.dtype).itemsize)
        rows = max(1, _HASHED_AT_ONCE // row)
        for start in range(0, array.shape[0], rows):
            piece = np.ascontiguousarray(array[start : start + rows])
            digest.update(repr(piece.tolist()).encode() if piece.dtype.hasobject else piece.data)
    return digest.hexdigest()


def _holds_batches(x: Any) -> bool:
    if isinstance(x, (list, tuple, Mapping)) or hasattr(x, "shape") or hasattr(x, "__array__"):
        return False
    return isinstance(x, Iterable)


def _of_sequence(subject: Subject, x: Any, steps: int | None) -> Batches:
    number = x.num_batches
    total = steps if number is None else min(number, steps or number)
    if not total:
        raise ValueError("the data set has no batches" if total == 0 else _ENDLESS)

    def batches() -> Iterator[Any]:
        return (x[i] for i in range(total))

    describe = f"{type(x).__name__} {total}"
    return _counted(subject, batches, None, describe)


_ENDLESS = "the data set has no end: say how many batches with steps="


def _of_iterable(subject: Subject, x: Any, steps: int | None) -> Batches:
    describe = f"{type(x).__name__} {getattr(x, 'element_spec', '')} {steps}"
    if hasattr(x, "cardinality") and steps is None and int(x.cardinality()) == -1:
        raise ValueError(_ENDLESS)
    if isinstance(x, Iterator):  # can be gone through only once, and the first is looked at before
        iterator = itertools.islice(x, steps)
        first = next(iterator, None)
        rest = itertools.chain([] if first is None else [first], iterator)
        return _counted(subject, lambda: rest, first, describe)
    return _counted(subject, lambda: itertools.islice(iter(x), steps), None, describe)


def _counted(
    subject: Subject, batches: Callable[[], Iterator[Any]], first: Any, describe: str
) -> Batches:
    if first is None:
        first = next(batches(), None)
    if first is None:
        raise ValueError(f"no data for model '{subject.model.name}': there is no batch")

    def flat(batch: Any) -> list[Any]:
        if isinstance(batch, tuple):
            batch = keras.utils.unpack_x_y_sample_weight(batch)[0]
        return subject.flat(batch)

    def start_at(row: int) -> Iterator[tuple[int, list[Any]]]:
        start = 0
        for batch in batches():
            arrays = flat(batch)
            stop = start + int(arrays[0].shape[0])
            if stop > row:
                yield start, arrays
            start = stop

    return Batches(flat(first), None, start_at, lambda: describe)
