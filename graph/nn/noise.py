"""`nn.WhiteNoise`."""

from __future__ import annotations

import math
from typing import Any

import keras

from .arguments import number
from .pointwise import Pointwise
from .scope import Scope

__all__ = ["WhiteNoise"]


class WhiteNoise(Pointwise):
    """``x`` plus normal noise in training, ``x + mean`` otherwise.

    Becomes `keras.layers.GaussianNoise`, with `keras.layers.Rescaling` for the mean; since
    GaussianNoise takes no deviation above 1, `x` is scaled by a power of two around it if need be.

    Args:
        mean: Mean of the noise. Default: 0.
        std: Standard deviation of the noise. Default: 0.1.

    Raises:
        GraphError: `mean` is not a number, or `std` not one of at least 0.

    Reference: torch/nn WhiteNoise.lua.
    """

    keras_name = "GaussianNoise, Rescaling"

    def __init__(self, mean: float = 0, std: float = 0.1) -> None:
        self.mean = number(mean, "WhiteNoise", "mean")
        self.std = number(std, "WhiteNoise", "std", least=0)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        scale = 2.0 ** math.ceil(math.log2(self.std)) if self.std > 1 else 1.0
        rescaling = keras.layers.Rescaling
        if scale > 1:
            x = self.apply_layer(
                x,
                scope,
                lambda name: rescaling(1 / scale, name=name),
                key="down",
                suffix="_down",
            )
        moved = scale > 1 or self.mean != 0
        x = self.apply_layer(
            x,
            scope,
            lambda name: keras.layers.GaussianNoise(self.std / scale, name=name),
            key="noise",
            suffix="_noise" if moved else "",
        )
        if not moved:
            return x
        return self.apply_layer(
            x, scope, lambda name: rescaling(scale, offset=self.mean, name=name), key="up"
        )
