"""Triplet loss of the hardest positive and negative, as tensorflow-addons computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, attach, checked, pair_masks
from ._extremes import extreme
from .distances import LpDistance, as_distance

__all__ = ["TripletHardLoss", "triplet_hard"]

# From this many pairs on, Euclidean distances are searched first and formed for the found alone.
_SEARCH_FIRST = 2**14


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_hard(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    soft: bool = False,
    distance_metric: str | Callable[[Any], Any] = "L2",
) -> Any:
    """The farthest positive of each anchor against its nearest negative.

    `loss = mean over anchors of max(0, margin + max_p D[a, p] - min_n D[a, n])`, or
    `log(1 + exp(max_p D[a, p] - min_n D[a, n]))` where `soft`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits. For
            "L2" the original recommends unit norm.
        margin: In units of the distance; not used where `soft`.
        soft: Whether the hinge gives way to a softplus.
        distance_metric: "L2", "squared-L2", "angular" or "cosine" (both one minus the cosine), a
            distance such as `losses.LpDistance()`, or a function from `(batch, d)` to
            `(batch, batch)`.

    Returns:
        One number: the mean over all anchors. As in the original, an anchor without a positive
        has the least distance of its row as positive (itself), and one without a negative the
        greatest as negative. Equally hard samples share the gradient.

    Raises:
        ValueError: If shapes do not fit, or the distance is unknown.

    References:
        Hermans, Beyer, Leibe: In Defense of the Triplet Loss for Person Re-Identification, 2017
        (https://arxiv.org/abs/1703.07737).
        TFA twin: `tfa.losses.triplet_hard_loss`, triplet.py of tensorflow-addons, whose `soft`
        overflows where distances are large.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(triplet_hard(np.array([0, 0, 1, 1]), x)):.3f}")
        1.375
    """
    labels, embeddings = checked("triplet_hard", y_true, y_pred)
    distance = as_distance(distance_metric, owner="triplet_hard")
    if isinstance(distance, LpDistance) and distance == LpDistance(
        power=distance.power, normalize=False
    ):
        n = embeddings.shape[0]
        if n is None or n * n >= _SEARCH_FIRST:
            return _searched_first(embeddings, labels, distance, margin, soft)
    return _dense(distance(embeddings), *pair_masks(labels), margin, soft)


def _dense(distances: Any, positive: Any, negative: Any, margin: float, soft: bool) -> Any:
    """From the matrix of distances; its derivative is known, and needs no trace of the search."""
    value, weights = _search(ops.stop_gradient(distances), positive, negative, margin, soft)
    return attach(value, weights, distances)


def _search(d: Any, positive: Any, negative: Any, margin: float, soft: bool) -> tuple[Any, Any]:
    """The loss, and its derivative with respect to each distance."""
    far, from_far = extreme(d, positive, largest=True)
    near, from_near = extreme(d, negative, largest=False)
    losses, slopes = _hinge(far - near, margin, soft)
    slopes = slopes / ops.cast(ops.shape(d)[0], d.dtype)
    return ops.mean(losses), (from_far - from_near) * slopes[:, None]


def _hinge(difference: Any, margin: float, soft: bool) -> tuple[Any, Any]:
    """The loss of each anchor and its derivative."""
    if soft:
        return ops.softplus(difference), ops.sigmoid(difference)
    violation = difference + margin
    return ops.relu(violation), ops.cast(violation >= 0, difference.dtype)


def _searched_first(x: Any, labels: Any, distance: LpDistance, margin: float, soft: bool) -> Any:
    """Euclidean distances of two pairs an anchor, found by one matrix product.

    Only where samples tie, whose gradient is to be shared, are all distances formed, and what
    that changes in the gradient is added, with no derivative of its own.
    """
    fixed = ops.stop_gradient(x)
    fixed = fixed - ops.mean(fixed, axis=0, keepdims=True)
    squares = ops.sum(ops.square(fixed), axis=1, keepdims=True)
    ones = ops.ones_like(squares)
    # |b|^2 - 2ab, which orders the b of an anchor a as their distance does.
    order = ops.matmul(
        ops.concatenate([fixed, ones], axis=1),
        ops.transpose(ops.concatenate([-2 * fixed, squares], axis=1)),
    )
    same = labels[:, None] == labels[None, :]
    # An anchor is its own nearest, so that it is the farthest positive only where there is none.
    positives = ops.where(same, order, float("-inf"))
    negatives = ops.where(same, float("inf"), order)
    p, hardest = _places(positives == ops.max(positives, axis=1, keepdims=True), fixed.dtype)
    n, nearest = _places(negatives == ops.min(negatives, axis=1, keepdims=True), fixed.dtype)

    far, near = (distance.of_pairs(x, ops.take(x, found, axis=0)) for found in (p, n))
    value = ops.mean(_hinge(far - near, margin, soft)[0])
    rows = ops.shape(x)[0]

    def untied() -> tuple[Any, Any]:
        return ops.stop_gradient(value), ops.zeros_like(fixed)

    def shared() -> tuple[Any, Any]:
        d = distance(fixed)
        exact, weights = _search(d, *pair_masks(labels), margin, soft)
        slopes = _hinge(ops.stop_gradient(far - near), margin, soft)[1] / ops.cast(rows, d.dtype)
        columns = ops.arange(ops.shape(fixed)[0], dtype=p.dtype)[None, :]
        for found, sign in ((p, 1.0), (n, -1.0)):
            weights = weights - ops.where(columns == found[:, None], sign * slopes[:, None], 0.0)
        return exact, distance.pull(fixed, d, weights)

    # Of one class alone every negative is infinite, and so they tie too.
    exact, rest = ops.cond(ops.max(ops.maximum(hardest, nearest)) > 1, shared, untied)
    linear = ops.sum(ops.stop_gradient(rest) * x)
    return value + ops.stop_gradient(exact - value) + (linear - ops.stop_gradient(linear))


def _places(found: Any, dtype: Any) -> tuple[Any, Any]:
    """The column that is true in each row, and how many are; their mean column where several.

    One product with the numbers of the columns, which is several times as quick as `argmax` and a
    count. Their two digits, to the base 256, are exact in whatever precision it is computed.
    """
    columns = ops.arange(ops.shape(found)[1], dtype="int32")
    digits = ops.stack([columns // 256, columns % 256, ops.ones_like(columns)], axis=1)
    sums = ops.matmul(ops.cast(found, dtype), ops.cast(digits, dtype))
    count = sums[:, 2]
    # No column is that of a row that is not a number.
    mean = (256 * sums[:, 0] + sums[:, 1]) / ops.maximum(count, 1)
    return ops.cast(mean, "int32"), count


@keras.saving.register_keras_serializable(package="nngraph")
class TripletHardLoss(BatchLoss):
    """Triplet loss of the hardest positive and negative of each anchor; see `triplet_hard`.

    Args:
        margin: In units of the distance; not used where `soft`.
        soft: Whether the hinge gives way to a softplus.
        distance_metric: "L2", "squared-L2", "angular", "cosine", a distance or a function.
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If the distance is unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5], [4.0]], "float32")
        >>> print(f"{float(TripletHardLoss(margin=0.5)(np.array([0, 0, 1, 1]), x)):.3f}")
        0.875
    """

    def __init__(
        self,
        margin: float = 1.0,
        soft: bool = False,
        distance_metric: str | Callable[[Any], Any] = "L2",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "triplet_hard",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric)
        self.margin = float(margin)
        self.soft = bool(soft)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return triplet_hard(y_true, y_pred, self.margin, self.soft, self.distance_metric)
