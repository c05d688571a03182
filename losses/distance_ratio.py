"""The distance ratio loss of triplet networks, in both forms that carry its name in Torch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ._element_loss import ElementLoss
from ._inputs import as_float

__all__ = ["DistanceRatioLoss", "distance_ratio"]


@keras.saving.register_keras_serializable(package="nngraph")
def distance_ratio(y_true: Any, y_pred: Any, form: str = "log", target: int | None = None) -> Any:
    """How near what is alike is, compared with what is not.

    "log": `loss = -log(exp(-ds) / (exp(-ds) + sum exp(-dd)))`, with ds the distance to what is
    alike and dd those to what is not. "mse": `loss = mean of (softmax(d) - t)^2` over the
    distances d, with t 1 for the one that should be the largest and 0 for the others.

    Args:
        y_true: Ignored (the order says what is alike); may be None.
        y_pred: Distances (not negated), of shape `(batch, 2)`, first that to what is alike, then
            that to what is not; or `(batch, m)`, or a list of m `(batch,)` or `(batch, 1)`. Half
            precision is computed in 32 bits.
        form: "log" or "mse".
        target: The column of ds in the form "log", by default the first; the column that should
            be the largest in the form "mse", by default the last. Counts from 0.

    Returns:
        One loss per row, of shape `(batch,)`.

    Raises:
        ValueError: If `y_pred` is not a matrix of at least two columns, if `form` is unknown, or
            if there is no such column.

    References:
        Hoffer, Ailon: Deep metric learning using Triplet network, 2015
        (https://arxiv.org/abs/1412.6622), section 3.2. Torch twin: `nn.DistanceRatioCriterion`;
        "log": DistanceRatioCriterion.lua of https://github.com/torch/nn; "mse": the one of
        https://github.com/eladhoffer/TripletNet, fed the distance to what is not alike first
        (`target=0`).

    Example:
        >>> import numpy as np
        >>> d = np.array([[1.0, 1.0]], "float32")
        >>> print(f"{float(distance_ratio(None, d)[0]):.4f}")
        0.6931
        >>> print(f"{float(distance_ratio(None, d, form='mse')[0]):.2f}")
        0.25
    """
    d = _matrix(y_pred)
    columns = d.shape[-1]
    if form not in ("log", "mse"):
        raise ValueError(f'distance_ratio needs form "log" or "mse"; got {form!r}')
    column = (0 if form == "log" else columns - 1) if target is None else target
    if not 0 <= column < columns:
        raise ValueError(f"distance_ratio needs a target 0..{columns - 1}; got {target}")
    if form == "log":
        return -ops.log_softmax(-d, axis=-1)[:, column]
    wanted = ops.one_hot(column, columns, dtype=d.dtype)
    return ops.mean(ops.square(ops.softmax(d, axis=-1) - wanted), axis=-1)


@keras.saving.register_keras_serializable(package="nngraph")
class DistanceRatioLoss(ElementLoss):
    """Mean of `-log(exp(-ds) / (exp(-ds) + exp(-dd)))`, or of its squared form.

    See `distance_ratio`.

    Args:
        form: "log" or "mse".
        target: The column of ds in the form "log", by default the first; the column that should
            be the largest in the form "mse", by default the last. Counts from 0.
        reduction: How the losses of the rows become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If `form` is unknown.
    """

    def __init__(
        self,
        form: str = "log",
        target: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "distance_ratio",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if form not in ("log", "mse"):
            raise ValueError(f'DistanceRatioLoss needs form "log" or "mse"; got {form!r}')
        self.form = form
        self.target = target

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per row."""
        return distance_ratio(y_true, y_pred, self.form, self.target)


def _matrix(y_pred: Any) -> Any:
    if isinstance(y_pred, (list, tuple)):
        columns = [as_float(d) for d in y_pred]
        columns = [d if len(d.shape) == 2 else ops.expand_dims(d, axis=-1) for d in columns]
        d = ops.concatenate(columns, axis=-1) if columns else ops.zeros((0, 0))
    else:
        d = as_float(y_pred)
    if len(d.shape) != 2 or d.shape[-1] < 2:
        raise ValueError(
            "distance_ratio needs distances of shape (batch, m), m at least 2, the first to what "
            f"is alike; got shape {tuple(d.shape)}"
        )
    return d
