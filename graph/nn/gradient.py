"""Modules that pass a tensor on and change only its gradient."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from .arguments import number
from .pointwise import Pointwise
from .scope import Scope
from .surrogate import with_added_gradient, with_gradient
from .torch_fields import TorchFields

__all__ = ["GradientReversal", "L1Penalty", "ZeroGrad"]


class GradientReversal(Pointwise):
    """``x``, whose gradient is multiplied by ``-lambda_``.

    Args:
        lambda_: The factor (Torch's `lambda`). Default: 1.

    Raises:
        GraphError: `lambda_` is not a number.

    Reference: Ganin & Lempitsky 2015, arXiv:1409.7495; torch/nn GradientReversal.lua.
    """

    keras_name = "(ops.stop_gradient)"

    def __init__(self, lambda_: float = 1) -> None:
        self.setLambda(lambda_)

    def setLambda(self, lambda_: float) -> None:
        """Change the factor. A model that has it already takes it over at ``rebuild()``.

        Raises:
            GraphError: `lambda_` is not a number.
        """
        self.lambda_ = number(lambda_, "GradientReversal", "lambda_")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> GradientReversal:
        return cls(fields.get("lambda", 1))  # Files of version 1 have none.

    def compute(self, x: Any, training: bool = False) -> Any:
        """The input."""
        return with_gradient(x, x * -self.lambda_)


class ZeroGrad(Pointwise):
    """``x``, through which no gradient passes.

    Reference: torch/nn ZeroGrad.lua.
    """

    keras_name = "(ops.stop_gradient)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """The input."""
        return ops.stop_gradient(x)


class L1Penalty(Pointwise):
    """``x``, whose gradient has that of ``l1weight * sum|x|`` added to it.

    As in Torch the penalty is no part of a loss: it is added to the gradient wherever one is
    taken, in training and otherwise. After `to_keras` it is gone (a `keras.layers.Identity`).

    Args:
        l1weight: Weight of the penalty.
        sizeAverage: Whether to divide it by the number of values, batch included. Default: False.
        provideOutput: Whether the gradient from above passes too. Default: True.

    Raises:
        GraphError: `l1weight` is not a number.

    Reference: torch/nn L1Penalty.lua.
    """

    keras_name = "(a custom gradient)"

    def __init__(
        self, l1weight: float, sizeAverage: bool = False, provideOutput: bool = True
    ) -> None:
        self.l1weight = number(l1weight, "L1Penalty", "l1weight")
        self.sizeAverage = bool(sizeAverage)
        self.provideOutput = bool(provideOutput)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if scope.stock:
            identity = keras.layers.Identity
            return self.apply_layer(x, scope, lambda name: identity(name=name), key="stock")
        return self.apply_layer(x, scope)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The input."""
        return with_added_gradient(x, self._slope, keep=self.provideOutput)

    def _slope(self, x: Any) -> Any:
        slope = ops.sign(x) * self.l1weight
        return slope / ops.cast(ops.size(x), x.dtype) if self.sizeAverage else slope
