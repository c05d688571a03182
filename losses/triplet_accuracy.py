"""How often an anchor is nearer to its positive than to its negatives."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

__all__ = ["TripletAccuracy", "triplet_accuracy"]


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_accuracy(y_true: Any, y_pred: Any, margin: float = 0.0) -> Any:
    """1 for each tuple whose positive is nearer than every negative, else 0.

    `|a - p| + margin < |a - n|` for every negative n; equal distances are not correct.

    Args:
        y_true: Ignored (the order inside a tuple says what is alike); may be None.
        y_pred: Either distances of shape `(batch, m - 1)`, that of the positive first; or
            embeddings of shape `(batch, m, d)` in the order anchor, positive, negatives, whose
            Euclidean distances are taken; or a list `[a, p, n, ...]` of such, each `(batch, d)`.
            m is 3 or more.
        margin: By how much nearer, in units of distance.

    Returns:
        Zeros and ones of shape `(batch,)`.

    Raises:
        ValueError: If the shape is another.

    Example:
        >>> distances = [[0.2, 0.5], [0.7, 0.3]]
        >>> print([float(v) for v in triplet_accuracy(None, distances)])
        [1.0, 0.0]
    """
    distances = _distances(y_pred)
    near = distances[:, :1] + margin
    return ops.cast(ops.all(near < distances[:, 1:], axis=1), distances.dtype)


@keras.saving.register_keras_serializable(package="nngraph")
class TripletAccuracy(keras.metrics.MeanMetricWrapper):
    """The share of tuples whose positive is nearer than every negative; see `triplet_accuracy`.

    Args:
        margin: By how much nearer, in units of distance.
        name: A name for the metric.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Example:
        >>> metric = TripletAccuracy()
        >>> metric.update_state(None, [[0.2, 0.5], [0.7, 0.3]])
        >>> print(float(metric.result()))
        0.5
    """

    def __init__(
        self, margin: float = 0.0, name: str | None = "triplet_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(triplet_accuracy, name=name, dtype=dtype, margin=float(margin))
        self.margin = float(margin)
        self._direction = "up"

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        return {"name": self.name, "dtype": self.dtype, "margin": self.margin}


def _distances(y_pred: Any) -> Any:
    if isinstance(y_pred, (list, tuple)) and len(ops.shape(y_pred[0])) == 2:
        y_pred = ops.stack([ops.convert_to_tensor(part) for part in y_pred], axis=1)
    y_pred = ops.convert_to_tensor(y_pred)
    least = {2: 2, 3: 3}.get(len(y_pred.shape))
    if least is None or (y_pred.shape[1] or least) < least:
        raise ValueError(
            "triplet_accuracy needs distances of shape (batch, m - 1) or embeddings of shape "
            f"(batch, m, d), with m of 3 or more; got shape {tuple(y_pred.shape)}"
        )
    if least == 2:
        return y_pred
    return ops.sqrt(ops.sum(ops.square(y_pred[:, :1] - y_pred[:, 1:]), axis=-1))
