"""`nn.Constant`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError
from ..layout import from_torch_axes
from ..origin import caller_origin
from .arguments import integer
from .dimension import one_tensor
from .module import Module
from .torch_fields import TorchFields

__all__ = ["Constant"]


class Constant(Module):
    """A value that does not depend on the input, once for each sample.

    No gradient passes to the input.

    Args:
        value: A number, or an array in Torch's order (planes, height, width).
        nInputDim: How many dimensions a sample has; where the input has more, one value is given
            for each sample, and otherwise `value` alone, whose first dimension is then the batch.
            Default: None, the latter.

    Shapes:
        ``(batch, ...)`` -> ``(batch, *value.shape)``; an image is ``(batch, H, W, planes)``.

    Raises:
        GraphError: `value` does not consist of numbers, or `nInputDim` is not an integer.

    Reference: torch/nn Constant.lua.
    """

    keras_name = "(ops.add)"

    def __init__(self, value: Any, nInputDim: int | None = None) -> None:
        try:
            self._array = np.atleast_1d(np.asarray(value, "float64"))
        except (TypeError, ValueError) as error:
            raise GraphError(
                f"nn.Constant: value must be a number or an array of numbers, got {value!r}, "
                f"{caller_origin()}"
            ) from error
        self.nInputDim = nInputDim
        if nInputDim is not None:
            self.nInputDim = integer(nInputDim, "Constant", "nInputDim", least=0)

    @property
    def value(self) -> list[Any]:
        """The value, as nested lists in Torch's order."""
        return self._array.tolist()

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Constant:
        if not fields.batched:
            return cls(fields["value"], 0)  # A batch of one was made of what Torch was fed.
        return cls(fields["value"], fields.get("nInputDim"))

    def check(self, x: Any) -> None:
        one_tensor(x)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The value, on a tensor of zeros that comes from the input."""
        dtype = keras.backend.standardize_dtype(x.dtype)
        if "float" not in dtype:
            dtype = keras.config.floatx()
        zeros = ops.zeros_like(x, dtype=dtype)
        replicated = self.nInputDim is not None and len(x.shape) > self.nInputDim
        value = self._array[None] if replicated else self._array
        value = value.transpose(from_torch_axes(value.ndim)).astype(dtype)
        if len(x.shape) > 1:
            zeros = ops.sum(zeros, axis=tuple(range(1, len(x.shape))))
        if not replicated:
            return ops.sum(zeros) + value
        return ops.reshape(zeros, (-1, *(1,) * (value.ndim - 1))) + value
