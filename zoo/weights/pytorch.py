"""What the pickles in PyTorch's files refer to: storages, and tensors that are views of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .dtypes import ByteOrder, from_bytes
from .errors import WeightsError
from .named import NamedArray
from .pickles import Stated
from .report import Skipped

__all__ = ["DTYPES", "FUNCTIONS", "Storage", "Tensor", "named_arrays", "storage_of"]

DTYPES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
"""PyTorch's storage class -> the dtype of its elements."""

# Where checkpoints keep a model's weights beside an epoch, an optimizer's state and more.
_STATE_DICTS = ("state_dict", "model_state_dict", "model")


class Storage:
    """A run of numbers in a file.

    Args:
        dtype: Of its elements.
        size: How many they are.
        read: Gives their bytes.
        order: ``"<"`` or ``">"``, how they lie in the file.
    """

    def __init__(self, dtype: str, size: int, read: Callable[[], bytes], order: ByteOrder) -> None:
        self.dtype, self.size = dtype, size
        self.order: ByteOrder = order
        self._read = read

    def values(self) -> np.ndarray:
        """The numbers."""
        return from_bytes(self._read(), self.dtype, self.order)


class Tensor:
    """A view of a storage.

    Args:
        storage: The storage.
        offset: Its first element.
        shape: Sizes.
        strides: Steps, in elements.
    """

    def __init__(self, storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> None:
        if not isinstance(storage, Storage):
            raise ValueError("a tensor without a storage")
        for numbers in (shape, strides, (offset,)):
            whole = isinstance(numbers, tuple | list)
            if not whole or not all(type(n) is int and n >= 0 for n in numbers):
                raise ValueError(f"a tensor of shape {shape!r}, strides {strides!r}")
        if len(shape) != len(strides) or len(shape) > 32:
            raise ValueError(f"a tensor of shape {shape!r} and strides {strides!r}")
        last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
        if 0 not in shape and last >= storage.size:
            raise ValueError(f"a tensor that reaches element {last} of a storage of {storage.size}")
        self.storage, self.offset = storage, offset
        self.shape, self.strides = tuple(shape), tuple(strides)

    def values(self) -> np.ndarray:
        """The array."""
        flat = self.storage.values()
        if 0 in self.shape:
            return np.zeros(self.shape, flat.dtype)
        return np.lib.stride_tricks.as_strided(
            flat[self.offset :],
            self.shape,
            [step * flat.itemsize for step in self.strides],
            writeable=False,
        )


def _parameter(data: Any, *_: Any) -> Tensor:
    if not isinstance(data, Tensor):
        raise ValueError("a parameter without a tensor")
    return data


def _size(shape: Any) -> Any:
    return shape


class _Ordered(dict, Stated):
    """`collections.OrderedDict`, whose attributes are left out."""

    def __init__(self, items: Any = ()) -> None:
        # Old pickles give the items here, as a list of [key, value].
        pairs = [tuple(pair) for pair in items]
        if not all(len(pair) == 2 and isinstance(pair[0], str | int) for pair in pairs):
            raise ValueError("a dict of something else than names")
        super().__init__(pairs)

    def set_state(self, state: Any) -> None:
        pass


FUNCTIONS: Mapping[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): _Ordered,
    ("torch._utils", "_rebuild_tensor"): Tensor,
    ("torch._utils", "_rebuild_tensor_v2"): Tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): _size,
    **{("torch", name): f"torch.{name}" for name in DTYPES},
}
"""What a PyTorch pickle may name."""


def named_arrays(root: Any) -> tuple[dict[str, NamedArray], list[Skipped]]:
    """The tensors of a state dict, or of a checkpoint that holds one, and what lies beside them.

    `DataParallel` puts ``module.`` into the names; it is taken out.

    Raises:
        WeightsError: It is neither.
    """
    skipped: list[Skipped] = []
    if isinstance(root, dict) and not any(isinstance(v, Tensor) for v in root.values()):
        key = next((k for k in _STATE_DICTS if isinstance(root.get(k), dict)), None)
        if key is not None:
            skipped += [Skipped(str(k), "beside the weights") for k in root if k != key]
            root = root[key]
    if not isinstance(root, dict) or not any(isinstance(v, Tensor) for v in root.values()):
        raise WeightsError(
            f"a pickled {type(root).__name__} without tensors, expected a state dict: "
            f"torch.save(model.state_dict(), path)"
        )
    arrays: dict[str, NamedArray] = {}
    for key, value in root.items():
        name = ".".join(part for part in str(key).split(".") if part != "module")
        if not isinstance(value, Tensor):
            skipped.append(Skipped(str(key), f"a {type(value).__name__}, no tensor"))
        elif name in arrays:
            raise WeightsError(f"the names {key!r} and {arrays[name].source!r} are one")
        else:
            dtype = value.storage.dtype
            arrays[name] = NamedArray(value.shape, dtype, value.values, str(key))
    return arrays, skipped


def storage_of(identity: Any) -> tuple[str, str, int]:
    """Dtype, key and number of elements of the storage that a persistent id names.

    Raises:
        WeightsError: It names none.
    """
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise WeightsError("a damaged pickle: a persistent id of no storage")
    kind, key, size = str(identity[1]).rpartition(".")[2], identity[2], identity[4]
    if kind not in DTYPES or not isinstance(key, str | int) or type(size) is not int or size < 0:
        raise WeightsError(f"a damaged pickle: a storage {kind!r} {key!r} of {size!r}")
    if len(identity) > 5 and identity[5] is not None:
        raise WeightsError(
            "a storage that is a part of another one, as PyTorch before 0.4 wrote it"
        )
    return DTYPES[kind], str(key), size
