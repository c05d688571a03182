"""Torch's default initialisation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

__all__ = ["norms_of", "torch_uniform"]


def torch_uniform(fan_in: int, seed: int | None = None) -> keras.initializers.Initializer:
    """Uniform in ``[-1/sqrt(fan_in), 1/sqrt(fan_in)]``, what torch/nn starts weights with.

    One initializer gives the same numbers each time, so make one for every parameter.
    """
    limit = 1 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit, seed=seed)


def norms_of(
    initializer: keras.initializers.Initializer, shape: tuple[int, int]
) -> Callable[..., Any]:
    """Gives the norms of the rows that `initializer` gives, as a column.

    Args:
        initializer: One that gives the same numbers each time, as those with a seed do.
        shape: The shape of what it gives.
    """

    def norms(_: Any, dtype: Any = None) -> Any:
        rows = initializer(shape, dtype=dtype)
        return ops.sqrt(ops.sum(ops.square(rows), axis=1, keepdims=True))

    return norms
