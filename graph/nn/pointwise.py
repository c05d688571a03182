"""Functions of every value by itself, without parameters."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .arguments import number
from .dimension import one_tensor
from .module import Module

__all__ = [
    "Abs",
    "AddConstant",
    "Exp",
    "Log",
    "MulConstant",
    "Pointwise",
    "Power",
    "SoftPlus",
    "Sqrt",
    "Square",
]


class Pointwise(Module):
    """A function of every value of one tensor."""

    keeps_shape = True

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        one_tensor(x)


class Abs(Pointwise):
    """``|x|``, whose gradient at 0 is that of ``x``, as in Torch.

    Reference: torch/nn Abs.lua, THNN Abs.c.
    """

    keras_name = "(ops.where)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """The absolute values."""
        return ops.where(x >= 0, x, -x)


class Exp(Pointwise):
    """``e^x``; becomes `keras.layers.Activation`.

    Reference: torch/nn Exp.lua.
    """

    keras_name = "Activation('exponential')"

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Activation("exponential", name=name)


class Log(Pointwise):
    """The natural logarithm.

    Reference: torch/nn Log.lua.
    """

    keras_name = "(ops.log)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """The logarithms."""
        return ops.log(x)


class Sqrt(Pointwise):
    """``sqrt(x)``, whose gradient at 0 is 0, as in Torch.

    Args:
        eps: Kept, without effect, as in Torch. Default: 0.

    Raises:
        GraphError: `eps` is not a number.

    Reference: torch/nn Sqrt.lua, THNN Sqrt.c.
    """

    keras_name = "(ops.sqrt)"

    def __init__(self, eps: float = 0) -> None:
        self.eps = number(eps, "Sqrt", "eps")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The roots."""
        # The root of 0 is taken of 1, so that no infinite slope is multiplied with nothing.
        is_zero = ops.equal(x, 0)
        return ops.where(is_zero, ops.stop_gradient(x), ops.sqrt(ops.where(is_zero, 1.0, x)))


class Square(Pointwise):
    """``x^2``.

    Reference: torch/nn Square.lua.
    """

    keras_name = "(ops.square)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """The squares."""
        return ops.square(x)


class Power(Pointwise):
    """``x^pow``.

    Args:
        pow: The exponent.

    Raises:
        GraphError: `pow` is not a number.

    Reference: torch/nn Power.lua.
    """

    keras_name = "(ops.power)"

    def __init__(self, pow: float) -> None:
        self.pow = number(pow, "Power", "pow")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The powers."""
        return ops.power(x, self.pow)


class SoftPlus(Pointwise):
    """``log(1 + e^(beta x)) / beta``, and ``x`` where ``beta x`` is above the threshold.

    Args:
        beta: How sharp the bend is. Default: 1.
        threshold: Where the line begins. Default: 20, which Torch does not let one change but
            keeps in its files.

    Raises:
        GraphError: An argument is not a number, or `beta` is 0.

    Reference: torch/nn SoftPlus.lua, THNN SoftPlus.c.
    """

    keras_name = "(ops.log1p, ops.exp)"

    def __init__(self, beta: float = 1, *, threshold: float = 20) -> None:
        self.beta = number(beta, "SoftPlus", "beta")
        self.threshold = number(threshold, "SoftPlus", "threshold")
        if self.beta == 0:
            raise GraphError(f"nn.SoftPlus: beta must not be 0 ({caller_origin()})")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The bend below the threshold, the line above."""
        scaled = x * self.beta
        # Bounded, so that what is not chosen stays finite.
        bend = ops.log1p(ops.exp(ops.minimum(scaled, self.threshold))) / self.beta
        return ops.where(scaled > self.threshold, x, bend)


class AddConstant(Pointwise):
    """``x + c``; becomes `keras.layers.Rescaling`.

    Args:
        constant_scalar: The number, or one for each feature (an array of one dimension).
        inplace: Torch's memory option; kept, without effect. Default: False.

    Shapes:
        Any shape -> the same; with an array of `n` numbers ``(batch, n)``.

    Raises:
        GraphError: `constant_scalar` is neither; at lowering, the input has not as many features
            as the array numbers.

    Reference: torch/nn AddConstant.lua.
    """

    keras_name = "Rescaling"

    def __init__(self, constant_scalar: Any, inplace: bool = False) -> None:
        if np.ndim(constant_scalar) == 0:
            self.constant_scalar: Any = number(constant_scalar, "AddConstant", "constant_scalar")
        else:
            numbers = np.ravel(constant_scalar).tolist()
            self.constant_scalar = [number(c, "AddConstant", "constant_scalar") for c in numbers]
        self.inplace = bool(inplace)

    def check(self, x: Any) -> None:
        super().check(x)
        if isinstance(self.constant_scalar, list):
            count = len(self.constant_scalar)
            if len(x.shape) != 2 or x.shape[1] not in (None, count):
                raise ShapeMismatch(
                    f"adds {count} numbers to as many features", expected=(None, count)
                )

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Rescaling(1.0, offset=self.constant_scalar, name=name)


class MulConstant(Pointwise):
    """``c x``; becomes `keras.layers.Rescaling`.

    Args:
        constant_scalar: The factor.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: `constant_scalar` is not a number.

    Reference: torch/nn MulConstant.lua.
    """

    keras_name = "Rescaling"

    def __init__(self, constant_scalar: float, inplace: bool = False) -> None:
        self.constant_scalar = number(constant_scalar, "MulConstant", "constant_scalar")
        self.inplace = bool(inplace)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Rescaling(self.constant_scalar, name=name)
