"""How far, or how alike, a sample is to learnt vectors: `Cosine`, `Euclidean` and its twin."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from .arguments import integer
from .initial import torch_uniform
from .module import Module, Shape
from .module_layer import ParameterSpec
from .surrogate import root
from .torch_fields import TorchFields

__all__ = ["Cosine", "Euclidean", "WeightedEuclidean"]


class _Templates(Module):
    def __init__(self, inputSize: int, outputSize: int) -> None:
        self.inputSize = integer(inputSize, self.torch_name, "inputSize")
        self.outputSize = integer(outputSize, self.torch_name, "outputSize")

    def input_size(self) -> Shape:
        return (self.inputSize,)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 2 or x.shape[-1] not in (None, self.inputSize):
            raise ShapeMismatch(
                f"takes samples of {self.inputSize} features", expected=(None, self.inputSize)
            )


class Cosine(_Templates):
    """``y_j = w_j . x / (|w_j| |x|)``, the cosine between a sample and each learnt vector.

    Both norms have 1e-12 added. Vectors start uniform in
    ``[-1/sqrt(outputSize), 1/sqrt(outputSize)]``, as in Torch.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of learnt vectors.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input has another size.

    Reference: torch/nn Cosine.lua.
    """

    keras_name = "(ops.matmul)"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Cosine:
        outputs, inputs = fields["weight"].shape
        return cls(inputs, outputs)

    def parameter_specs(self) -> list[ParameterSpec]:
        uniform = torch_uniform(self.outputSize)
        return [ParameterSpec("weight", (self.outputSize, self.inputSize), uniform)]

    def compute(self, x: Any, training: bool = False, weight: Any = None) -> Any:
        """The cosines."""
        own, its = (
            root(ops.sum(ops.square(v), axis=1, keepdims=True), 1e-12) + 1e-12 for v in (weight, x)
        )
        return ops.matmul(x, ops.transpose(weight)) / ops.transpose(own) / its


class Euclidean(_Templates):
    """``y_j = |w_j - x|``, the distance between a sample and each learnt vector.

    In the gradient the distance has 1e-7 added, as in Torch. Vectors start uniform in
    ``[-1/sqrt(inputSize), 1/sqrt(inputSize)]``.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of learnt vectors.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input has another size.

    Reference: torch/nn Euclidean.lua.
    """

    keras_name = "(ops.subtract, ops.sum)"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Euclidean:
        return cls(*fields["weight"].shape)

    def parameter_specs(self) -> list[ParameterSpec]:
        uniform = torch_uniform(self.inputSize)
        return [ParameterSpec("weight", (self.inputSize, self.outputSize), uniform)]

    def compute(self, x: Any, training: bool = False, weight: Any = None) -> Any:
        """The distances."""
        return _length(_differences(x, weight))


class WeightedEuclidean(_Templates):
    """``y_j = |c_j (w_j - x)|``, a distance with a learnt factor for each feature.

    Parameters are `weight` and `diagCov`, the factors, which start with 1. Otherwise as
    `Euclidean`.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of learnt vectors.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input has another size.

    Reference: torch/nn WeightedEuclidean.lua.
    """

    keras_name = "(ops.subtract, ops.sum)"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> WeightedEuclidean:
        return cls(*fields["weight"].shape)

    def parameter_specs(self) -> list[ParameterSpec]:
        shape = (self.inputSize, self.outputSize)
        weight = ParameterSpec("weight", shape, torch_uniform(self.inputSize))
        return [weight, ParameterSpec("diagCov", shape, "ones")]

    def compute(
        self, x: Any, training: bool = False, weight: Any = None, diagCov: Any = None
    ) -> Any:
        """The distances."""
        return _length(_differences(x, weight) * diagCov)


def _differences(x: Any, weight: Any) -> Any:
    return ops.expand_dims(x, -1) - weight


def _length(vectors: Any) -> Any:
    return root(ops.sum(ops.square(vectors), axis=1), 1e-7)
