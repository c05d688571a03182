"""Distances and similarities between all pairs of a batch of embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._euclidean import full_precision, normalized, safe_power, squared_distances

__all__ = [
    "CosineSimilarity",
    "DotProductSimilarity",
    "LpDistance",
    "SNRDistance",
    "angular_distance",
    "as_distance",
    "pairwise_distance",
]


class _Distance:
    """A matrix of distances (`similarity` False) or of similarities between embeddings."""

    similarity = False

    def __call__(self, x: Any, y: Any = None) -> Any:
        """The `(n, m)` matrix between the rows of `x` and those of `y` (by default `x`)."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same distance again."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A distance from what `get_config` gave."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items())))


@keras.saving.register_keras_serializable(package="nngraph")
class LpDistance(_Distance):
    """`|a - b|_p ^ power`, of embeddings scaled to unit norm first where `normalize`.

    The gradient between equal embeddings is zero. For p = 2 it takes O(N^2) memory, for another
    p O(N^2 d).

    Args:
        p: The norm, at least 1.
        power: What the distance is raised to.
        normalize: Whether each embedding is divided by its p-norm (at least 1e-12) first.

    Raises:
        ValueError: If `p` is below 1.

    References:
        PML twin: `LpDistance` of pytorch-metric-learning, whose default normalises.
    """

    def __init__(self, p: float = 2, power: float = 1, normalize: bool = True) -> None:
        if p < 1:
            raise ValueError(f"LpDistance needs a norm p of at least 1; got {p}")
        self.p = p
        self.power = power
        self.normalize = normalize

    def __call__(self, x: Any, y: Any = None) -> Any:
        """Distances of shape `(n, m)`."""
        if self.normalize:
            x = normalized(x, self.p)
            y = None if y is None else normalized(y, self.p)
        if self.p == 2:
            squared = squared_distances(x, y)
            return squared if self.power == 2 else safe_power(squared, self.power / 2)
        differences = ops.abs(x[:, None, :] - (x if y is None else y)[None, :, :])
        total = ops.sum(differences if self.p == 1 else safe_power(differences, self.p), axis=-1)
        return safe_power(total, self.power / self.p)

    def pull(self, x: Any, d: Any, weights: Any) -> Any:
        """The derivative by `x` of `sum(weights * d)`, d being the distances of `x`, for p = 2.

        It takes two matrix products, and embeddings as they are: `normalize` is not for it.
        """
        # The derivative of |x - y|^power by x is power d^(1 - 2 / power) (x - y).
        apart = d > 0
        inside = ops.where(apart, d, 1.0)
        slope = self.power * ops.power(inside, 1 - 2 / self.power)
        ratio = ops.where(apart, slope * weights, 0.0)
        both = ratio + ops.transpose(ratio)
        return ops.sum(both, axis=1, keepdims=True) * x - ops.matmul(both, x)

    def of_pairs(self, x: Any, y: Any) -> Any:
        """The distance of each row of `x` to that of `y`, of shape `(n,)`."""
        if self.normalize:
            x, y = normalized(x, self.p), normalized(y, self.p)
        difference = ops.abs(x - y)
        if self.p == 2:
            return safe_power(ops.sum(ops.square(difference), axis=1), self.power / 2)
        return safe_power(ops.sum(safe_power(difference, self.p), axis=1), self.power / self.p)


@keras.saving.register_keras_serializable(package="nngraph")
class DotProductSimilarity(_Distance):
    """`a . b`, of embeddings scaled to unit norm first where `normalize`.

    Args:
        normalize: Whether each embedding is divided by its norm (at least 1e-12) first.

    References:
        PML twin: `DotProductSimilarity` of pytorch-metric-learning.
    """

    similarity = True

    def __init__(self, normalize: bool = True) -> None:
        self.normalize = normalize

    def __call__(self, x: Any, y: Any = None) -> Any:
        """Similarities of shape `(n, m)`."""
        y = x if y is None else y
        if self.normalize:
            x, y = normalized(x), normalized(y)
        return ops.matmul(x, ops.transpose(y))


@keras.saving.register_keras_serializable(package="nngraph")
class CosineSimilarity(DotProductSimilarity):
    """`a . b / (|a| |b|)`; PML twin: `CosineSimilarity` of pytorch-metric-learning."""

    def __init__(self) -> None:
        super().__init__(normalize=True)

    def get_config(self) -> dict[str, Any]:
        """No arguments."""
        return {}


@keras.saving.register_keras_serializable(package="nngraph")
class SNRDistance(_Distance):
    """The noise-to-signal ratio `var(a - b) / var(a)`, a the anchor.

    It is 0 where `var(a)` is 0, where the original is not a number.

    Args:
        normalize: Whether each embedding is divided by its norm (at least 1e-12) first.

    References:
        Yuan, Deng, Tang, Tang, Chen: Signal-to-Noise Ratio: A Robust Distance Metric for Deep
        Metric Learning, 2019 (https://arxiv.org/abs/1904.02616).
        PML twin: `SNRDistance` of pytorch-metric-learning.
    """

    def __init__(self, normalize: bool = True) -> None:
        self.normalize = normalize

    def __call__(self, x: Any, y: Any = None) -> Any:
        """Ratios of shape `(n, m)`."""
        x = _centred(normalized(x) if self.normalize else x)
        signal = ops.sum(ops.square(x), axis=1, keepdims=True)
        if y is not None:
            y = _centred(normalized(y) if self.normalize else y)
        flat = signal <= 0
        noise = squared_distances(x, y)
        return ops.where(flat, ops.zeros_like(noise), noise / ops.where(flat, 1.0, signal))


@keras.saving.register_keras_serializable(package="nngraph")
def pairwise_distance(feature: Any, squared: bool = False) -> Any:
    """The Euclidean distances between the rows of a matrix: `D[i, j] = |x_i - x_j|`.

    Args:
        feature: Embeddings of shape `(n, d)`.
        squared: Whether the distances stay squared.

    Returns:
        Distances of shape `(n, n)`, zero on the diagonal. The gradient between equal rows is zero.

    References:
        TFA twin: `tfa.losses.metric_learning.pairwise_distance`.

    Example:
        >>> import numpy as np
        >>> float(pairwise_distance(np.array([[0.0, 0.0], [3.0, 4.0]], "float32"))[0, 1])
        5.0
    """
    return LpDistance(power=2 if squared else 1, normalize=False)(full_precision(feature))


@keras.saving.register_keras_serializable(package="nngraph")
def angular_distance(feature: Any) -> Any:
    """One minus the cosine: `D[i, j] = max(0, 1 - x_i . x_j / (|x_i| |x_j|))`.

    Args:
        feature: Embeddings of shape `(n, d)`; norms below 1e-6 count as 1e-6.

    Returns:
        Distances of shape `(n, n)`, from 0 (same direction) to 2 (opposite).

    References:
        TFA twin: `tfa.losses.metric_learning.angular_distance`.

    Example:
        >>> import numpy as np
        >>> float(angular_distance(np.array([[2.0, 0.0], [0.0, 3.0]], "float32"))[0, 1])
        1.0
    """
    x = full_precision(feature)
    x = x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis=1, keepdims=True), 1e-12))
    return ops.relu(1 - ops.matmul(x, ops.transpose(x)))


_NAMED: dict[str, Callable[[Any], Any]] = {
    "L2": LpDistance(normalize=False),
    "squared-L2": LpDistance(power=2, normalize=False),
    "angular": angular_distance,
    "cosine": angular_distance,
}


def as_distance(distance: Any, *, owner: str) -> Any:
    """What a name stands for, or the distance itself, called on embeddings of shape `(n, d)`.

    Args:
        distance: "L2", "squared-L2", "angular" or "cosine" (both one minus the cosine), one of the
            distances of this package, or a function from `(n, d)` to `(n, n)`.
        owner: The name of the loss, for the error.

    Raises:
        ValueError: If it is none of these.
    """
    if callable(distance):
        return distance
    if isinstance(distance, str) and distance in _NAMED:
        return _NAMED[distance]
    raise ValueError(
        f"{owner} knows the distances {', '.join(map(repr, _NAMED))}, distances of this package "
        f"such as losses.LpDistance(), and functions of the embeddings; got {distance!r}"
    )


def _centred(x: Any) -> Any:
    return x - ops.mean(x, axis=1, keepdims=True)
