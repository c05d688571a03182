"""Activations with a stock Keras layer."""

from __future__ import annotations

from typing import Any

import keras

from .arguments import number
from .module import Module
from .rectifier import Threshold
from .torch_fields import TorchFields

__all__ = [
    "ELU",
    "LogSigmoid",
    "LogSoftMax",
    "ReLU",
    "Sigmoid",
    "SoftMax",
    "SoftSign",
    "Tanh",
    "TanhShrink",
]


class _Activation(Module):
    """A function of one tensor, named as in `keras.activations`."""

    keeps_shape = True
    function: str

    def __init__(self) -> None:
        pass

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Activation(self.function, name=name)


class ReLU(Module):
    """``max(0, x)``; becomes `keras.layers.ReLU`.

    Args:
        inplace: Torch's memory option; kept, without effect. Default: False.

    Reference: torch/nn ReLU.lua.
    """

    keras_name = "ReLU"
    keeps_shape = True

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = bool(inplace)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Module:
        threshold, value = fields.get("threshold", 0), fields.get("val", 0)
        inplace = fields.get("inplace", False)
        if threshold or value:  # A ReLU is a Threshold in Torch, and its bend can be moved.
            return Threshold(threshold, value, inplace)
        return cls(inplace)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.ReLU(name=name)


class ELU(Module):
    """``x`` above 0, ``alpha (exp(x) - 1)`` below; becomes `keras.layers.ELU`.

    Args:
        alpha: Limit for large negative values. Default: 1.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: `alpha` is not a number.

    Reference: Clevert et al. 2015, arXiv:1511.07289; torch/nn ELU.lua.
    """

    keras_name = "ELU"
    keeps_shape = True

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = number(alpha, "ELU", "alpha")
        self.inplace = bool(inplace)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.ELU(alpha=self.alpha, name=name)


class Tanh(_Activation):
    """Hyperbolic tangent; becomes `keras.layers.Activation`.

    Reference: torch/nn Tanh.lua.
    """

    keras_name = "Activation('tanh')"
    function = "tanh"


class Sigmoid(_Activation):
    """``1 / (1 + exp(-x))``; becomes `keras.layers.Activation`.

    Reference: torch/nn Sigmoid.lua.
    """

    keras_name = "Activation('sigmoid')"
    function = "sigmoid"


class SoftMax(Module):
    """Softmax over features or planes, the last axis; becomes `keras.layers.Softmax`.

    Reference: torch/nn SoftMax.lua.
    """

    keras_name = "Softmax"
    keeps_shape = True

    def __init__(self) -> None:
        pass

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Softmax(name=name)


class LogSoftMax(_Activation):
    """Logarithm of the softmax over the last axis; becomes `keras.layers.Activation`.

    Reference: torch/nn LogSoftMax.lua.
    """

    keras_name = "Activation('log_softmax')"
    function = "log_softmax"


class LogSigmoid(_Activation):
    """``log(1 / (1 + exp(-x)))``; becomes `keras.layers.Activation`.

    Reference: torch/nn LogSigmoid.lua.
    """

    keras_name = "Activation('log_sigmoid')"
    function = "log_sigmoid"


class SoftSign(_Activation):
    """``x / (1 + |x|)``; becomes `keras.layers.Activation`.

    Reference: torch/nn SoftSign.lua.
    """

    keras_name = "Activation('softsign')"
    function = "softsign"


class TanhShrink(_Activation):
    """``x - tanh(x)``; becomes `keras.layers.Activation`.

    Reference: torch/nn TanhShrink.lua.
    """

    keras_name = "Activation('tanh_shrink')"
    function = "tanh_shrink"
