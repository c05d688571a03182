"""Torch's default initialisation."""

from __future__ import annotations

import math

import keras

__all__ = ["torch_uniform"]


def torch_uniform(fan_in: int) -> keras.initializers.Initializer:
    """Uniform in ``[-1/sqrt(fan_in), 1/sqrt(fan_in)]``, what torch/nn starts weights with.

    One initializer gives the same numbers each time, so make one for every parameter.
    """
    limit = 1 / math.sqrt(fan_in)
    return keras.initializers.RandomUniform(-limit, limit)
