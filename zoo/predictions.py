"""`decode_predictions`: scores of classes as names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Prediction", "decode_predictions"]


class Prediction(NamedTuple):
    """A class and its score: its index from 0, its label, the number that the network gave."""

    index: int
    label: str
    score: float


def decode_predictions(
    predictions: Any, top: int = 5, labels: Sequence[str] | str | os.PathLike[str] | None = None
) -> list[list[Prediction]]:
    """The best classes of every sample, the best first.

    Args:
        predictions: Scores ``(batch, classes)``.
        top: How many classes of each; all, if there are fewer.
        labels: The names of the classes in order, or a text file with one on each line, such as
            Darknet's ``imagenet.shortnames.list``. Default: the index itself. Nothing is
            downloaded.

    Returns:
        For each sample a list of `Prediction`; of equal scores the first class comes first.

    Raises:
        ValueError: `predictions` are no ``(batch, classes)``, `top` is less than 1, or there are
            more or fewer labels than classes.
        OSError: The file cannot be read.

    >>> decode_predictions([[0.1, 0.7, 0.2]], top=2, labels=["cat", "dog", "owl"])[0][0].label
    'dog'
    """
    scores = np.asarray(predictions)
    if scores.ndim != 2:
        raise ValueError(f"predictions must be (batch, classes), got shape {scores.shape}")
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ValueError(f"top must be a whole number of at least 1, got {top!r}")
    count = scores.shape[1]
    names = _names(labels, count)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :top]
    return [
        [Prediction(int(i), names[i], float(row[i])) for i in best]
        for row, best in zip(scores, order, strict=True)
    ]


def _names(labels: Any, count: int) -> list[str]:
    if labels is None:
        return [str(i) for i in range(count)]
    where = "labels"
    if isinstance(labels, (str, os.PathLike)):
        where = os.fspath(labels)
        with open(labels, encoding="utf-8") as file:
            labels = [line.strip() for line in file if line.strip()]
    if len(labels) != count:
        raise ValueError(f"{where}: {len(labels)} labels, but {count} classes")
    return list(labels)
