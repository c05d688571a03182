"""Triplet loss with semi-hard negatives, as FaceNet mines and tensorflow-addons computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, attach, checked, pair_masks
from ._extremes import extreme
from ._row_blocks import row_blocks
from .distances import as_distance

__all__ = ["TripletSemiHardLoss", "triplet_semi_hard"]


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_semi_hard(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    distance_metric: str | Callable[[Any], Any] = "L2",
) -> Any:
    """Each positive pair against the nearest negative that is farther than the positive.

    `loss = mean over pairs (a, p) of max(0, margin + D[a, p] - D[a, n])`, where n is the nearest
    negative with `D[a, n] > D[a, p]`, else the farthest negative. Memory is O(N^2).

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits. For
            "L2" the original recommends unit norm.
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2", "angular" or "cosine" (both one minus the cosine), a
            distance such as `losses.LpDistance()`, or a function from `(batch, d)` to
            `(batch, batch)`.

    Returns:
        One number: the mean over all ordered pairs of one class; 0 where there is none.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        Schroff, Kalenichenko, Philbin: FaceNet, 2015 (https://arxiv.org/abs/1503.03832).
        TFA twin: `tfa.losses.triplet_semihard_loss`, triplet.py of tensorflow-addons, which is not
        a number where there is no positive pair.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(triplet_semi_hard(np.array([0, 0, 1, 1]), x)):.3f}")
        0.750
    """
    labels, embeddings = checked("triplet_semi_hard", y_true, y_pred)
    distances = as_distance(distance_metric, owner="triplet_semi_hard")(embeddings)
    positive, negative = pair_masks(labels)
    d = ops.stop_gradient(distances)
    total, parts = ops.zeros((), d.dtype), []
    for rows in row_blocks(d):
        total, part = _search(d[rows], positive[rows], negative[rows], margin, total)
        parts.append(part)
    pairs = ops.maximum(ops.sum(ops.cast(positive, d.dtype)), 1.0)
    return attach(total / pairs, ops.concatenate(parts, axis=0) / pairs, distances)


def _search(d: Any, positive: Any, negative: Any, margin: float, total: Any) -> tuple[Any, Any]:
    """The losses of some anchors added to a total, and the derivative by each distance.

    One positive of every anchor at a time, so that nothing has more than N^2 elements. Negatives
    at one distance share the gradient.
    """
    outside = ops.where(negative, d, float("inf"))
    one = ops.ones((), d.dtype)
    farthest, from_farthest = extreme(d, negative, largest=True)
    rank = ops.cumsum(ops.cast(positive, "int32"), axis=1) * ops.cast(positive, "int32")

    def step(k: Any, total: Any, weights: Any, fallen: Any) -> tuple[Any, Any, Any, Any]:
        chosen = rank == k
        d_ap = ops.sum(ops.where(chosen, d, 0.0), axis=1)
        beyond = ops.min(ops.where(outside > d_ap[:, None], outside, float("inf")), axis=1)
        found = beyond < float("inf")
        violation = margin + d_ap - ops.where(found, beyond, farthest)
        active = ops.logical_and(violation >= 0, ops.any(chosen, axis=1))
        share = ops.cast(active, d.dtype)
        nearest = outside == beyond[:, None]
        ties = ops.maximum(ops.sum(ops.where(nearest, one, 0.0), axis=1), 1.0)
        share_n = ops.where(found, -share / ties, 0.0)
        weights = weights + ops.where(
            chosen, share[:, None], ops.where(nearest, share_n[:, None], 0.0)
        )
        total = total + ops.sum(ops.where(active, violation, 0.0))
        return k + 1, total, weights, fallen + ops.where(found, 0.0, share)

    last = ops.max(rank)
    _, total, weights, fallen = ops.while_loop(
        lambda k, *_: k <= last,
        step,
        (
            ops.ones((), "int32"),
            total,
            ops.zeros_like(d),
            ops.zeros_like(farthest),
        ),
    )
    return total, weights - from_farthest * fallen[:, None]


@keras.saving.register_keras_serializable(package="nngraph")
class TripletSemiHardLoss(BatchLoss):
    """Triplet loss with semi-hard negatives within the batch; see `triplet_semi_hard`.

    Args:
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2", "angular", "cosine", a distance or a function.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If the distance is unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(TripletSemiHardLoss(margin=0.5)(np.array([0, 0, 1, 1]), x)):.3f}")
        0.375
    """

    def __init__(
        self,
        margin: float = 1.0,
        distance_metric: str | Callable[[Any], Any] = "L2",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "triplet_semi_hard",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        as_distance(distance_metric, owner=type(self).__name__)
        self.margin = float(margin)
        self.distance_metric = distance_metric

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return triplet_semi_hard(y_true, y_pred, self.margin, self.distance_metric)
