"""Losses made of losses: a weighted sum, and one that finds its target beside its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

__all__ = ["TableLoss", "WeightedSumLoss"]


@keras.saving.register_keras_serializable(package="nngraph")
class WeightedSumLoss(keras.losses.Loss):
    """`loss = sum of weights[i] losses[i](y_true, y_pred)`, each reduced in its own way.

    Args:
        losses: `keras.losses.Loss` objects, at least one.
        weights: One for each loss; by default 1.
        parallel: Whether `y_true` and `y_pred` are lists of as many tensors as there are losses,
            one for each. Otherwise all losses see the same.
        repeat_target: With `parallel`: whether all losses see the same `y_true`.
        name: A name for the loss.
        dtype: Keras's default for the losses that say nothing; each computes in its own.

    Raises:
        ValueError: If there is no loss or another number of weights, or, when called, if with
            `parallel` there is another number of tensors than of losses.

    References:
        Torch twin: `nn.MultiCriterion` and `nn.ParallelCriterion` (`parallel=True`),
        MultiCriterion.lua and ParallelCriterion.lua of https://github.com/torch/nn.

    Example:
        >>> import numpy as np
        >>> mse, mae = keras.losses.MeanSquaredError(), keras.losses.MeanAbsoluteError()
        >>> both = WeightedSumLoss([mse, mae], [0.5, 2.0])
        >>> print(f"{float(both(np.array([[0.0]]), np.array([[3.0]]))):.1f}")
        10.5
    """

    def __init__(
        self,
        losses: Sequence[keras.losses.Loss],
        weights: Sequence[float] | None = None,
        parallel: bool = False,
        repeat_target: bool = False,
        name: str | None = "weighted_sum",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.losses = list(losses)
        self.weights = [1.0] * len(self.losses) if weights is None else [float(w) for w in weights]
        if not self.losses or len(self.weights) != len(self.losses):
            raise ValueError(
                "WeightedSumLoss needs at least one loss and one weight for each; got "
                f"{len(self.losses)} losses and {len(self.weights)} weights"
            )
        self.parallel = bool(parallel)
        self.repeat_target = bool(repeat_target)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum.

        Args:
            y_true: What the losses take, or with `parallel` a list for them.
            y_pred: What the losses take, or with `parallel` a list for them, or one tensor of
                shape `(batch, losses, ...)`.
            sample_weight: Goes to each of the losses.
        """
        n = len(self.losses)
        if self.parallel:
            predictions = _several("y_pred", y_pred, n)
            one = self.repeat_target or y_true is None
            targets = [y_true] * n if one else _several("y_true", y_true, n)
        else:
            predictions, targets = [y_pred] * n, [y_true] * n
        terms = [
            ops.cast(loss(target, prediction, sample_weight), self.dtype) * weight
            for loss, weight, target, prediction in zip(
                self.losses, self.weights, targets, predictions, strict=True
            )
        ]
        return sum(terms[1:], terms[0])

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        return {
            "losses": [keras.saving.serialize_keras_object(loss) for loss in self.losses],
            "weights": self.weights,
            "parallel": self.parallel,
            "repeat_target": self.repeat_target,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> WeightedSumLoss:
        """A loss from what `get_config` gave."""
        losses = [keras.saving.deserialize_keras_object(loss) for loss in config["losses"]]
        return cls(**{**config, "losses": losses})


@keras.saving.register_keras_serializable(package="nngraph")
class TableLoss(keras.losses.Loss):
    """`loss(y_pred[1], y_pred[0])`: the second part of the prediction is the target of the first.

    The target is taken as a constant: no gradient flows into it.

    Args:
        loss: The `keras.losses.Loss` of the two parts.
        name: A name for the loss.
        dtype: As in Keras; the inner loss computes in its own.

    References:
        Torch twin: `nn.CriterionTable`, CriterionTable.lua of https://github.com/torch/nn.
    """

    def __init__(
        self, loss: keras.losses.Loss, name: str | None = "table", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.loss = loss

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The inner loss of the two parts.

        Args:
            y_true: Ignored; may be None.
            y_pred: A list of two, or one tensor of shape `(batch, 2, ...)`.
            sample_weight: As in Keras.

        Raises:
            ValueError: If `y_pred` does not hold two parts.
        """
        prediction, target = _several("y_pred", y_pred, 2)
        return self.loss(
            ops.stop_gradient(ops.convert_to_tensor(target)), prediction, sample_weight
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same loss again."""
        loss = keras.saving.serialize_keras_object(self.loss)
        return {"loss": loss, "name": self.name, "dtype": self.dtype}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TableLoss:
        """A loss from what `get_config` gave."""
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def _several(name: str, value: Any, n: int) -> list[Any]:
    """`n` tensors: a list of them, or one tensor stacked along axis 1."""
    if isinstance(value, (list, tuple)):
        if len(value) == n:
            return list(value)
        got = f"a list of {len(value)}"
    else:
        tensor = ops.convert_to_tensor(value)
        if len(tensor.shape) > 1 and tensor.shape[1] == n:
            return [tensor[:, i] for i in range(n)]
        got = f"a tensor of shape {tuple(tensor.shape)}"
    raise ValueError(
        f"needs {n} parts in {name}: a list of {n} tensors, or one of shape (batch, {n}, ...); "
        f"got {got}"
    )
