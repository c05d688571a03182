"""`nn.PartialLinear`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .arguments import integer
from .module import Module, Shape
from .module_layer import ParameterSpec
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["PartialLinear"]


class PartialLinear(Module):
    """`Linear` of which only some outputs are worked out at a time.

    The weight starts normal, as that of a `LookupTable`, and the bias with 0, as in Torch.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of features of the whole result.
        bias: Whether to add a bias. Default: True.
        partition: Which outputs to give, from 1, as `setPartition`. Default: None, all.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``, or as many as `partition` names.

    Raises:
        GraphError: A size is not a positive integer, or an index not between 1 and `outputSize`;
            at lowering, the input has another size.

    Reference: torch/nn PartialLinear.lua.
    """

    keras_name = "(ops.matmul)"

    def __init__(
        self,
        inputSize: int,
        outputSize: int,
        bias: bool = True,
        *,
        partition: Sequence[int] | None = None,
    ) -> None:
        self.inputSize = integer(inputSize, "PartialLinear", "inputSize")
        self.outputSize = integer(outputSize, "PartialLinear", "outputSize")
        self.bias = bool(bias)
        self.partition: list[int] | None = None
        if partition is not None:
            self.setPartition(partition)

    def setPartition(self, indices: Sequence[int]) -> None:
        """Give only these outputs from now on. A model takes it over at ``rebuild()``.

        Args:
            indices: Which, from 1.

        Raises:
            GraphError: One is not an integer from 1 to `outputSize`.
        """
        chosen = [integer(i, "PartialLinear", "index") for i in np.ravel(indices).tolist()]
        if chosen and max(chosen) > self.outputSize:
            raise GraphError(
                f"nn.PartialLinear: index {max(chosen)} is above outputSize {self.outputSize} "
                f"({caller_origin()})"
            )
        self.partition = chosen

    def resetPartition(self) -> None:
        """Give all outputs from now on. A model takes it over at ``rebuild()``."""
        self.partition = None

    def input_size(self) -> Shape:
        return (self.inputSize,)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 2 or x.shape[-1] not in (None, self.inputSize):
            raise ShapeMismatch(
                f"takes samples of {self.inputSize} features", expected=(None, self.inputSize)
            )

    def parameter_specs(self) -> list[ParameterSpec]:
        normal = keras.initializers.RandomNormal(stddev=1.0)
        weight = ParameterSpec("weight", (self.outputSize, self.inputSize), normal)
        bias = ParameterSpec("bias", (1, self.outputSize), "zeros")
        return [weight, bias] if self.bias else [weight]

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        """The chosen outputs."""
        if self.partition is not None:
            rows = [index - 1 for index in self.partition]
            weight = ops.take(weight, rows, axis=0)
            bias = None if bias is None else ops.take(bias, rows, axis=1)
        y = ops.matmul(x, ops.transpose(weight))
        return y if bias is None else y + bias

    @classmethod
    def from_torch(cls, fields: TorchFields) -> PartialLinear:
        inputs, outputs = fields.integer("inputsize"), fields.integer("outputsize")
        partition = np.asarray(fields.get("partition", range(1, outputs + 1))).astype(int).tolist()
        whole = partition == list(range(1, outputs + 1))
        return cls(inputs, outputs, "bias" in fields, partition=None if whole else partition)

    def load_torch(self, fields: TorchFields) -> None:
        try:
            weight = fields["network"]["modules"][0]["modules"][1]["weight"]
        except (KeyError, IndexError, TypeError) as error:
            raise UnsupportedTorch(f"{fields.class_name} has no parameter 'weight'") from error
        for name, variable in self.named_parameters().items():
            array = weight if name == "weight" else fields["bias"]
            self.assign_torch(fields, name, variable, array)
