"""The data that `fit` validates on, which Keras hands to no callback."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .classes import labelled

__all__ = ["validation_data"]

_SAMPLES = 2_000
_READ_TWICE = ("ArrayDataAdapter", "TFDatasetAdapter")


def validation_data(model: keras.Model) -> tuple[np.ndarray, np.ndarray] | None:
    """Samples of the running `fit`'s validation data, where they are a classifier's.

    Keras keeps them on the model, in a private place, while `fit` runs; there is no other way to
    them. Should they lie elsewhere one day, there are none.

    Args:
        model: a model in training, after it was validated.

    Returns:
        `(inputs, labels)` of at most the first 2,000; None where there are none, they can be read
        only once, or they or the model are not of a classifier with one input.
    """
    adapter = getattr(getattr(model, "_eval_epoch_iterator", None), "data_adapter", None)
    shape = getattr(model, "output_shape", None)
    # The names, as the classes are private too: a generator's data would be used up.
    if type(adapter).__name__ not in _READ_TWICE or adapter is None:
        return None
    if shape is not None and not (isinstance(shape, tuple) and len(shape) == 2):
        return None
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    count = 0
    for batch in adapter.get_numpy_iterator():
        x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
        if len(leaves := keras.tree.flatten(x)) != 1 or not hasattr(y, "shape"):
            return None
        parts.append((np.asarray(leaves[0]), np.asarray(y)))
        count += len(parts[-1][0])
        if count >= _SAMPLES:
            break
    if not parts:
        return None
    inputs, labels = (np.concatenate(column)[:_SAMPLES] for column in zip(*parts, strict=True))
    if labels.dtype.kind == "f" and (labels == np.round(labels)).all():
        labels = labels.astype("int64")
    try:
        inputs, labels = labelled((inputs, labels))
    except ValueError:  # what the model learns are no classes
        return None
    classes = shape[-1] if shape is not None else None
    if classes == 1 and "binary" not in _loss_name(model):  # a number, not a probability
        return None
    fits = classes is None or labels.max() < max(classes, 2)
    return (inputs, labels) if fits and labels.min() >= 0 else None


def _loss_name(model: keras.Model) -> str:
    loss: Any = getattr(model, "loss", None)
    return str(getattr(loss, "name", getattr(loss, "__name__", loss)))
