"""The base of the losses that have one value per element, and how these become one number."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

# Keras exports no way to ask for the mask that a tensor carries.
from keras.src.backend.common.masking import get_keras_mask

from ._batch_loss import ConfiguredLoss

__all__ = ["ElementLoss"]


class ElementLoss(ConfiguredLoss):
    """A `keras.losses.Loss` of one value per element, reduced as Torch reduces it.

    Beyond Keras's own `__call__`: `y_true` may be None; integer labels stay integers; a sample
    weight of shape `(batch,)` weighs every element of its sample, whatever the rank; and a mean
    divides by what `counts` says, by default the number of elements that are not masked.

    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss, in the dtype of this loss, but in no less than 32 bits.

        A loss of 16 bits rounds its inputs to them; squares and sums would soon overflow.

        Raises:
            ValueError: If the loss is one value for the whole batch and `sample_weight` is not
                a number.
        """
        with keras.name_scope(self.name):
            mask = get_keras_mask(y_pred)
            y_pred = keras.tree.map_structure(self._to_dtype, y_pred)
            if y_true is not None:
                y_true = keras.tree.map_structure(self._to_dtype_unless_int, y_true)
            values = self.call(y_true, y_pred)
            counts = self.counts(y_true, y_pred)
            values = self._weighed(values, counts, sample_weight, mask)
            return _AsIs(self.reduction, name=self.name, dtype=values.dtype)(0.0, values)

    def counts(self, y_true: Any, y_pred: Any) -> Any:
        """What each element counts in a mean; None if all count alike."""
        return None

    def _to_dtype(self, x: Any) -> Any:
        return ops.convert_to_tensor(x, dtype=self.dtype)

    def _to_dtype_unless_int(self, x: Any) -> Any:
        # Keras casts labels to its float type, where bfloat16 tells no labels above 256 apart.
        x = ops.convert_to_tensor(x)
        integer = "int" in keras.backend.standardize_dtype(x.dtype)
        return x if integer else ops.cast(x, self.dtype)

    def _weighed(self, values: Any, counts: Any, sample_weight: Any, mask: Any) -> Any:
        """`values` times their weights, and times size / divisor if a mean is to be taken."""
        if counts is None and sample_weight is None and mask is None:
            return values
        rank = len(values.shape)
        divisor = ops.ones_like(values) if counts is None else ops.cast(counts, values.dtype)
        if mask is not None:
            mask = _trailing_axes(ops.cast(mask, values.dtype), rank)
            values, divisor = values * mask, divisor * mask
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight, dtype=values.dtype)
            if rank == 0 and len(weight.shape) > 0:
                raise ValueError(
                    f"{self.name} is one value for the whole batch, so sample_weight must be one "
                    f"number; got shape {tuple(weight.shape)}"
                )
            weight = _trailing_axes(weight, rank)
            values = values * weight
            if self.reduction == "mean_with_sample_weight":
                divisor = divisor * weight
        if self.reduction in (None, "none", "sum"):
            return values
        total = ops.sum(divisor)
        nothing = ops.equal(total, 0)
        scale = ops.cast(ops.size(values), values.dtype) / ops.where(nothing, 1.0, total)
        return values * ops.where(nothing, 0.0, scale)


class _AsIs(keras.losses.Loss):
    """Keras's reduction alone (which knows of distribution strategies)."""

    def __init__(self, reduction: str | None, name: str | None, dtype: Any) -> None:
        super().__init__(name=name, reduction=_mean(reduction), dtype=dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_pred


def _mean(reduction: str | None) -> str | None:
    return "sum_over_batch_size" if reduction == "mean_with_sample_weight" else reduction


def _trailing_axes(x: Any, rank: int) -> Any:
    """`x` of shape `(batch, ...)` with axes of length 1 appended up to `rank`."""
    while len(x.shape) > rank and x.shape[-1] == 1:
        x = ops.squeeze(x, axis=-1)
    missing = rank - len(x.shape)
    return (
        ops.reshape(x, (*ops.shape(x), *[1] * missing)) if missing > 0 and len(x.shape) > 0 else x
    )
