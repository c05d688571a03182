"""Steps that apply a function to every value."""

from __future__ import annotations

import keras

from .configs import activation_name
from .plan import Piece

__all__ = ["is_monotone", "named_function"]

_L = keras.layers
_MONOTONE = frozenset(
    "linear relu relu6 leaky_relu elu selu celu sigmoid tanh softplus softsign hard_sigmoid "
    "hard_tanh log_sigmoid exponential squareplus".split()
)


def named_function(piece: Piece) -> str | None:
    """Keras's name of the function that the layer is; None for one without a name of its own."""
    kind, config = piece.kind, piece.config
    if kind is _L.Activation:
        return activation_name(piece)
    if kind is _L.ReLU:
        plain = not config["negative_slope"] and not config["threshold"]
        names = {None: "relu", 6: "relu6"}
        return names.get(config["max_value"]) if plain else None
    if kind is _L.LeakyReLU:
        return "leaky_relu" if config["negative_slope"] == 0.2 else None
    if kind is _L.ELU:
        return "elu" if config["alpha"] == 1 else None
    if kind is _L.Softmax:
        return "softmax" if config["axis"] == -1 else None
    return None


def is_monotone(piece: Piece) -> bool:
    """Whether the layer is a function of every value that never falls."""
    kind, config = piece.kind, piece.config
    if kind is _L.LeakyReLU:
        return config["negative_slope"] >= 0
    if kind is _L.ELU:
        return config["alpha"] >= 0
    if kind is _L.ReLU:
        return config["negative_slope"] >= 0 and not config["threshold"]
    return kind is _L.Activation and activation_name(piece) in _MONOTONE
