"""`nn.OneHot`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..layout import from_torch_axes, to_torch_axes
from .arguments import integer
from .dimension import one_tensor, permuted
from .module import Module
from .runtime_check import checked_indices
from .scope import Scope

__all__ = ["OneHot"]


class OneHot(Module):
    """For each index a vector that is 1 there and else 0.

    Indices count from 1, as in Torch, and are checked as by `LookupTable`. No gradient passes.

    Args:
        outputSize: Length of the vectors, and the largest index.

    Shapes:
        Integers ``(batch,)`` or ``(batch, time)`` -> ``(batch[, time], outputSize)``.

    Raises:
        GraphError: `outputSize` is not a positive integer; when the model runs, an index below 1
            or above `outputSize`.

    Reference: torch/nn OneHot.lua.
    """

    keras_name = "(ops.one_hot)"
    input_dtype = "int32"
    supports_jit = False

    def __init__(self, outputSize: int) -> None:
        self.outputSize = integer(outputSize, "OneHot", "outputSize")
        self._where = "nn.OneHot"

    def check(self, x: Any) -> None:
        one_tensor(x)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        self._where = scope.where
        return self.apply_layer(x, scope)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The vectors; a new last dimension in Torch's order."""
        rank = len(x.shape)
        x = ops.cast(permuted(x, to_torch_axes(rank)), "int32")
        if not isinstance(x, keras.KerasTensor):
            where = f"the {self.outputSize} indices"
            x = checked_indices(x, self.outputSize, self._where, where)
        hot = ops.one_hot(x - 1, self.outputSize, dtype=keras.config.floatx())
        return permuted(hot, from_torch_axes(rank + 1))
