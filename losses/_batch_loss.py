"""What the losses of a whole batch of embeddings have in common."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import keras
from keras import ops

from ._euclidean import eye, full_precision
from .distances import as_distance

__all__ = [
    "BatchLoss",
    "ConfiguredLoss",
    "Pairs",
    "attach",
    "check_reducer",
    "checked",
    "masked_logsumexp",
    "pair_masks",
    "pairs_of",
    "reduced",
]

REDUCERS = ("non-zero", "mean", "sum")


class ConfiguredLoss(keras.losses.Loss):
    """A loss whose arguments are kept in attributes of the same names."""

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        base = {**super().get_config(), "dtype": self.dtype}
        names = inspect.signature(type(self).__init__).parameters
        own = {name: packed(getattr(self, name)) for name in names if name not in (*base, "self")}
        return {**base, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from what `get_config` gave; distances and miners in it are made again."""
        return cls(
            **{
                key: keras.saving.deserialize_keras_object(value)
                if isinstance(value, dict)
                else value
                for key, value in config.items()
            }
        )


class BatchLoss(ConfiguredLoss):
    """A loss that is one number for a batch, since its terms are pairs or triplets of rows.

    `reduction` has nothing to reduce, and a weight for each sample has no meaning: it is refused.
    Labels keep their dtype, so that large integers stay apart.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of a batch, times `sample_weight` if that is a number.

        Raises:
            ValueError: If a weight for each sample is given.
        """
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        loss = self.call(ops.convert_to_tensor(y_true), y_pred)
        if sample_weight is None:
            return loss
        weight = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
        if len(weight.shape) > 0:
            raise ValueError(
                f"{type(self).__name__} is one number for a whole batch, made of pairs or triplets "
                f"of samples: it takes one number as sample_weight, or none; got a weight of shape "
                f"{tuple(weight.shape)}"
            )
        return loss * weight

    def compare_by(self, distance_metric: Any, *, usual: Any = None) -> None:
        """Keep the argument `distance_metric`; None stands for `usual`.

        Raises:
            ValueError: If `as_distance` does not know it.
        """
        as_distance(distance_metric or usual, owner=type(self).__name__)
        self.distance_metric = distance_metric

    def reduce_by(self, reducer: str) -> None:
        """Keep the argument `reducer`.

        Raises:
            ValueError: If it is not one of "mean", "non-zero" and "sum".
        """
        check_reducer(reducer, owner=type(self).__name__)
        self.reducer = reducer


def packed(value: Any) -> Any:
    """An argument as `get_config` gives it: a distance or a miner serialised, others as is."""
    if not callable(value):
        return value
    return keras.saving.serialize_keras_object(value)


def checked(owner: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Labels of shape `(n,)` and embeddings of shape `(n, d)` in at least 32 bits.

    Raises:
        ValueError: If the embeddings are not a matrix, or the labels not one for each row.
    """
    embeddings = full_precision(y_pred)
    labels = ops.convert_to_tensor(y_true)
    if len(embeddings.shape) != 2:
        raise ValueError(
            f"{owner} needs embeddings of shape (batch, d); got shape {tuple(embeddings.shape)}"
        )
    shape = tuple(labels.shape)
    if len(shape) != 1 and not (len(shape) == 2 and shape[1] == 1):
        raise ValueError(
            f"{owner} needs one class label a row, of shape (batch,) or (batch, 1); "
            f"got shape {shape}"
        )
    if None not in (shape[0], embeddings.shape[0]) and shape[0] != embeddings.shape[0]:
        raise ValueError(f"{owner} got {shape[0]} labels for {embeddings.shape[0]} embeddings")
    return ops.reshape(labels, (-1,)), embeddings


def pair_masks(labels: Any, reference: Any = None) -> tuple[Any, Any]:
    """Which pairs are of one class, and which of two, as boolean `(n, m)`.

    Without reference labels, those of the batch; a row is then no pair with itself.
    """
    others = labels if reference is None else reference
    same = labels[:, None] == others[None, :]
    different = ops.logical_not(same)
    if reference is None:
        same = ops.logical_and(same, ops.logical_not(eye(labels)))
    return same, different


class Pairs(NamedTuple):
    """All pairs of a batch, or of a batch and its reference."""

    matrix: Any
    """Distances `(n, m)`; similarities are negative here, so that near is always less."""
    positive: Any
    """Which pairs count as alike, boolean `(n, m)`."""
    negative: Any
    """Which pairs count as unlike, boolean `(n, m)`."""


def pairs_of(
    owner: str,
    y_true: Any,
    y_pred: Any,
    distance: Any,
    *,
    reference: tuple[Any, Any] | None = None,
    miner: Any = None,
) -> Pairs:
    """The distances of all pairs, and which of them count.

    Args:
        owner: The name of the loss, for errors.
        y_true: Labels of shape `(n,)`.
        y_pred: Embeddings of shape `(n, d)`.
        distance: What `as_distance` takes.
        reference: Labels and embeddings that rows are compared with, by default the batch.
        miner: A function of labels and embeddings that gives two boolean masks `(n, n)`.

    Raises:
        ValueError: If shapes do not fit, or there are both a reference and a miner.
    """
    labels, embeddings = checked(owner, y_true, y_pred)
    function = as_distance(distance, owner=owner)
    sign = -1.0 if getattr(function, "similarity", False) else 1.0
    if reference is not None:
        if miner is not None:
            raise ValueError(f"{owner} mines within a batch only: leave out reference or miner")
        others, ref = checked(f"{owner}, reference", *reference)
        return Pairs(function(embeddings, ref) * sign, *pair_masks(labels, others))
    masks = pair_masks(labels) if miner is None else miner(labels, embeddings)
    return Pairs(function(embeddings) * sign, *masks)


def masked_logsumexp(x: Any, mask: Any, *, add_one: bool, axis: int = 1) -> Any:
    """`log(sum(exp(x)))` over a mask, kept dimensions; 0, with zero gradient, where it is empty.

    Args:
        x: Any matrix.
        mask: What counts, boolean, of the same shape.
        add_one: Whether `exp(0)` is added to the sum.
        axis: Along which axis.
    """
    some = ops.any(mask, axis=axis, keepdims=True)
    lowest = ops.max(ops.where(mask, x, float("-inf")), axis=axis, keepdims=True)
    shift = ops.stop_gradient(ops.where(some, lowest, 0.0))
    if add_one:
        shift = ops.maximum(shift, 0.0)
    inside = ops.where(mask, x - shift, 0.0)
    total = ops.sum(ops.where(mask, ops.exp(inside), 0.0), axis=axis, keepdims=True)
    if add_one:
        total = total + ops.exp(-shift)
    return ops.where(some, ops.log(ops.where(some, total, 1.0)) + shift, 0.0)


def reduced(losses: Any, valid: Any, reducer: str, *, owner: str) -> Any:
    """One number of many losses: the sum, or the mean of the valid or of the positive ones.

    Args:
        losses: Of any shape.
        valid: Which of them there are, boolean, of the same shape.
        reducer: "mean", "non-zero" (mean of those above 0) or "sum".
        owner: The name of the loss, for the error.

    Returns:
        A number; 0 where nothing is valid.

    Raises:
        ValueError: If `reducer` is none of these.
    """
    check_reducer(reducer, owner=owner)
    losses = ops.where(valid, losses, 0.0)
    if reducer == "sum":
        return ops.sum(losses)
    counted = valid if reducer == "mean" else ops.logical_and(valid, losses > 0)
    losses = ops.where(counted, losses, 0.0)
    return ops.sum(losses) / ops.maximum(ops.sum(ops.cast(counted, losses.dtype)), 1.0)


def check_reducer(reducer: str, *, owner: str) -> None:
    """Raise a ValueError unless it is one of "mean", "non-zero" and "sum"."""
    if reducer not in REDUCERS:
        raise ValueError(f"{owner} knows the reducers {', '.join(REDUCERS)}; got {reducer!r}")


def attach(value: Any, weights: Any, distances: Any) -> Any:
    """A known value, with `weights` as its gradient with respect to the distances.

    Hinges and choices of the hardest make the weights constant nearly everywhere, so that first
    and second derivatives are right, while no intermediate of the search is kept for them.
    """
    linear = ops.sum(ops.stop_gradient(weights) * distances)
    return ops.stop_gradient(value) + (linear - ops.stop_gradient(linear))
