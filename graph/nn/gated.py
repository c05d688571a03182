"""Modules in which features compete or open each other: `GatedLinearUnit` and `Maxout`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..layout import keras_axis
from .arguments import integer
from .container import Container
from .dimension import one_tensor
from .linear import Linear
from .module import Module, Shape
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["GatedLinearUnit", "Maxout"]


class GatedLinearUnit(Module):
    """First half of a dimension times the sigmoid of its second half.

    Args:
        dim: Dimension of one sample, from 1 in Torch's order, the batch not counted; negative
            counts from the end. Default: the last one.

    Shapes:
        ``(batch, ..., 2n, ...)`` -> ``(batch, ..., n, ...)``.

    Raises:
        GraphError: `dim` is not an integer; at lowering, there is no such dimension, or its size
            is odd or not known.

    Reference: Dauphin et al. 2017, arXiv:1612.08083; torch/nn GatedLinearUnit.lua.
    """

    keras_name = "(ops.split, ops.sigmoid)"

    def __init__(self, dim: int | None = None) -> None:
        self.dim = None if dim is None else integer(dim, "GatedLinearUnit", "dim", least=None)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> GatedLinearUnit:
        return cls(fields.dimension("dim") if "dim" in fields else None)

    def _axis(self, x: Any) -> int:
        return keras_axis(-1 if self.dim is None else self.dim, len(x.shape))

    def check(self, x: Any) -> None:
        one_tensor(x)
        size = x.shape[self._axis(x)]
        if size is None or size % 2:
            raise ShapeMismatch(
                f"halves axis {self._axis(x)}, whose size is "
                f"{'not known' if size is None else size}",
                fix="feed it an even size" if size else "state it with graph.Input(shape)",
            )

    def compute(self, x: Any, training: bool = False) -> Any:
        """The first half, gated."""
        first, second = ops.split(x, 2, axis=self._axis(x))
        return first * ops.sigmoid(second)


class Maxout(Container):
    """The largest of `maxoutNumber` linear functions, for each of `outputSize` outputs.

    Becomes `keras.layers.Dense`, `keras.layers.Reshape` and `keras.layers.GlobalMaxPooling1D`.

    Args:
        inputSize: Number of features of one sample.
        outputSize: Number of features of the result.
        maxoutNumber: How many linear functions compete for each.
        preprocess: A module that works on them, ``(batch, maxoutNumber, outputSize)``, before the
            largest is taken. Default: None.

    Shapes:
        ``(batch, inputSize)`` -> ``(batch, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer, or `preprocess` is no module; at lowering,
            the input has another size.

    Reference: Goodfellow et al. 2013, arXiv:1302.4389; torch/nn Maxout.lua.
    """

    keras_name = "Dense, Reshape, GlobalMaxPooling1D"

    def __init__(
        self, inputSize: int, outputSize: int, maxoutNumber: int, preprocess: Any = None
    ) -> None:
        self.inputSize = integer(inputSize, "Maxout", "inputSize")
        self.outputSize = integer(outputSize, "Maxout", "outputSize")
        self.maxoutNumber = integer(maxoutNumber, "Maxout", "maxoutNumber")
        linear = Linear(self.inputSize, self.outputSize * self.maxoutNumber)
        super().__init__(*(m for m in (linear, preprocess) if m is not None))

    def get_config(self) -> dict[str, Any]:
        names = ("inputSize", "outputSize", "maxoutNumber")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        parts = [*self.get_config().values(), *self.modules[1:]]
        return f"nn.Maxout({', '.join(map(repr, parts))})"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Maxout:
        module = cls(**config)
        module.modules.clear()  # The graph's own config brings them back.
        return module

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Maxout:
        linear, view, *preprocess = (fields.convert(child) for child in fields["modules"][:-1])
        number, outputs = view.sizes
        module = cls(linear.inputSize, outputs, number, *preprocess)
        module.modules[0] = linear
        return module

    def input_size(self) -> Shape:
        return (self.inputSize,)

    def lower(self, x: Any, scope: Scope) -> Any:
        x = self.lower_child(0, x, scope)
        sizes = (self.maxoutNumber, self.outputSize)
        x = self.apply_layer(
            x,
            scope,
            lambda name: keras.layers.Reshape(sizes, name=name),
            key="view",
            suffix="_view",
        )
        if len(self.modules) > 1:
            x = self.lower_child(1, x, scope)
        pooling = keras.layers.GlobalMaxPooling1D
        return self.apply_layer(
            x, scope, lambda name: pooling(data_format="channels_last", name=name), key="max"
        )
