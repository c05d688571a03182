"""Tensors and storages: read as checked views of the file, written as views of a storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .errors import Torch7FormatError
from .types import ELEMENT_NAMES, STORAGE_DTYPES, TORCH, TorchStorage, storage_of

if TYPE_CHECKING:
    from .encoding import Cursor
    from .reader import _Reading

__all__ = ["address", "alone", "element_name", "over_storage", "read_storage", "read_tensor"]

_MAX_DIMENSIONS = 32
_MAX_EXPANDED = 2**31  # elements of a tensor that repeats elements of its storage


def read_storage(cursor: Cursor, dtype: np.dtype) -> TorchStorage:
    """A storage, its class name read already."""
    (n,) = cursor.longs(1)
    return TorchStorage(cursor.array(dtype, n))


def read_tensor(reading: _Reading, dtype: np.dtype) -> np.ndarray:
    """A tensor, its class name read already."""
    cursor = reading.cursor
    start = cursor.pos
    ndim = cursor.integer()
    if not 0 <= ndim <= _MAX_DIMENSIONS:
        raise Torch7FormatError(
            f"a tensor of {ndim} dimensions, expected 0 to {_MAX_DIMENSIONS}", start
        )
    geometry = cursor.longs(2 * ndim + 1)
    sizes, strides, offset = geometry[:ndim], geometry[ndim:-1], geometry[-1]
    data = _storage(reading, dtype)
    available = 0 if data is None else data.size
    problem = _misfit(sizes, strides, offset, available)
    if problem:
        raise Torch7FormatError(problem, start)
    width = dtype.itemsize
    try:
        if not ndim:
            if data is None:
                return np.ndarray((0,), dtype)
            return np.ndarray((0,), dtype, data, min(offset - 1, available) * width)
        if data is None:
            return np.ndarray(sizes, dtype)
        if 0 in sizes:
            offset = min(offset, available + 1)
        return np.ndarray(
            sizes, dtype, data, (offset - 1) * width, tuple([s * width for s in strides])
        )
    except (ValueError, OverflowError) as error:
        raise Torch7FormatError(
            f"a tensor of size {sizes}, strides {strides}: {error}", start
        ) from error


def _storage(reading: _Reading, dtype: np.dtype) -> np.ndarray | None:
    """The storage that follows a tensor's header: nil, a known one, or a new one."""
    cursor = reading.cursor
    objects = reading.objects
    at = cursor.pos
    tag, index = cursor.item()
    if tag != TORCH:
        if tag == 0 and index is None:
            return None
        raise Torch7FormatError("a tensor's storage is neither nil nor a storage", at)
    if index < len(objects):
        found = reading.reference(tag, index)
    elif index == len(objects):
        objects.append(None)
        name, _ = reading.class_name()
        if STORAGE_DTYPES.get(name) is not dtype:
            raise Torch7FormatError(f"a tensor of {dtype} over a {name}", at)
        found = objects[index] = read_storage(cursor, dtype)
    else:
        raise reading.bad_index(index)
    if not isinstance(found, TorchStorage) or found.data.dtype is not dtype:
        raise Torch7FormatError(f"a tensor of {dtype} over {type(found).__name__} {index}", at)
    return found.data


def _misfit(
    sizes: tuple[int, ...], strides: tuple[int, ...], offset: int, available: int
) -> str | None:
    """What is wrong with a tensor's geometry over a storage of `available` elements."""
    if offset < 1:
        return f"storage offset {offset}, expected 1 or more"
    if not sizes:
        return None
    last = offset
    elements = 1
    for size, stride in zip(sizes, strides, strict=True):
        if size < 0:
            return f"a tensor of size {sizes}, expected no negative size"
        if stride < 0:
            return f"a tensor with strides {strides}, expected no negative stride"
        last += (size - 1) * stride
        elements *= size
    if not elements:
        return None
    if last > available:
        return (
            f"a tensor of size {sizes}, strides {strides}, offset {offset} reaches element {last} "
            f"of a storage of {available}"
        )
    if elements > available and elements > _MAX_EXPANDED:
        return f"a tensor of size {sizes} over a storage of {available} elements"
    return None


def element_name(dtype: np.dtype) -> str:
    """`Float` for float32, and so on; booleans become bytes.

    Raises:
        TypeError: Torch7 has no such element type.
    """
    name = "Byte" if dtype == np.bool_ else ELEMENT_NAMES.get(dtype.newbyteorder("="))
    if name is None:
        raise TypeError(f"an array of {dtype}; Torch7 has {', '.join(map(str, ELEMENT_NAMES))}")
    return name


def address(array: np.ndarray) -> int:
    """Where the first element lies in memory."""
    return array.__array_interface__["data"][0]


def over_storage(array: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(tensor, owner of the storage, its elements as a 1-D array) for any array.

    The tensor is a copy where the array is no forward view of whole elements of one block.
    """
    owner = storage_of(array)
    order = "C" if owner.flags.c_contiguous else "F" if owner.flags.f_contiguous else None
    if order and array.ndim and owner.dtype == array.dtype and array.dtype in ELEMENT_NAMES:
        data = owner.reshape(-1, order=order)
        width = array.itemsize
        start = address(array) - address(data)
        last = start + sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True))
        fits = start >= 0 and (last if array.size else start - width) + width <= data.nbytes
        if fits and not any(step < 0 or step % width for step in (start, *array.strides)):
            return array, owner, data
    dtype = np.uint8 if array.dtype == np.bool_ else array.dtype.newbyteorder("=")
    copy = np.array(np.atleast_1d(array), dtype, order="C", subok=False)
    return copy, copy, copy.reshape(-1)


def alone(data: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(owner, elements) of a storage that stands by itself: `data`, and no more than that."""
    _, owner, elements = over_storage(data)
    if elements.size == data.size:
        return owner, elements
    return data, np.array(data.reshape(-1), order="C")
