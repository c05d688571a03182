"""Parameters as tensors of stock Keras layers, for models that must load without this package."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ..table import flatten

__all__ = ["all_rows", "parameter_table"]


def parameter_table(variable: keras.Variable, name: str) -> keras.layers.Embedding:
    """A stock layer that holds a copy of `variable`: a table whose rows are its slices.

    Keras has no layer that only gives its weight; looking up every row of a table is one.
    """
    rows, columns = _table_size(variable.shape)
    table = keras.layers.Embedding(
        rows, columns, dtype=variable.dtype, trainable=variable.trainable, name=name
    )
    table.build((None,))
    table.set_weights([np.reshape(np.asarray(variable), (rows, columns))])
    return table


def all_rows(table: keras.layers.Embedding, shape: tuple[int, ...], x: Any) -> Any:
    """What `table` holds, as a Keras tensor of this shape.

    Args:
        table: Made by `parameter_table`.
        shape: The shape of the parameter.
        x: Any tensor of the graph, since a symbolic tensor must come from somewhere.
    """
    nothing = ops.reshape(ops.zeros_like(flatten(x)[0], dtype="int32"), (-1, 1))
    anything = nothing[:1, 0]  # Keras takes no bare slice of a symbolic tensor.
    indices = ops.add(anything, np.arange(_table_size(shape)[0], dtype="int32"))
    return ops.reshape(table(indices), shape)


def _table_size(shape: tuple[int, ...]) -> tuple[int, int]:
    return (shape[0] if shape else 1), math.prod(shape[1:])
