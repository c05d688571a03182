"""Triplet loss of the triplets that a miner has chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from ._batch_loss import BatchLoss, check_reducer, checked, pairs_of, reduced
from .distances import LpDistance, as_distance
from .miners import Triplets, batch_hard

__all__ = ["MinedTripletLoss", "mined_triplet"]


@keras.saving.register_keras_serializable(package="nngraph")
def mined_triplet(
    y_true: Any,
    y_pred: Any,
    triplets: Triplets | tuple[Any, Any, Any],
    margin: float = 0.05,
    distance_metric: str | Callable[[Any], Any] | None = None,
    *,
    soft: bool = False,
    swap: bool = False,
    reducer: str = "non-zero",
) -> Any:
    """Given triplets: `loss = mean of max(0, D[a, p] - D[a, n] + margin)`.

    Args:
        y_true: Class labels, of shape `(batch,)` or `(batch, 1)`, any dtype.
        y_pred: Embeddings of shape `(batch, d)`; half precision is computed in 32 bits.
        triplets: What a miner gives, such as `losses.batch_hard(y_true, y_pred)`; or indices of
            anchors, positives and negatives, each of shape `(triplets,)`.
        margin: In units of the distance.
        distance_metric: "L2", "squared-L2", "angular" or "cosine", a distance or similarity of
            this package, or a function from `(batch, d)` to `(batch, batch)`; by default
            `losses.LpDistance()`, which normalises.
        soft: `log(1 + exp(D[a, p] - D[a, n] + margin))` in place of the hinge.
        swap: Whether `D[p, n]` takes the place of `D[a, n]` where it is smaller.
        reducer: "non-zero" (mean of the losses above 0), "mean" or "sum".

    Returns:
        One number; 0 where there is no triplet.

    Raises:
        ValueError: If shapes do not fit, or an option is unknown.

    References:
        PML twin: `TripletMarginLoss` of pytorch-metric-learning with `indices_tuple`.

    Example:
        >>> import numpy as np
        >>> x = np.array([[0.0], [1.0], [1.5]], "float32")
        >>> triplets = (np.array([0]), np.array([1]), np.array([2]))
        >>> loss = mined_triplet(np.array([0, 0, 1]), x, triplets, 1.0, "L2")
        >>> print(f"{float(loss):.2f}")
        0.50
    """
    owner = "mined_triplet"
    check_reducer(reducer, owner=owner)
    distance = as_distance(distance_metric or LpDistance(), owner=owner)
    anchor, positive, negative = triplets[:3]
    if isinstance(distance, LpDistance):
        _, x = checked(owner, y_true, y_pred)
        a, p, n = (ops.take(x, index, axis=0) for index in triplets[:3])
        d_ap, d_an = distance.of_pairs(a, p), distance.of_pairs(a, n)
        d_pn = distance.of_pairs(p, n) if swap else d_an
    else:
        d = pairs_of(owner, y_true, y_pred, distance).matrix
        d_ap, d_an = _at(d, anchor, positive), _at(d, anchor, negative)
        d_pn = _at(d, positive, negative) if swap else d_an
    violation = d_ap - ops.minimum(d_an, d_pn) + margin
    losses = ops.softplus(violation) if soft else ops.relu(violation)
    valid = triplets[3] if len(triplets) == 4 else ops.ones_like(losses, dtype="bool")
    return reduced(losses, valid, reducer, owner=owner)


def _at(d: Any, rows: Any, columns: Any) -> Any:
    """Elements of a matrix, of shape `(n,)`."""
    rows, columns = ops.cast(rows, "int32"), ops.cast(columns, "int32")
    return ops.take(ops.reshape(d, (-1,)), rows * ops.shape(d)[1] + columns, axis=0)


@keras.saving.register_keras_serializable(package="nngraph")
class MinedTripletLoss(BatchLoss):
    """Triplet loss of the triplets that a miner chooses in each batch; see `mined_triplet`.

    Args:
        margin: In units of the distance.
        miner: A function of labels and embeddings that gives `Triplets`: `losses.batch_hard`,
            `losses.semi_hard`, `losses.batch_easy_hard`, `losses.distance_weighted`, or yours.
        distance_metric: As in `mined_triplet`; miners have their own.
        soft: Whether the hinge gives way to a softplus.
        swap: Whether `D[p, n]` takes the place of `D[a, n]` where it is smaller.
        reducer: "non-zero", "mean" or "sum".
        reduction: Accepted as everywhere in Keras; the loss is one number already.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an option is unknown.
    """

    def __init__(
        self,
        margin: float = 0.05,
        miner: Callable[[Any, Any], Triplets] = batch_hard,
        distance_metric: str | Callable[[Any], Any] | None = None,
        *,
        soft: bool = False,
        swap: bool = False,
        reducer: str = "non-zero",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mined_triplet",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.compare_by(distance_metric, usual=LpDistance())
        self.reduce_by(reducer)
        self.margin = float(margin)
        self.miner = miner
        self.soft = bool(soft)
        self.swap = bool(swap)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of a batch."""
        return mined_triplet(
            y_true,
            y_pred,
            self.miner(y_true, y_pred),
            self.margin,
            self.distance_metric,
            soft=self.soft,
            swap=self.swap,
            reducer=self.reducer,
        )
