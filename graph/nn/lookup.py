"""`nn.LookupTable`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .arguments import integer, number
from .lookup_rows import RenormalizedEmbedding, Rows
from .module import Module
from .module_layer import ModuleLayer
from .runtime_check import checked_indices
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["LookupTable"]


class LookupTable(Module):
    """Rows of a table by their index; becomes `keras.layers.Embedding`.

    Indices count from 1, as in Torch; ``keras.layers.Embedding`` in the same place would count
    from 0. Every index is checked whenever the model runs, compiled or not, on TensorFlow; the
    check keeps Keras from choosing XLA for the model, because XLA drops it. Rows start as
    standard normal numbers, as in Torch.

    Args:
        nIndex: Number of rows, and the largest index.
        nOutput: Length of a row.
        paddingValue: An index whose row gets no gradient; 0, or any that is no row, for none.
            Default: 0.
        maxNorm: The largest norm of a row. As in Torch, a row that is looked up, in training or
            not, is shortened to it in the table itself first. (JAX, where a model cannot write to
            its parameters while it runs, shortens only what is given.) Default: None, any norm.
        normType: Which norm, the p of ``(sum |w|^p)^(1/p)``. Default: None, 2.
        shouldScaleGradByFreq: Whether the gradient of a row is divided by how often its index
            stands in the input, as after `scaleGradByFreq`. Default: False.

    Shapes:
        Integers ``(batch,)`` or ``(batch, time)`` -> ``(batch[, time], nOutput)``.

    Raises:
        GraphError: A size is not a positive integer, or another argument not of its kind; when
            the model runs, an index below 1 or above `nIndex`
            (`tensorflow.errors.InvalidArgumentError` with the same text where compiled TensorFlow
            code runs outside a GModule).

    Reference: torch/nn LookupTable.lua, THNN LookupTable.c.
    """

    keras_name = "Embedding"
    input_dtype = "int32"
    supports_jit = False

    def __init__(
        self,
        nIndex: int,
        nOutput: int,
        paddingValue: int = 0,
        maxNorm: float | None = None,
        normType: float | None = None,
        *,
        shouldScaleGradByFreq: bool = False,
    ) -> None:
        self.nIndex = integer(nIndex, "LookupTable", "nIndex")
        self.nOutput = integer(nOutput, "LookupTable", "nOutput")
        self.shouldScaleGradByFreq = bool(shouldScaleGradByFreq)
        self.setPadding(paddingValue)
        self.setMaxNorm(maxNorm)
        self.setNormType(normType)
        self._where = "nn.LookupTable"

    # -- Torch's setters; a model takes a change over at ``rebuild()`` --------------------------

    def setPadding(self, paddingValue: int) -> LookupTable:
        """Set `paddingValue`; returns the module itself.

        Raises:
            GraphError: It is not an integer.
        """
        self.paddingValue = integer(paddingValue, "LookupTable", "paddingValue", least=None)
        return self

    def setMaxNorm(self, maxNorm: float | None) -> LookupTable:
        """Set `maxNorm`; returns the module itself. In time: before a model is made.

        Raises:
            GraphError: It is neither None nor a number of at least 0.
        """
        given = maxNorm if maxNorm is None else number(maxNorm, "LookupTable", "maxNorm", least=0)
        self.maxNorm: float | None = given
        return self

    def setNormType(self, normType: float | None) -> LookupTable:
        """Set `normType`; returns the module itself. In time: before a model is made.

        Raises:
            GraphError: It is neither None nor a number above 0.
        """
        given = normType if normType is None else number(normType, "LookupTable", "normType")
        self.normType: float | None = given
        if given is not None and given <= 0:
            raise GraphError(
                f"nn.LookupTable: normType must be above 0, got {normType} ({caller_origin()})"
            )
        return self

    def scaleGradByFreq(self) -> LookupTable:
        """Set `shouldScaleGradByFreq`; returns the module itself."""
        self.shouldScaleGradByFreq = True
        return self

    @classmethod
    def from_torch(cls, fields: TorchFields) -> LookupTable:
        # dpnn and old versions of nn keep no sizes, and no options that they do not have.
        return cls(
            *fields["weight"].shape,
            paddingValue=fields.get("paddingValue", 0),
            maxNorm=fields.get("maxNorm"),
            normType=fields.get("normType"),
            shouldScaleGradByFreq=fields.get("shouldScaleGradByFreq", False),
        )

    # -- becoming Keras layers ----------------------------------------------------------------

    def check(self, x: Any) -> None:
        if is_table(x):
            raise ShapeMismatch("takes one tensor of indices", expected=(None, None))

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        self._where = scope.where
        if scope.stock:
            indices = ops.subtract(ops.cast(x, "int32"), 1)
        else:
            indices = self.apply_layer(
                x, scope, lambda name: ModuleLayer(self, name=name), key="index", suffix="_index"
            )
        rows = Rows(
            self.nIndex,
            padding=self.paddingValue - 1,
            max_norm=self.maxNorm,
            norm_type=self.normType or 2,
            by_frequency=self.shouldScaleGradByFreq,
        )
        if not rows.changes_anything:
            return self._table(indices, scope, "")
        return self.apply_layer(
            [indices, self._table(indices, scope, "_table")],
            scope,
            lambda name: ModuleLayer(rows, name=name),
            key=repr(rows),
        )

    def _table(self, indices: Any, scope: Scope, suffix: str) -> Any:
        if not scope.stock or self.maxNorm is None:
            return self.apply_layer(indices, scope, suffix=suffix)
        return self.apply_layer(indices, scope, self._stock_table, key="stock table", suffix=suffix)

    def _stock_table(self, name: str) -> keras.layers.Layer:
        table = keras.layers.Embedding(self.nIndex, self.nOutput, name=name)
        table.build((None,))
        table.set_weights([self.named_parameters()["weight"].numpy()])
        return table

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        normal = keras.initializers.RandomNormal(stddev=1.0)
        if self.maxNorm is None:
            return keras.layers.Embedding(
                self.nIndex, self.nOutput, embeddings_initializer=normal, name=name
            )
        return RenormalizedEmbedding(
            self.nIndex,
            self.nOutput,
            embeddings_initializer=normal,
            max_norm=self.maxNorm,
            norm_type=self.normType or 2,
            name=name,
        )

    def compute(self, x: Any, training: bool = False) -> Any:
        """Indices from 1 to row numbers from 0, each checked."""
        x = ops.cast(x, "int32")
        return checked_indices(x, self.nIndex, self._where, f"the table of {self.nIndex} rows") - 1

    def named_parameters(self) -> dict[str, keras.Variable]:
        return {"weight": self.built_layer((None,)).embeddings}
