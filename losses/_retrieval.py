"""Metrics of retrieval: each embedding asks for those of its own label."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ._kept_rows import KeptRows
from ._ranks import one_per_sample, ratio

__all__ = ["RetrievalMetric", "mean_over_queries"]

_BLOCK = 256  # queries at once: distances need _BLOCK rows of memory
_DISTANCES = ("euclidean", "cosine")


class RetrievalMetric(KeptRows):
    """Keeps embeddings with labels; the subclass scores queries from their distances.

    Args:
        distance: "euclidean" or "cosine".
        capacity: See `KeptRows`.
        overflow: See `KeptRows`.
        seed: See `KeptRows`.
        name: A name for the metric.
        dtype: The dtype embeddings are kept in.
    """

    _direction = "up"  # what EarlyStopping(mode="auto") asks for

    def __init__(
        self, distance: str, capacity: int, overflow: str, seed: int, name: str | None, dtype: Any
    ) -> None:
        super().__init__(capacity, overflow, seed, name, dtype)
        if distance not in _DISTANCES:
            raise ValueError(f"distance must be one of {_DISTANCES}; got {distance!r}")
        self.distance = distance
        self._reference: tuple[Any, Any] | None = None

    def set_reference(self, labels: Any, embeddings: Any) -> None:
        """Search these from now on, in place of all samples but the query itself.

        The reference stays through `reset_state`; it is not saved with a model. Queries are then
        scored as they come, and no longer kept.

        Args:
            labels: Integers of shape `(n,)` or `(n, 1)`.
            embeddings: Of shape `(n, d)`.

        Raises:
            ValueError: If the shapes differ from these, or once the metric has been updated.
        """
        labels, embeddings = self._checked(labels, embeddings)
        if self._rows or self._reference is not None:
            raise ValueError(f"{self.name}: set_reference comes before the first update, and once")

        def variable(value: Any, dtype: str, name: str) -> Any:
            made = self.add_variable(tuple(value.shape), "zeros", dtype=dtype, name=name)
            made.assign(value)
            return made

        self._reference = (
            variable(labels, "int32", "reference_labels"),
            variable(embeddings, self.dtype, "reference_embeddings"),
        )
        self._total = self.add_variable((), "zeros", dtype=self.dtype, name="total")
        self._count = self.add_variable((), "zeros", dtype=self.dtype, name="count")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: integer labels of shape `(batch,)`, embeddings of `(batch, d)`.

        `sample_weight` is the weight of a query in the mean; with zero it is not searched either.
        """
        labels, embeddings = self._checked(y_true, y_pred)
        weight = ops.ones_like(labels, dtype=self.dtype)
        if sample_weight is not None:
            given = ops.cast(sample_weight, self.dtype)
            weight = weight * (given if len(given.shape) == 0 else one_per_sample(given, self.name))
        if self._reference is not None:
            total, count = self._sums(labels, embeddings, weight)
            self._total.assign(self._total.value + total)
            self._count.assign(self._count.value + count)
            return
        if not self._rows:
            column = ((), self.dtype)
            size = embeddings.shape[1]
            self._reserve(label=((), "int32"), embedding=((size,), self.dtype), weight=column)
        self._keep(label=labels, embedding=embeddings, weight=weight)

    def result(self) -> Any:
        """The mean over all queries so far, a scalar."""
        if self._reference is not None:
            return ratio(self._total.value, self._count.value)
        if not self._rows:
            return ops.cast(np.nan, self.dtype)
        rows = [self._rows[name].value for name in ("label", "embedding", "weight")]
        total, count = self._sums(*rows)
        return self._whole(ops.cast(ratio(total, count), self.dtype))

    def _sums(self, labels: Any, embeddings: Any, weight: Any) -> tuple[Any, Any]:
        gallery = None if self._reference is None else [v.value for v in self._reference]
        return mean_over_queries(self._score, self.distance, labels, embeddings, weight, gallery)

    def _score(self, distance: Any, is_match: Any, is_other: Any) -> Any:
        raise NotImplementedError

    def _checked(self, labels: Any, embeddings: Any) -> tuple[Any, Any]:
        embeddings = ops.cast(embeddings, self.dtype)
        labels = ops.cast(one_per_sample(labels, f"{self.name}, of its labels,"), "int32")
        sizes = {labels.shape[0], embeddings.shape[0]} - {None}
        if len(embeddings.shape) != 2 or embeddings.shape[1] is None or len(sizes) > 1:
            raise ValueError(
                f"{self.name} needs one label per embedding, and embeddings of shape (batch, d); "
                f"got shapes {tuple(labels.shape)} and {tuple(embeddings.shape)}"
            )
        return labels, embeddings

    def reset_state(self) -> None:
        if self._reference is None:
            super().reset_state()
        else:
            self._total.assign(ops.zeros_like(self._total.value))
            self._count.assign(ops.zeros_like(self._count.value))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "distance": self.distance}


def mean_over_queries(
    score: Any, distance: str, labels: Any, embeddings: Any, weight: Any, gallery: Any
) -> tuple[Any, Any]:
    """The sum of weighted scores, and of the weights, of the queries that have a match.

    Args:
        score: Takes distances, which are matches and which others, each of shape
            `(queries, gallery)`, and gives one number per query.
        distance: "euclidean" or "cosine".
        labels: Of shape `(n,)`.
        embeddings: Of shape `(n, d)`.
        weight: Of shape `(n,)`; what weighs nothing is not there.
        gallery: `[labels, embeddings]` to search; None for all queries but the query itself.
    """
    is_self_search = gallery is None
    there = weight > 0
    searched = labels if is_self_search else gallery[0]
    present = there if is_self_search else ops.ones_like(searched, dtype="bool")
    # Where there are few digits: far from the origin, or where all embeddings are nearly one.
    shift = _mean(embeddings if is_self_search else gallery[1], present)
    points = _prepared(embeddings, shift, distance)
    others = points if is_self_search else _prepared(gallery[1], shift, distance)
    square = ops.sum(ops.square(others), axis=1)

    size = ops.shape(labels)[0]
    known = labels.shape[0]
    block = _BLOCK if known is None else min(_BLOCK, known)
    count = math.ceil(known / block) if known is not None else (size + block - 1) // block
    index = ops.arange(size, dtype="int32")
    number = ops.arange(ops.shape(searched)[0], dtype="int32")

    def add_block(i: Any, sums: tuple[Any, Any]) -> tuple[Any, Any]:
        row = i * block + ops.arange(block, dtype="int32")
        is_row = row < size
        row = ops.minimum(row, size - 1)
        q = ops.take(points, row, axis=0)
        squares = ops.sum(ops.square(q), axis=1, keepdims=True) + square
        far = squares - 2 * ops.matmul(q, ops.transpose(others))
        same = ops.expand_dims(ops.take(labels, row), 1) == searched
        allowed = ops.expand_dims(present, 0)
        if is_self_search:
            allowed = ops.logical_and(allowed, ops.expand_dims(ops.take(index, row), 1) != number)
        match = ops.logical_and(same, allowed)
        other = ops.logical_and(ops.logical_not(same), allowed)
        counts = ops.logical_and(is_row, ops.any(match, axis=1))
        w = ops.take(weight, row) * ops.cast(counts, weight.dtype)
        value = ops.cast(score(far, match, other), w.dtype)
        return sums[0] + ops.sum(w * value), sums[1] + ops.sum(w)

    zero = ops.zeros((), dtype=weight.dtype)
    return ops.fori_loop(0, count, add_block, (zero, zero))


def _mean(points: Any, present: Any) -> Any:
    w = ops.expand_dims(ops.cast(present, points.dtype), 1)
    return ops.sum(w * points, axis=0) / (ops.sum(w) + keras.config.epsilon())


def _prepared(points: Any, shift: Any, distance: str) -> Any:
    if distance == "euclidean":
        return points - shift
    return ops.normalize(points, axis=1)
