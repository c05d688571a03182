"""Labels and answers of a classifier, in the one form that the page is made from."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

__all__ = ["class_scores", "labelled"]


def labelled(data: Any) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and labels as whole numbers `(samples,)`.

    Args:
        data: a pair of inputs `(samples, ...)` and labels: whole numbers `(samples,)` or
            `(samples, 1)`, or one-hot rows `(samples, classes)`.

    Raises:
        ValueError: it is no such pair.
    """
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError("data is a pair (inputs, labels)")
    x, given = np.asarray(data[0]), np.asarray(data[1])
    labels = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if labels.ndim == 2 and labels.dtype.kind in "biuf" and _one_hot(labels):
        labels = labels.argmax(axis=1)
    whole = labels.dtype.kind in "biu" or (
        given.ndim == 2 and labels.dtype.kind == "f" and (labels == np.round(labels)).all()
    )
    if labels.ndim != 1 or not whole or not x.ndim or len(x) != len(labels) or not len(x):
        raise ValueError(
            f"labels are whole numbers, one a sample, or one-hot rows; got shape {given.shape} of "
            f"{given.dtype} for inputs of shape {x.shape}"
        )
    return x, labels.astype("int64")


def _one_hot(rows: np.ndarray) -> bool:
    return bool((((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)).all())


def class_scores(model: keras.Model, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What a classifier answers, `(samples, classes)`; of one output p, the classes 1 - p and p.

    Raises:
        ValueError: the model answers with another shape, or a label is none of its classes.
    """
    answers = np.asarray(model.predict(x, verbose=0), "float64")
    if answers.ndim != 2 or len(answers) != len(labels):
        raise ValueError(f"the model answers with {answers.shape}; expected (samples, classes)")
    if answers.shape[1] == 1:
        answers = np.concatenate([1 - answers, answers], axis=1)
    count = answers.shape[1]
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}, classes 0..{count - 1}")
    return answers
