"""The triplet margin loss of given triplets, with any p-norm or any other distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from ._element_loss import ElementLoss
from ._inputs import parts
from ._numerics import hinge, minimum, norm

__all__ = ["TripletMarginLoss", "triplet_margin"]


@keras.saving.register_keras_serializable(package="nngraph")
def triplet_margin(
    y_true: Any,
    y_pred: Any,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    distance: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """Each anchor nearer to its positive than to its negative by a margin.

    `loss = max(0, margin + D(a, p) - D(a, n))`, where `D(x, y) = |x - y + eps|_p`.

    Args:
        y_true: Ignored (the order inside a triplet says what is alike); may be None.
        y_pred: Embeddings, of shape `(batch, 3, d)` in the order anchor, positive, negative; or
            a list `[a, p, n]` of three `(batch, d)`. Half precision is computed in 32 bits.
        margin: In units of the distance (not squared).
        p: The norm, at least 1, or infinity.
        eps: Added to each difference.
        swap: Replace D(a, n) by D(p, n) where that is smaller.
        distance: Another D: takes two `(batch, d)` and gives `(batch,)`; `p` and `eps` do not
            matter then.

    Returns:
        One loss per triplet, of shape `(batch,)`.

    Raises:
        ValueError: If `y_pred` does not hold three embeddings per triplet, or `p` is less than 1.

    References:
        Balntas, Riba, Ponsa, Mikolajczyk: Learning local feature descriptors with triplets and
        shallow convolutional neural networks, 2016.
        PyTorch twin: `TripletMarginLoss` and `TripletMarginWithDistanceLoss`.

    Example:
        >>> import numpy as np
        >>> triplets = np.array([[[0.0, 0.0], [0.0, 3.0], [0.0, 2.5]]], "float32")
        >>> print(f"{float(triplet_margin(None, triplets)[0]):.3f}")
        1.500
    """
    if p < 1:
        raise ValueError(f"triplet_margin needs a norm p >= 1; got {p}")
    a, positive, negative = parts(
        "triplet_margin", y_pred, ("anchor", "positive", "negative"), rank=2
    )

    def between(x: Any, y: Any) -> Any:
        return norm(x - y + eps, p) if distance is None else distance(x, y)

    far = between(a, negative)
    if swap:
        far = minimum(far, between(positive, negative))
    return hinge(margin + between(a, positive) - far)


@keras.saving.register_keras_serializable(package="nngraph")
class TripletMarginLoss(ElementLoss):
    """Mean of `max(0, margin + D(a, p) - D(a, n))` of given triplets; see `triplet_margin`.

    Args:
        margin: In units of the distance (not squared).
        p: The norm, at least 1, or infinity.
        eps: Added to each difference.
        swap: Replace D(a, n) by D(p, n) where that is smaller.
        distance: Another D: takes two `(batch, d)` and gives `(batch,)`. It must be registered
            with Keras, to be saved.
        reduction: How the losses of the triplets become one number, as in `keras.losses.Loss`.
        name: A name for the loss.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        distance: Callable[[Any, Any], Any] | None = None,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "triplet_margin",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.margin = float(margin)
        self.p = float(p)
        self.eps = float(eps)
        self.swap = bool(swap)
        self.distance = distance

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One loss per triplet."""
        return triplet_margin(
            y_true, y_pred, self.margin, self.p, self.eps, self.swap, self.distance
        )
