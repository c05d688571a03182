"""Labels as class indices, beside a score for each class."""

from __future__ import annotations

from typing import Any

from keras import ops

from ._euclidean import full_precision

__all__ = ["class_targets", "cross_entropy"]


def class_targets(owner: str, y_true: Any, y_pred: Any, *, last: str = "") -> tuple[Any, Any]:
    """Scores in at least 32 bits, and which of the classes is that of the row, as booleans.

    Args:
        owner: The name of the loss, for errors.
        y_true: Class indices, of shape `(n,)` or `(n, 1)`.
        y_pred: Scores of shape `(n, classes)`, or `(n, classes, last)` if `last` names an axis.
        last: The name of the last axis, as an error has it.

    Raises:
        ValueError: If shapes do not fit.
    """
    scores, labels = full_precision(y_pred), ops.convert_to_tensor(y_true)
    shape = tuple(scores.shape)
    if len(shape) != (3 if last else 2):
        wanted = f"(batch, classes, {last})" if last else "(batch, classes)"
        raise ValueError(f"{owner} needs cosines of shape {wanted}; got shape {shape}")
    rows = tuple(labels.shape)
    if rows[1:] not in ((), (1,)) or (None not in (rows[0], shape[0]) and rows[0] != shape[0]):
        raise ValueError(
            f"{owner} needs one class index a row, of shape (batch,) or (batch, 1); got shape "
            f"{rows} for scores of shape {shape}"
        )
    labels = ops.cast(ops.reshape(labels, (-1, 1)), "int32")
    classes = ops.arange(shape[1], dtype="int32")
    return scores, labels == classes[None, :]


def cross_entropy(target: Any, logits: Any) -> Any:
    """`-log softmax(logits)` at the class of each row, of shape `(n,)`."""
    return -ops.sum(ops.where(target, ops.log_softmax(logits, axis=1), 0.0), axis=1)
