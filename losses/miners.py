"""Miners of triplets: which triplets of a batch a loss is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from ._batch_loss import pairs_of
from .distances import LpDistance

__all__ = [
    "Triplets",
    "batch_easy_hard",
    "batch_hard",
    "distance_weighted",
    "semi_hard",
]

_POSITIVE = ("hard", "semihard", "easy")


class Triplets(NamedTuple):
    """Indices into a batch, one triplet an anchor at most, so that shapes do not depend on data."""

    anchor: Any
    """Rows of the batch, integers of shape `(n,)`."""
    positive: Any
    """The positive of each, integers of shape `(n,)`."""
    negative: Any
    """The negative of each, integers of shape `(n,)`."""
    valid: Any
    """Which rows are triplets, booleans of shape `(n,)`; indices of others mean nothing."""


@keras.saving.register_keras_serializable(package="nngraph")
def batch_hard(y_true: Any, y_pred: Any, distance_metric: Any = None) -> Triplets:
    """The farthest positive and the nearest negative of each anchor.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`.
        distance_metric: A distance or similarity of this package, a name, or a function; by
            default `losses.LpDistance()`, which normalises.

    Returns:
        `Triplets`, each anchor that has a positive and a negative being valid.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        Hermans, Beyer, Leibe, 2017. PML twin: `BatchHardMiner` of pytorch-metric-learning.
    """
    return batch_easy_hard(y_true, y_pred, "hard", "hard", distance_metric)


@keras.saving.register_keras_serializable(package="nngraph")
def semi_hard(y_true: Any, y_pred: Any, distance_metric: Any = None) -> Triplets:
    """The farthest positive of each anchor, and the nearest negative that is farther yet.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`.
        distance_metric: As in `batch_hard`.

    Returns:
        `Triplets`, each anchor that has such a negative being valid.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        Schroff, Kalenichenko, Philbin, 2015. PML twin: `BatchEasyHardMiner("hard", "semihard")`.
    """
    return batch_easy_hard(y_true, y_pred, "hard", "semihard", distance_metric)


@keras.saving.register_keras_serializable(package="nngraph")
def batch_easy_hard(
    y_true: Any,
    y_pred: Any,
    pos_strategy: str = "easy",
    neg_strategy: str = "semihard",
    distance_metric: Any = None,
) -> Triplets:
    """One positive and one negative of each anchor, by how hard they are.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`.
        pos_strategy: "easy", the nearest positive; "hard", the farthest; or "semihard", the
            farthest that is nearer than the chosen negative.
        neg_strategy: "easy", the farthest negative; "hard", the nearest; or "semihard", the
            nearest that is farther than the chosen positive.
        distance_metric: As in `batch_hard`.

    Returns:
        `Triplets`, each anchor that has both being valid.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown, or both are "semihard".

    References:
        Xuan, Stylianou, Pless: Improved Embeddings with Easy Positive Triplet Mining, 2019.
        PML twin: `BatchEasyHardMiner` of pytorch-metric-learning.
    """
    owner = "batch_easy_hard"
    known = pos_strategy in _POSITIVE and neg_strategy in _POSITIVE
    if not known or pos_strategy == neg_strategy == "semihard":
        raise ValueError(
            f"{owner} knows the strategies {', '.join(_POSITIVE)}, one of them semihard at most; "
            f"got {pos_strategy!r} and {neg_strategy!r}"
        )
    d, positive, negative = pairs_of(owner, y_true, y_pred, distance_metric or LpDistance())
    d = ops.stop_gradient(d)
    if pos_strategy == "semihard":
        n, far, some_n = _pick(d, negative, farthest=neg_strategy == "easy")
        p, _, some_p = _pick(d, ops.logical_and(positive, d < far[:, None]), farthest=True)
    else:
        p, near, some_p = _pick(d, positive, farthest=pos_strategy == "hard")
        if neg_strategy == "semihard":
            negative = ops.logical_and(negative, d > near[:, None])
        n, _, some_n = _pick(d, negative, farthest=neg_strategy == "easy")
    return Triplets(ops.arange(ops.shape(d)[0]), p, n, ops.logical_and(some_p, some_n))


def _pick(d: Any, mask: Any, *, farthest: bool) -> tuple[Any, Any, Any]:
    """The index of the extreme of each row in a mask, its distance, and if there is one."""
    if farthest:
        inside = ops.where(mask, d, float("-inf"))
        return ops.argmax(inside, axis=1), ops.max(inside, axis=1), ops.any(mask, axis=1)
    inside = ops.where(mask, d, float("inf"))
    return ops.argmin(inside, axis=1), ops.min(inside, axis=1), ops.any(mask, axis=1)


@keras.saving.register_keras_serializable(package="nngraph")
def distance_weighted(
    y_true: Any,
    y_pred: Any,
    seed: Any = None,
    cutoff: float = 0.5,
    nonzero_loss_cutoff: float = 1.4,
) -> Triplets:
    """A random positive of each anchor, and a negative drawn so that all distances are as likely.

    The weight of a negative at distance D of normalised embeddings is one over the density of
    distances on the sphere, `D^(2 - d) (1 - D^2 / 4)^((3 - d) / 2)`, distances below `cutoff`
    counting as `cutoff`, those from `nonzero_loss_cutoff` on never drawn.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`, d at least 2.
        seed: An integer, for the same triplets each time; or a `keras.random.SeedGenerator`.
        cutoff: In units of distance, from 0 to 2.
        nonzero_loss_cutoff: In units of distance, from 0 to 2.

    Returns:
        `Triplets`, each anchor with a positive and a negative near enough being valid.

    Raises:
        ValueError: If shapes do not fit.

    References:
        Wu, Manmatha, Smola, Krahenbuhl: Sampling Matters in Deep Embedding Learning, 2017
        (https://arxiv.org/abs/1706.07567).
        PML twin: `DistanceWeightedMiner` of pytorch-metric-learning, which draws several triplets
        an anchor.
    """
    d, positive, negative = pairs_of("distance_weighted", y_true, y_pred, LpDistance())
    d = ops.maximum(ops.stop_gradient(d), cutoff)
    size = y_pred.shape[-1]
    flat = 1 - ops.square(d) / 4
    near = ops.logical_and(d < nonzero_loss_cutoff, flat > 0)
    allowed = ops.logical_and(negative, near)
    log_weight = (2.0 - size) * ops.log(d) - (size - 3.0) / 2 * ops.log(ops.where(near, flat, 1.0))
    first = seed if isinstance(seed, keras.random.SeedGenerator) else None
    seeds = (first, first) if first is not None or seed is None else (seed, seed + 1)
    n = _draw(ops.where(allowed, log_weight, float("-inf")), seeds[0])
    p = _draw(ops.where(positive, 0.0, float("-inf")), seeds[1])
    valid = ops.logical_and(ops.any(positive, axis=1), ops.any(allowed, axis=1))
    return Triplets(ops.arange(ops.shape(d)[0]), p, n, valid)


def _draw(log_weight: Any, seed: Any) -> Any:
    """One column a row, in proportion to `exp(log_weight)`, by the Gumbel trick."""
    uniform = keras.random.uniform(ops.shape(log_weight), 1e-7, 1.0, dtype="float32", seed=seed)
    noise = -ops.log(-ops.log(uniform))
    return ops.argmax(log_weight + ops.cast(noise, log_weight.dtype), axis=1)
