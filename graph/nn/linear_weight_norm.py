"""`nn.LinearWeightNorm`."""

from __future__ import annotations

import random
from typing import Any

import keras
from keras import ops

from .arguments import number
from .initial import norms_of, torch_uniform
from .linear import Linear
from .module import Module
from .module_layer import ModuleLayer, ParameterSpec
from .surrogate import with_gradient
from .torch_fields import TorchFields

__all__ = ["LinearWeightNorm"]


class LinearWeightNorm(Linear):
    """`Linear` whose weight is ``g v / max(|v|, eps)``, row by row.

    Parameters are `v`, of the shape that Torch's weight has, `g`, a column, and `bias`. `v` starts
    as a weight of `Linear` does, and `g` with its norms.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of features of the result.
        bias: Whether to add a bias. Default: True.
        eps: The least norm. Default: 1e-16.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer, or `eps` no number; at lowering, the input
            has another size.

    Reference: Salimans & Kingma 2016, arXiv:1602.07868; torch/nn LinearWeightNorm.lua.
    """

    keras_name = "(ops.matmul)"
    torch_aliases = ()

    def __init__(
        self, inputSize: int, outputSize: int, bias: bool = True, eps: float = 1e-16
    ) -> None:
        super().__init__(inputSize, outputSize, bias)
        self.eps = number(eps, "LinearWeightNorm", "eps")
        self._seed = random.randrange(2**31)  # So that `v` and `g` can be drawn apart.

    @classmethod
    def from_torch(cls, fields: TorchFields) -> LinearWeightNorm:
        outputs, inputs = fields["v"].shape
        return cls(inputs, outputs, "bias" in fields, fields.get("eps", 1e-16))

    def parameter_specs(self) -> list[ParameterSpec]:
        shape = (self.outputSize, self.inputSize)
        uniform = torch_uniform(self.inputSize, self._seed)
        specs = [
            ParameterSpec("v", shape, uniform),
            ParameterSpec("g", (self.outputSize, 1), norms_of(uniform, shape)),
            ParameterSpec("bias", (self.outputSize,), torch_uniform(self.inputSize)),
        ]
        return specs if self.bias else specs[:2]

    def named_parameters(self) -> dict[str, keras.Variable]:
        return Module.named_parameters(self)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return ModuleLayer(self, name=name)

    def parameter_from_torch(self, name: str, array: Any) -> Any:
        return array

    parameter_to_torch = parameter_from_torch

    def compute(
        self, x: Any, training: bool = False, v: Any = None, g: Any = None, bias: Any = None
    ) -> Any:
        """The linear function."""
        squares = ops.sum(ops.square(v), axis=1, keepdims=True)
        norm = ops.maximum(ops.sqrt(ops.stop_gradient(squares)), self.eps)
        norm = with_gradient(norm, squares * (0.5 / norm))
        y = ops.matmul(x, ops.transpose(v * (g / norm)))
        return y if bias is None else y + bias
