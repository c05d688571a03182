"""How often one of the k nearest embeddings has the label of the query."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ._retrieval import RetrievalMetric

__all__ = ["RecallAtK"]


@keras.saving.register_keras_serializable(package="nngraph")
class RecallAtK(RetrievalMetric):
    """The share of queries that find their own label among the k nearest embeddings.

    Every sample is a query, and is not found by itself; it searches all other samples, or those
    of `set_reference`. Queries whose label nobody else has do not count. At equal distance other
    labels come first, so that a network that maps everything to one point scores 0.

    Args:
        k: How many neighbours are looked at.
        distance: "euclidean" or "cosine".
        capacity: The number of embeddings there is room for. Each result costs all their
            distances, and `fit` asks for one after each batch.
        overflow: "error" or "sample": whether more samples are an error, or a random choice of
            `capacity` of them is kept. Recall in a part of a set is higher than in all of it.
            Compiled code cannot raise: there the value is NaN, and `fit` and `evaluate` raise
            the ValueError at the end of the epoch.
        seed: Of the random choice.
        name: A name for the metric; by default "recall_at_" and k.
        dtype: The dtype embeddings are kept in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an argument is not as above, if a shape is wrong, or if there are too
            many samples.

    References:
        Jegou, Douze, Schmid: Product Quantization for Nearest Neighbor Search, 2011 (recall@R).
        Twin: for k=1 `precision_at_1` of pytorch-metric-learning's AccuracyCalculator.

    Example:
        >>> metric = RecallAtK(k=1)
        >>> metric.update_state([0, 0, 1, 1], [[0.0], [0.1], [0.3], [0.15]])
        >>> print(float(metric.result()))
        0.5
    """

    def __init__(
        self,
        k: int = 1,
        distance: str = "euclidean",
        capacity: int = 4096,
        overflow: str = "error",
        seed: int = 0,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(distance, capacity, overflow, seed, name or f"recall_at_{k}", dtype)
        if int(k) != k or k < 1:
            raise ValueError(f"k must be a whole number, 1 or more; got {k!r}")
        self.k = int(k)

    def _score(self, distance: Any, is_match: Any, is_other: Any) -> Any:
        far = ops.ones_like(distance) * np.inf
        nearest = ops.min(ops.where(is_match, distance, far), axis=1, keepdims=True)
        before = ops.logical_and(is_other, distance <= nearest)
        return ops.sum(ops.cast(before, "int32"), axis=1) < self.k

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {**super().get_config(), "k": self.k}
