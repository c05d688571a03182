"""A loss of each step of a sequence, summed over the steps that are there."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops
from keras.src.backend.common.masking import get_keras_mask

from ._element_loss import ElementLoss

__all__ = ["SequenceLoss"]


@keras.saving.register_keras_serializable(package="nngraph")
class SequenceLoss(keras.losses.Loss):
    """`loss = sum over t of m[t] loss(y_true[:, t], y_pred[:, t])`, m 0 for masked steps.

    Each step is reduced by `loss`'s own `reduction` as if it were a batch, so a mean divides by
    the batch size, and the losses of the steps are added, as in Torch. A masked step of one
    sequence adds nothing to the sum, and still counts in the mean over the batch: a short
    sequence has a small loss.

    Args:
        loss: A `keras.losses.Loss` of one step, that has a value for each sample.
        mask_value: A step is masked where all of `y_true` is this number. The mask that Keras
            carries with `y_pred` (from `Masking` or `Embedding`) is heeded too.
        name: A name for the loss.
        dtype: The dtype of the sum; by default `keras.config.floatx()`.

    Raises:
        ValueError: When called, if `y_true` or `y_pred` has no time axis, or they differ in their
            number of steps; if `loss` has one value for the whole batch; or if its reduction is
            None.

    References:
        Torch twin: `nn.SequencerCriterion` and `nn.MaskZeroCriterion` of
        https://github.com/Element-Research/rnn (which takes the time axis first).

    Example:
        >>> import numpy as np
        >>> steps = SequenceLoss(keras.losses.MeanSquaredError(), mask_value=-1.0)
        >>> y_true = np.array([[[1.0], [2.0]], [[3.0], [-1.0]]])
        >>> print(f"{float(steps(y_true, np.zeros((2, 2, 1)))):.1f}")
        7.0
    """

    def __init__(
        self,
        loss: keras.losses.Loss,
        mask_value: float | None = None,
        name: str | None = "sequence",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if loss.reduction in (None, "none"):
            raise ValueError(
                f"SequenceLoss adds the reduced losses of the steps; {loss.name} has the "
                'reduction None. Give it "sum" or "sum_over_batch_size"'
            )
        self.loss = loss
        self.mask_value = mask_value

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The sum over the steps.

        Args:
            y_true: Targets, of shape `(batch, time, ...)`.
            y_pred: Predictions, of shape `(batch, time, ...)`.
            sample_weight: Of shape `(batch,)`, or `(batch, time)` to weigh each step.
        """
        mask = get_keras_mask(y_pred)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.loss.dtype)
        y_true = ops.convert_to_tensor(y_true)
        _check_steps(y_true, y_pred)
        batch, time = ops.shape(y_pred)[0], ops.shape(y_pred)[1]
        flat_true = _flat(y_true)
        if not isinstance(self.loss, ElementLoss):
            flat_true = ops.cast(flat_true, self.loss.dtype)
        values = self.loss.call(flat_true, _flat(y_pred))
        if len(values.shape) == 0:
            raise ValueError(
                f"SequenceLoss needs a value for each sample; {self.loss.name} has one for a batch"
            )
        counts = self._counts(flat_true, _flat(y_pred), values)
        values = ops.reshape(values, (batch, time, -1))
        weight = ops.ones((batch, time), dtype=values.dtype)
        if mask is not None:
            weight = weight * ops.cast(mask, values.dtype)
        if self.mask_value is not None:
            there = ops.not_equal(y_true, ops.cast(self.mask_value, y_true.dtype))
            there = ops.any(ops.reshape(there, (batch, time, -1)), axis=-1)
            weight = weight * ops.cast(there, values.dtype)
        # A masked step may hold anything, and 0 * NaN is NaN.
        values = ops.where(ops.equal(weight, 0)[:, :, None], ops.zeros_like(values), values)
        if sample_weight is not None:
            given = ops.cast(ops.convert_to_tensor(sample_weight), values.dtype)
            weight = weight * (given if len(given.shape) == 2 else ops.reshape(given, (-1, 1)))
        per_step = ops.sum(values * weight[:, :, None], axis=(0, 2))
        if self.loss.reduction != "sum":
            divisor = ops.sum(ops.reshape(counts, (batch, time, -1)), axis=(0, 2))
            nothing = ops.equal(divisor, 0)
            divisor = ops.where(nothing, ops.ones_like(divisor), divisor)
            per_step = ops.where(nothing, ops.zeros_like(per_step), per_step / divisor)
        return ops.cast(ops.sum(per_step), self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            "mask_value": self.mask_value,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SequenceLoss:
        """A loss from what `get_config` gave."""
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})

    def _counts(self, y_true: Any, y_pred: Any, values: Any) -> Any:
        """What each value counts in the mean of its step, such as a class weight."""
        counts = self.loss.counts(y_true, y_pred) if isinstance(self.loss, ElementLoss) else None
        return ops.ones_like(values) if counts is None else ops.cast(counts, values.dtype)


def _flat(x: Any) -> Any:
    """`(batch, time, ...)` as `(batch * time, ...)`."""
    shape = ops.shape(x)
    return ops.reshape(x, (-1, *shape[2:]))


def _check_steps(y_true: Any, y_pred: Any) -> None:
    shapes = tuple(y_true.shape), tuple(y_pred.shape)
    if any(len(shape) < 2 for shape in shapes) or any(
        a != b and a is not None and b is not None
        for a, b in zip(shapes[0][:2], shapes[1][:2], strict=True)
    ):
        raise ValueError(
            "SequenceLoss needs y_true and y_pred of shape (batch, time, ...), with the same batch "
            f"and time; got {shapes[0]} and {shapes[1]}"
        )
