"""`nn.SparseLinear`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..table import is_table
from .arguments import integer, number
from .initial import torch_uniform
from .module import Module
from .module_layer import ParameterSpec
from .runtime_check import checked_indices
from .scope import Scope
from .surrogate import with_added_gradient
from .torch_fields import TorchFields

__all__ = ["SparseLinear"]


class SparseLinear(Module):
    """`Linear` of sparse samples, each a list of pairs of an index and a value.

    Indices count from 1, as in Torch, and are checked as by `LookupTable`; where the value is 0
    the index does not matter, so that samples may be filled up with zeros. The weight starts as
    that of `Linear`, the bias a million times smaller.

    Args:
        inputSize: Number of features, and the largest index.
        outputSize: Number of features of the result.
        doGradInput: Whether the values get a gradient (in Torch it is dense, here that of the
            given values; indices have none). Default: False.
        weightDecay: What times the weight each backward adds to its gradient, as Torch's field of
            this name says; not after `to_keras`. Default: 0.

    Shapes:
        ``(batch, pairs, 2)`` -> ``(batch, outputSize)``; a table of n of these, which may differ
        in the number of pairs -> ``(batch, n, outputSize)``. Without a batch, as Torch takes it:
        one sample ``(pairs, 2)`` -> ``(outputSize,)``, and a table of n -> ``(n, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, it is fed something else; when
            the model runs, an index below 1 or above `inputSize` stands by a value.

    Reference: torch/nn SparseLinear.lua.
    """

    keras_name = "(ops.take, ops.sum)"
    supports_jit = False

    def __init__(
        self,
        inputSize: int,
        outputSize: int,
        doGradInput: bool = False,
        *,
        weightDecay: float = 0,
    ) -> None:
        self.inputSize = integer(inputSize, "SparseLinear", "inputSize")
        self.outputSize = integer(outputSize, "SparseLinear", "outputSize")
        self.doGradInput = bool(doGradInput)
        self.weightDecay = number(weightDecay, "SparseLinear", "weightDecay")
        self._where = "nn.SparseLinear"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SparseLinear:
        outputs, inputs = fields["weight"].shape
        decay = fields.get("weightDecay", 0)
        return cls(inputs, outputs, fields.get("doGradInput", False), weightDecay=decay)

    def parameter_specs(self) -> list[ParameterSpec]:
        limit = 1e-6 / self.inputSize**0.5
        small = keras.initializers.RandomUniform(-limit, limit)
        return [
            ParameterSpec(
                "weight", (self.outputSize, self.inputSize), torch_uniform(self.inputSize)
            ),
            ParameterSpec("bias", (self.outputSize,), small),
        ]

    def check(self, x: Any) -> None:
        leaves = x if is_table(x) else [x]
        ranks = {None if is_table(leaf) else len(leaf.shape) for leaf in leaves}
        for leaf in leaves:
            if ranks not in ({2}, {3}) or leaf.shape[-1] not in (None, 2):
                raise ShapeMismatch(
                    "takes samples that are pairs of an index and a value",
                    expected="(None, None, 2), or a table of them",
                )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        self._where = scope.where
        return self.apply_layer(x, scope)

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        """The sum of the columns of the weight that the pairs name, each times its value."""
        if self.weightDecay:
            weight = with_added_gradient(weight, lambda w: self.weightDecay * w)
        columns = ops.transpose(weight)
        if is_table(x):
            return ops.stack([self._one(sample, columns) for sample in x], axis=-2) + bias
        return self._one(x, columns) + bias

    def _one(self, pairs: Any, columns: Any) -> Any:
        if not self.doGradInput:
            pairs = ops.stop_gradient(pairs)
        values = pairs[..., 1:]
        indices = ops.where(ops.equal(pairs[..., 1], 0), 1, ops.cast(pairs[..., 0], "int32"))
        if not isinstance(indices, keras.KerasTensor):
            what = f"the {self.inputSize} features"
            indices = checked_indices(indices, self.inputSize, self._where, what)
        return ops.sum(ops.take(columns, indices - 1, axis=0) * values, axis=-2)
