"""`nn.Identity` and the module of a graph input."""

from __future__ import annotations

from typing import Any

import keras

from ..table import is_table, map_table
from .module import Module
from .scope import Scope

__all__ = ["Identity"]


class Identity(Module):
    """Passes its input on, tensors and tables alike; becomes `keras.layers.Identity`.

    ``nn.Identity()()`` is how nngraph spells an input.

    Reference: torch/nn Identity.lua.
    """

    keras_name = "Identity"
    keeps_shape = True

    def __init__(self) -> None:
        pass

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Identity(name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        if not is_table(x):
            return self.apply_layer(x, scope)
        # A table is no tensor to Keras: every leaf passes on its own.
        return map_table(lambda leaf: leaf, x)
