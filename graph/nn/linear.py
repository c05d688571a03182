"""`nn.Linear`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..errors import ShapeMismatch
from .arguments import integer
from .initial import torch_uniform
from .module import Module, Shape
from .torch_fields import TorchFields

__all__ = ["Linear"]


class Linear(Module):
    """``y = x W' + b`` on the last axis; becomes `keras.layers.Dense`.

    Weights start uniform in ``[-1/sqrt(inputSize), 1/sqrt(inputSize)]``, as in Torch.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of features of the result.
        bias: Whether to add a bias. Default: True.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input has another size.

    Reference: torch/nn Linear.lua.
    """

    keras_name = "Dense"
    torch_aliases = ("LinearNoBias",)

    def __init__(self, inputSize: int, outputSize: int, bias: bool = True) -> None:
        self.inputSize = integer(inputSize, "Linear", "inputSize")
        self.outputSize = integer(outputSize, "Linear", "outputSize")
        self.bias = bool(bias)

    def input_size(self) -> Shape:
        return (self.inputSize,)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 2 or x.shape[-1] != self.inputSize:
            raise ShapeMismatch(
                f"takes samples of {self.inputSize} features",
                expected=(None, self.inputSize),
                fix=self._fix(x),
            )

    def _fix(self, x: Any) -> str | None:
        if isinstance(x, list):
            return "join the table first, e.g. with nn.JoinTable(1)"
        if len(x.shape) > 2:
            return f"flatten the samples first, e.g. with nn.View({self.inputSize})"
        return None

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(
            self.outputSize,
            use_bias=self.bias,
            kernel_initializer=torch_uniform(self.inputSize),
            bias_initializer=torch_uniform(self.inputSize),
            name=name,
        )

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self.built_layer((None, self.inputSize))
        return {"weight": layer.kernel, **({"bias": layer.bias} if self.bias else {})}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Linear:
        outputs, inputs = fields["weight"].shape
        return cls(inputs, outputs, "bias" in fields)

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array.T

    parameter_to_torch = parameter_from_torch
