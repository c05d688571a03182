"""Darknet's activation functions as modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from graph import nn
from graph.errors import GraphError
from graph.nn.pointwise import Pointwise

__all__ = ["ACTIVATIONS", "DarknetActivation", "activation"]


def _plse(x: Any) -> Any:
    low, high = 0.01 * (x + 4), 0.01 * (x - 4) + 1
    return ops.where(x < -4, low, ops.where(x > 4, high, 0.125 * x + 0.5))


def _lhtan(x: Any) -> Any:
    return ops.where(x < 0, 0.001 * x, ops.where(x > 1, 0.001 * (x - 1) + 1, x))


def _selu(x: Any) -> Any:
    # Darknet's constants have five digits, and expm1 of a positive number could overflow.
    return ops.where(x >= 0, 1.0507 * x, 1.0507 * 1.6732 * ops.expm1(ops.minimum(x, 0)))


def _stair(x: Any) -> Any:
    steps, halves = ops.floor(x), ops.floor(x / 2)
    return ops.where(ops.equal(steps, 2 * halves), halves, x - steps + halves)


_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "loggy": lambda x: ops.tanh(x / 2),  # 2 / (1 + e^-x) - 1
    "selu": _selu,
    "ramp": lambda x: ops.relu(x) + 0.1 * x,
    "plse": _plse,
    "lhtan": _lhtan,
    "stair": _stair,
}


class DarknetActivation(Pointwise):
    """An activation that only Darknet has.

    ``loggy``: ``2 / (1 + e^-x) - 1``. ``selu``: `keras.activations.selu` with constants of five
    digits. ``ramp``: ``max(x, 0) + 0.1 x``. ``plse``: ``x / 8 + 1/2`` between -4 and 4, beyond
    with slope 0.01. ``lhtan``: ``x`` between 0 and 1, beyond with slope 0.001. ``stair``: flat
    and rising by turns.

    Args:
        function: One of these names.

    Raises:
        GraphError: It is none of them.

    Reference: pjreddie/darknet src/activations.h.
    """

    keras_name = "(ops.where)"

    def __init__(self, function: str) -> None:
        if function not in _FUNCTIONS:
            raise GraphError(f"function must be one of {', '.join(_FUNCTIONS)}, got {function!r}")
        self.function = function

    def compute(self, x: Any, training: bool = False) -> Any:
        """The function."""
        return _FUNCTIONS[self.function](x)


_MODULES: dict[str, Callable[[], Any]] = {
    "logistic": nn.Sigmoid,
    "relu": nn.ReLU,
    "elu": nn.ELU,
    "relie": lambda: nn.LeakyReLU(0.01),
    "hardtan": nn.HardTanh,
    "leaky": lambda: nn.LeakyReLU(0.1),
    "tanh": nn.Tanh,
    # Of the fork AlexeyAB/darknet.
    "swish": lambda: keras.layers.Activation("silu"),
    "mish": lambda: keras.layers.Activation("mish"),
}

ACTIVATIONS = ("linear", *_MODULES, *_FUNCTIONS)
"""The names of all activations."""


def activation(name: str) -> Any:
    """A module of the activation that Darknet calls `name`; None for ``linear``.

    Raises:
        KeyError: There is none.
    """
    if name == "linear":
        return None
    return _MODULES[name]() if name in _MODULES else DarknetActivation(_known(name))


def _known(name: str) -> str:
    if name not in _FUNCTIONS:
        raise KeyError(name)
    return name
