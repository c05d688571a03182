"""Mean average precision at R, the quality of the nearest neighbours in their order."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._retrieval import RetrievalMetric

__all__ = ["MeanAveragePrecisionAtR"]


@keras.saving.register_keras_serializable(package="nngraph")
class MeanAveragePrecisionAtR(RetrievalMetric):
    """MAP@R: precision at each match among the R nearest, with R the number of all matches.

    For each query `1 / R sum_{i=1..R} P(i) rel(i)`, where `rel(i)` is 1 if the i-th nearest has
    the label of the query, and `P(i)` the share of the first i that have it; then the mean.

    Every sample is a query, and is not found by itself; it searches all other samples, or those
    of `set_reference`. Queries whose label nobody else has do not count. At equal distance other
    labels come first.

    Args:
        distance: "euclidean" or "cosine".
        capacity: The number of embeddings there is room for. Each result costs a sort of all
            their distances, and `fit` asks for one after each batch.
        overflow: "error" or "sample": whether more samples are an error, or a random choice of
            `capacity` of them is kept. Compiled code cannot raise: there the value is NaN, and
            `fit` and `evaluate` raise the ValueError at the end of the epoch.
        seed: Of the random choice.
        name: A name for the metric.
        dtype: The dtype embeddings are kept in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an argument is not as above, if a shape is wrong, or if there are too
            many samples.

    References:
        Musgrave, Belongie, Lim: A Metric Learning Reality Check, 2020, section 3.2.
        Twin: `mean_average_precision_at_r` of pytorch-metric-learning's AccuracyCalculator.

    Example:
        >>> metric = MeanAveragePrecisionAtR()
        >>> metric.update_state([0, 0, 0, 1, 1], [[0.0], [0.1], [0.4], [0.3], [0.35]])
        >>> print(f"{float(metric.result()):.2f}")
        0.60
    """

    def __init__(
        self,
        distance: str = "euclidean",
        capacity: int = 2048,
        overflow: str = "error",
        seed: int = 0,
        name: str | None = "map_at_r",
        dtype: Any = None,
    ) -> None:
        super().__init__(distance, capacity, overflow, seed, name, dtype)

    def _score(self, distance: Any, is_match: Any, is_other: Any) -> Any:
        match = ops.cast(is_match, "int32")
        allowed = ops.logical_or(is_match, is_other)
        distance = ops.where(allowed, distance, ops.ones_like(distance) * np.inf)
        # The sorts are stable: of equal distances, matches stay last.
        matches_last = ops.argsort(match, axis=1)
        nearest = ops.argsort(ops.take_along_axis(distance, matches_last, axis=1), axis=1)
        hit = ops.take_along_axis(match, ops.take_along_axis(matches_last, nearest, 1), 1)
        count = ops.sum(match, axis=1, keepdims=True)
        place = ops.expand_dims(ops.arange(1, ops.shape(hit)[1] + 1, dtype="int32"), 0)
        precision = ops.cast(ops.cumsum(hit, axis=1), distance.dtype) / ops.cast(
            place, distance.dtype
        )
        first_r = ops.cast(hit * ops.cast(place <= count, "int32"), distance.dtype)
        found = ops.sum(precision * first_r, axis=1)
        return found / ops.cast(ops.maximum(count[:, 0], 1), distance.dtype)
