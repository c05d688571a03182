"""`nn.LookupTable`."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..table import is_table
from .arguments import integer
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope

__all__ = ["VALUE_BELOW", "LookupTable"]

VALUE_BELOW = "of the value below"
"""Where the refusal of compiled code, whose text is fixed, has its value after its end."""


class LookupTable(Module):
    """Rows of a table by their index; becomes `keras.layers.Embedding`.

    Indices count from 1, as in Torch; ``keras.layers.Embedding`` in the same place would count
    from 0. Every index is checked whenever the model runs, compiled or not, on TensorFlow; the
    check keeps Keras from choosing XLA for the model, because XLA drops it. Rows start as
    standard normal numbers, as in Torch.

    Args:
        nIndex: Number of rows, and the largest index.
        nOutput: Length of a row.

    Shapes:
        Integers ``(batch,)`` or ``(batch, time)`` -> ``(batch[, time], nOutput)``.

    Raises:
        GraphError: A size is not a positive integer; when the model runs, an index below 1 or
            above `nIndex` (`tensorflow.errors.InvalidArgumentError` with the same text where
            compiled TensorFlow code runs outside a GModule).

    Reference: torch/nn LookupTable.lua.
    """

    keras_name = "Embedding"
    input_dtype = "int32"
    supports_jit = False

    def __init__(self, nIndex: int, nOutput: int) -> None:
        self.nIndex = integer(nIndex, "LookupTable", "nIndex")
        self.nOutput = integer(nOutput, "LookupTable", "nOutput")
        self._where = "nn.LookupTable"

    def check(self, x: Any) -> None:
        if is_table(x):
            raise ShapeMismatch("takes one tensor of indices", expected=(None, None))

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        self._where = scope.where
        if scope.stock:
            rows = ops.subtract(ops.cast(x, "int32"), 1)
        else:
            rows = self.apply_layer(
                x, scope, lambda name: ModuleLayer(self, name=name), key="index", suffix="_index"
            )
        return self.apply_layer(rows, scope)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        normal = keras.initializers.RandomNormal(stddev=1.0)
        return keras.layers.Embedding(
            self.nIndex, self.nOutput, embeddings_initializer=normal, name=name
        )

    def compute(self, x: Any, training: bool = False) -> Any:
        """Indices from 1 to row numbers from 0, each checked."""
        x = ops.cast(x, "int32")
        if keras.backend.backend() == "tensorflow":
            return self._checked_in_tensorflow(x) - 1
        try:
            values = np.asarray(x)
        except Exception:  # Traced by JAX or symbolic: there are no values to look at.
            return x - 1
        self._refuse(values)
        return x - 1

    def _checked_in_tensorflow(self, x: Any) -> Any:
        import tensorflow as tf

        if tf.executing_eagerly():
            self._refuse(x.numpy())
            return x
        low, high = tf.reduce_min(x), tf.reduce_max(x)
        # Named apart, because a batch may be empty: then there is no least and no largest.
        fine = tf.logical_or(tf.equal(tf.size(x), 0), tf.logical_and(low >= 1, high <= self.nIndex))
        wrong = tf.where(low < 1, low, high)
        check = tf.debugging.Assert(fine, [self._refusal(VALUE_BELOW), wrong])
        with tf.control_dependencies([check] if check is not None else []):
            return tf.identity(x)

    def _refuse(self, values: np.ndarray) -> None:
        wrong = values[(values < 1) | (values > self.nIndex)]
        if wrong.size:
            raise GraphError(self._refusal(str(wrong.flat[0])))

    def _refusal(self, index: str) -> str:
        return (
            f"{self._where}: index {index} is outside the table of {self.nIndex} rows\n"
            f"  fix: indices count from 1 to {self.nIndex}, as in Torch"
        )

    def named_parameters(self) -> dict[str, keras.Variable]:
        return {"weight": self.built_layer((None,)).embeddings}
