"""`nn.Bilinear`."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..table import is_table
from .arguments import integer
from .initial import torch_uniform
from .module import Module
from .module_layer import ParameterSpec
from .torch_fields import TorchFields

__all__ = ["Bilinear"]


class Bilinear(Module):
    """``y_k = a W_k b' + bias_k`` of a table of two vectors `a` and `b`.

    Parameters start uniform in ``[-1/sqrt(inputSize1), 1/sqrt(inputSize1)]``, as in Torch.

    Args:
        inputSize1: Number of features of `a`.
        inputSize2: Number of features of `b`.
        outputSize: Number of features of the result.
        bias: Whether to add a bias. Default: True.

    Shapes:
        A table of ``(batch, inputSize1)`` and ``(batch, inputSize2)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, it is not fed such a table.

    Reference: torch/nn Bilinear.lua.
    """

    keras_name = "(ops.matmul)"

    def __init__(
        self, inputSize1: int, inputSize2: int, outputSize: int, bias: bool = True
    ) -> None:
        self.inputSize1 = integer(inputSize1, "Bilinear", "inputSize1")
        self.inputSize2 = integer(inputSize2, "Bilinear", "inputSize2")
        self.outputSize = integer(outputSize, "Bilinear", "outputSize")
        self.bias = bool(bias)

    @property
    def _weight_shape(self) -> tuple[int, ...]:
        return (self.outputSize, self.inputSize1, self.inputSize2)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Bilinear:
        outputs, first, second = fields["weight"].shape
        return cls(first, second, outputs, "bias" in fields)

    def parameter_specs(self) -> list[ParameterSpec]:
        weight = ParameterSpec("weight", self._weight_shape, torch_uniform(self.inputSize1))
        bias = ParameterSpec("bias", (self.outputSize,), torch_uniform(self.inputSize1))
        return [weight, bias] if self.bias else [weight]

    def check(self, x: Any) -> None:
        sizes = (self.inputSize1, self.inputSize2)
        fits = is_table(x) and len(x) == 2 and not any(map(is_table, x))
        if not fits or any(
            len(a.shape) != 2 or a.shape[1] not in (None, size)
            for a, size in zip(x, sizes, strict=True)
        ):
            raise ShapeMismatch(
                f"takes a table of two vectors, of {sizes[0]} and {sizes[1]} features",
                expected=f"[(None, {sizes[0]}), (None, {sizes[1]})]",
            )

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        """All outputs of `a` in one product, then those with `b`."""
        a, b = x
        outputs, first, second = self._weight_shape
        flat = ops.reshape(ops.transpose(weight, (1, 0, 2)), (first, outputs * second))
        rows = ops.reshape(ops.matmul(a, flat), (-1, outputs, second))
        y = ops.sum(rows * ops.expand_dims(b, 1), axis=-1)
        return y if bias is None else y + bias
