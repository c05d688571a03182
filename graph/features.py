"""A layer's outputs as a matrix, for learners that take one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .activations import activations
from .calls import Selector

__all__ = ["features"]


def features(
    model: keras.Model,
    data: Any,
    layer: Selector,
    *,
    pooling: str | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Compute one layer's outputs for all samples as rows of a matrix.

    Args:
        model: a built Keras model.
        data: as in `graph.activations`.
        layer: one layer, as in `graph.activations`.
        pooling: `"avg"` or `"max"` over all axes but the batch and the last, as in
            keras.applications, or None: everything, flattened row by row. Default None.
        batch_size: as in `graph.activations`. Default 32.

    Returns:
        `(samples, features)`.

    Raises:
        ValueError: `layer` matches several calls or a layer with several outputs, or `pooling` is
            unknown; and what `graph.activations` raises.

    Example:
        >>> x = keras.Input((4, 4, 1))
        >>> model = keras.Model(x, keras.layers.Conv2D(3, 2, name="conv")(x))
        >>> features(model, np.ones((5, 4, 4, 1)), "conv").shape
        (5, 27)
        >>> features(model, np.ones((5, 4, 4, 1)), "conv", pooling="avg").shape
        (5, 3)
    """
    reductions = {None: None, "avg": "mean", "max": "max"}
    if pooling not in reductions:
        raise ValueError(f"pooling is 'avg', 'max' or None; received {pooling!r}")
    found = activations(model, data, layer, batch_size=batch_size, reduce=reductions[pooling])
    if len(found) != 1:
        raise ValueError(f"features are of one layer; {layer!r} matches {', '.join(found)}")
    ((name, values),) = found.items()
    if not isinstance(values, np.ndarray):
        raise ValueError(f"features are of one output; layer '{name}' has several")
    return values.reshape(len(values), -1)
