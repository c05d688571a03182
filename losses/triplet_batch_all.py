"""Triplet loss over every triplet of a batch, without a tensor of every triplet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from ._batch_loss import BatchLoss, attach, check_reducer, pairs_of
from ._row_blocks import row_blocks
from .distances import as_distance

__all__ = ["TripletBatchAllLoss", "triplet_batch_all"]

TRIPLETS = ("all", "hard", "semihard", "easy")


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_batch_all(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    distance_metric: str | Callable[[Any], Any] = "L2",
    *,
    soft: bool = False,
    swap: bool = False,
    triplets: str = "all",
    mining_margin: float | None = None,
    reducer: str = "non-zero",
    reference: tuple[Any, Any] | None = None,
) -> Any:
    """Every anchor with every positive and every negative of the batch.

    `loss = mean over triplets of max(0, D[a, p] - D[a, n] + margin)`. Triplets are visited one
    positive of every anchor at a time: memory is O(N^2), time is that of the triplets.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2", "angular" or "cosine" (both one minus the cosine), a
            distance or similarity of this package, or a function from `(batch, d)` to
            `(batch, batch)`. Of similarities S, `S[a, n] - S[a, p]` is the difference.
        soft: `log(1 + exp(D[a, p] - D[a, n] + margin))` in place of the hinge.
        swap: Whether `D[p, n]` takes the place of `D[a, n]` where it is smaller.
        triplets: Which of them: "all"; "easy", farther than `mining_margin`; "hard", with
            `D[a, n] <= D[a, p]`; or "semihard", with `0 < D[a, n] - D[a, p] <= mining_margin`.
        mining_margin: By default `margin`.
        reducer: "non-zero", the mean over triplets whose loss is above 0; "mean"; or "sum".
        reference: `(labels, embeddings)` in which positives and negatives are looked for, rather
            than in the batch.

    Returns:
        One number; 0 where there is no triplet.

    Raises:
        ValueError: If shapes do not fit, an option is unknown, or `swap` comes with `reference`.

    References:
        Hermans, Beyer, Leibe: In Defense of the Triplet Loss for Person Re-Identification, 2017
        (https://arxiv.org/abs/1703.07737); swap: Balntas, Riba, Ponsa, Mikolajczyk, 2016.
        PML twin: `TripletMarginLoss` of pytorch-metric-learning, `triplets` its
        `TripletMarginMiner`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(triplet_batch_all(np.array([0, 0, 1, 1]), x)):.3f}")
        1.500
    """
    owner = "triplet_batch_all"
    check_reducer(reducer, owner=owner)
    _check_triplets(triplets, owner)
    if swap and reference is not None:
        raise ValueError(
            "triplet_batch_all cannot swap with a reference, of whose samples it forms no "
            "distances to each other; leave out one of them"
        )
    pairs = pairs_of(owner, y_true, y_pred, distance_metric, reference=reference)
    options = _Options(
        margin, soft, swap, triplets, margin if mining_margin is None else mining_margin
    )
    d = ops.stop_gradient(pairs.matrix)
    sums = (ops.zeros((), d.dtype),) * 3
    parts = []
    # Swapped triplets touch rows of other anchors.
    for rows in [slice(None)] if swap else row_blocks(d):
        sums, part = _visit(d[rows], pairs.positive[rows], pairs.negative[rows], options, sums)
        parts.append(part)
    total, counted, kept = sums
    slopes = ops.concatenate(parts, axis=0)
    if reducer != "sum":
        divisor = ops.maximum(counted if reducer == "non-zero" else kept, 1.0)
        total, slopes = total / divisor, slopes / divisor
    return attach(total, slopes, pairs.matrix)


class _Options(NamedTuple):
    """What a triplet costs, and which are visited."""

    margin: float
    soft: bool
    swap: bool
    triplets: str
    mining_margin: float


def _visit(
    d: Any, positive: Any, negative: Any, options: _Options, sums: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Any]:
    """Some anchors' losses, those above 0 and all, added to sums; the slope of each distance."""
    one = ops.ones((), d.dtype)
    rank = ops.cumsum(ops.cast(positive, "int32"), axis=1) * ops.cast(positive, "int32")

    def step(k: Any, total: Any, counted: Any, kept: Any, slopes: Any) -> tuple[Any, ...]:
        chosen = rank == k
        d_ap = ops.sum(ops.where(chosen, d, 0.0), axis=1, keepdims=True)
        valid = ops.logical_and(negative, ops.any(chosen, axis=1, keepdims=True))
        if options.triplets != "all":
            valid = ops.logical_and(valid, _is_kept(d - d_ap, options))
        p = d_pn = d_an = d
        if options.swap:
            p = ops.argmax(ops.cast(chosen, "int32"), axis=1)
            d_pn = ops.take(d, p, axis=0)
            d_an = ops.minimum(d, d_pn)
        violation = d_ap - d_an + options.margin
        violation = ops.where(valid, violation, float("-inf"))
        if options.soft:
            losses, slope = ops.softplus(violation), ops.sigmoid(violation)
        else:
            losses, slope = ops.relu(violation), ops.cast(violation > 0, d.dtype)
        # As floats: more triplets than integers of 32 bits count may be above 0.
        counted = counted + ops.sum(ops.sum(ops.where(losses > 0, one, 0.0), axis=1))
        kept = kept + ops.sum(ops.sum(ops.where(valid, one, 0.0), axis=1))
        here = slope
        if options.swap:
            # Equal distances share the slope, as PyTorch's minimum has it.
            half = ops.where(d == d_pn, 0.5, 1.0)
            here = ops.where(d <= d_pn, slope * half, 0.0)
            there = ops.where(d_pn <= d, slope * half, 0.0)
            slopes = slopes - ops.scatter(p[:, None], there, ops.shape(slopes))
        slopes = slopes + ops.where(chosen, ops.sum(slope, axis=1, keepdims=True), -here)
        return k + 1, total + ops.sum(losses), counted, kept, slopes

    last = ops.max(rank)
    _, total, counted, kept, slopes = ops.while_loop(
        lambda k, *_: k <= last,
        step,
        (ops.ones((), "int32"), *sums, ops.zeros_like(d)),
    )
    return (total, counted, kept), slopes


def _is_kept(farther: Any, options: _Options) -> Any:
    """Which triplets are visited, from how much farther their negative is than the positive."""
    if options.triplets == "easy":
        return farther > options.mining_margin
    within = farther <= options.mining_margin
    side = farther <= 0 if options.triplets == "hard" else farther > 0
    return ops.logical_and(within, side)


def _check_triplets(triplets: str, owner: str) -> None:
    if triplets not in TRIPLETS:
        raise ValueError(f"{owner} knows the triplets {', '.join(TRIPLETS)}; got {triplets!r}")


@keras.saving.register_keras_serializable(package="nngraph")
class TripletBatchAllLoss(BatchLoss):
    """Triplet loss over every triplet of a batch; see `triplet_batch_all`.

    Args:
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2", "angular", "cosine", a distance, a similarity or a
            function.
        soft: Whether the hinge gives way to a softplus.
        swap: Whether `D[p, n]` takes the place of `D[a, n]` where it is smaller.
        triplets: "all", "hard", "semihard" or "easy".
        mining_margin: What "hard", "semihard" and "easy" go by; by default `margin`.
        reducer: "non-zero", "mean" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: str | Callable[[Any], Any] = "L2",
        *,
        soft: bool = False,
        swap: bool = False,
        triplets: str = "all",
        mining_margin: float | None = None,
        reducer: str = "non-zero",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "triplet_batch_all",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        as_distance(distance_metric, owner=type(self).__name__)
        check_reducer(reducer, owner=type(self).__name__)
        _check_triplets(triplets, type(self).__name__)
        self.margin = float(margin)
        self.distance_metric = distance_metric
        self.soft = bool(soft)
        self.swap = bool(swap)
        self.triplets = triplets
        self.mining_margin = mining_margin
        self.reducer = reducer

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return triplet_batch_all(
            y_true,
            y_pred,
            self.margin,
            self.distance_metric,
            soft=self.soft,
            swap=self.swap,
            triplets=self.triplets,
            mining_margin=self.mining_margin,
            reducer=self.reducer,
        )
