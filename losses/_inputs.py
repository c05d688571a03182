"""What the losses are given, brought into the form that they compute with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ._euclidean import full_precision

__all__ = ["as_float", "class_weights", "concrete", "labels", "like", "parts", "vector"]


def as_float(x: Any) -> Any:
    """A floating tensor in at least 32 bits; integers become `keras.config.floatx()`."""
    x = full_precision(x)
    is_float = "float" in keras.backend.standardize_dtype(x.dtype)
    return x if is_float else ops.cast(x, keras.config.floatx())


def like(name: str, y_true: Any, y_pred: Any) -> Any:
    """`y_true` as a tensor of the dtype and shape of `y_pred`; a last axis of 1 may be missing.

    Raises:
        ValueError: If the shapes differ: broadcasting would pair what does not belong together.
    """
    y_true = ops.cast(ops.convert_to_tensor(y_true), y_pred.dtype)
    need = tuple(y_pred.shape)
    if len(need) == len(y_true.shape) + 1 and need[-1] == 1:
        y_true = ops.expand_dims(y_true, axis=-1)
    elif len(y_true.shape) == len(need) + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if not _fits(y_true, need):
        raise ValueError(
            f"{name} needs y_true of the shape {need} of y_pred; got {tuple(y_true.shape)}"
        )
    return y_true


def parts(name: str, y_pred: Any, of: Sequence[str], rank: int | None = None) -> list[Any]:
    """The tensors that `y_pred` holds, `of` names them: a list, or stacked along axis 1.

    Raises:
        ValueError: If there is another number of tensors, or if their shapes differ.
    """
    if isinstance(y_pred, (list, tuple)):
        tensors = [as_float(part) for part in y_pred]
        shapes = [tuple(part.shape) for part in tensors]
        bad_rank = rank is not None and any(len(shape) != rank for shape in shapes)
        if len(tensors) != len(of) or bad_rank or any(shape != shapes[0] for shape in shapes):
            shape = "" if rank is None else f" {('(batch)', '(batch, d)')[rank - 1]}"
            raise ValueError(
                f"{name} needs [{', '.join(of)}], {len(of)} tensors of one shape{shape}; "
                f"got shapes {shapes}"
            )
        return tensors
    stacked = as_float(y_pred)
    if (
        len(stacked.shape) < 2
        or stacked.shape[1] != len(of)
        or (rank is not None and len(stacked.shape) != rank + 1)
    ):
        raise ValueError(
            f"{name} needs y_pred of shape (batch, {len(of)}{', d' if rank == 2 else ', ...'}), "
            f"in the order {', '.join(of)}; got shape {tuple(stacked.shape)}"
        )
    return [stacked[:, i] for i in range(len(of))]


def labels(name: str, y_true: Any, y_pred: Any) -> Any:
    """Integer labels, one for each vector of scores along the last axis of `y_pred`.

    Raises:
        ValueError: If their shape is not that of `y_pred` without its last axis.
    """
    y_true = ops.cast(ops.convert_to_tensor(y_true), "int32")
    need = tuple(y_pred.shape[:-1])
    if len(y_true.shape) == len(need) + 1 and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if not _fits(y_true, need):
        raise ValueError(
            f"{name} needs one label for each vector of y_pred, shape {need}; "
            f"got shape {tuple(y_true.shape)}"
        )
    return y_true


def vector(values: Any) -> tuple[float, ...] | None:
    """A tuple of numbers, which a configuration can hold; None stays None."""
    return None if values is None else tuple(np.asarray(values, "float64").ravel().tolist())


def class_weights(name: str, weights: Any, y_pred: Any) -> Any:
    """One weight for each entry of the last axis of `y_pred`, as a tensor of its dtype.

    Raises:
        ValueError: If there is another number of weights.
    """
    tensor = ops.convert_to_tensor(weights, dtype=y_pred.dtype)
    if len(tensor.shape) != 1 or tensor.shape[0] != y_pred.shape[-1]:
        raise ValueError(
            f"{name} got {tensor.shape[0] if tensor.shape else 1} weights for y_pred of shape "
            f"{tuple(y_pred.shape)}, which needs {y_pred.shape[-1]}"
        )
    return tensor


def concrete(x: Any) -> np.ndarray | None:
    """The values of a tensor; None while a backend traces the computation and none are known."""
    try:
        return np.asarray(ops.convert_to_numpy(x))
    except Exception:  # Each backend has its own exception for a tensor without values.
        return None


def _fits(x: Any, shape: tuple[int | None, ...]) -> bool:
    known = zip(x.shape, shape, strict=False)
    return len(x.shape) == len(shape) and all(a == b for a, b in known if None not in (a, b))
