"""What `nn.LookupTable` does to rows besides looking them up."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from .module import Module
from .surrogate import with_gradient

__all__ = ["RenormalizedEmbedding", "Rows"]


class Rows(Module):
    """Rows of a table as they come out, with the gradient that the table is to get.

    Args:
        count: Number of rows of the table.
        padding: Number of a row, from 0, that gets no gradient; any other number for none.
        max_norm: The largest norm of a row; None for any. The gradient does not know of it.
        norm_type: Which norm.
        by_frequency: Whether gradients are divided by how often their row is looked up.
    """

    def __init__(
        self,
        count: int,
        *,
        padding: int = -1,
        max_norm: float | None = None,
        norm_type: float = 2,
        by_frequency: bool = False,
    ) -> None:
        self.count = count
        self.padding = padding
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.by_frequency = by_frequency

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to do."""
        padded = 0 <= self.padding < self.count
        return padded or self.max_norm is not None or self.by_frequency

    def compute(self, x: Any, training: bool = False) -> Any:
        """The rows; `x` is a table of their numbers, from 0, and the rows themselves."""
        numbers, rows = x
        if self.max_norm is not None:
            rows = with_gradient(shortened(rows, self.max_norm, self.norm_type), rows)
        if self.by_frequency:
            often = ops.take(how_often(numbers, self.count, rows.dtype), numbers, axis=0)
            rows = with_gradient(rows, rows / ops.expand_dims(often, -1))
        if 0 <= self.padding < self.count:
            padded = ops.expand_dims(ops.equal(numbers, self.padding), -1)
            rows = ops.where(padded, ops.stop_gradient(rows), rows)
        return rows


@keras.saving.register_keras_serializable(package="nngraph")
class RenormalizedEmbedding(keras.layers.Embedding):
    """An Embedding that shortens the rows that are looked up, in the table itself.

    Args:
        *args: As of `keras.layers.Embedding`.
        max_norm: The largest norm of a row.
        norm_type: Which norm.
        **kwargs: As of `keras.layers.Embedding`.
    """

    def __init__(self, *args: Any, max_norm: float, norm_type: float = 2, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.max_norm = max_norm
        self.norm_type = norm_type

    def call(self, inputs: Any) -> Any:
        """The rows, after shortening."""
        table = ops.convert_to_tensor(self.embeddings)
        used = ops.expand_dims(how_often(inputs, self.input_dim, "int32") > 0, -1)
        short = ops.where(used, shortened(table, self.max_norm, self.norm_type), table)
        # On JAX what is assigned is what the gradient goes through.
        self.embeddings.assign(with_gradient(short, table))
        return super().call(inputs)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        own = {"max_norm": self.max_norm, "norm_type": self.norm_type}
        return {**super().get_config(), **own}


def how_often(numbers: Any, count: int, dtype: Any) -> Any:
    """How often each of `count` row numbers stands in `numbers`."""
    flat = ops.reshape(numbers, (-1, 1))
    return ops.scatter(flat, ops.ones_like(flat[:, 0], dtype=dtype), (count,))


def shortened(rows: Any, max_norm: float, norm_type: float) -> Any:
    """`rows`, each divided so that its norm does not exceed `max_norm`."""
    size = ops.abs(rows)
    if norm_type == 1:
        norm = ops.sum(size, axis=-1, keepdims=True)
    elif norm_type == 2:
        norm = ops.sqrt(ops.sum(ops.square(size), axis=-1, keepdims=True))
    else:
        norm = ops.sum(ops.power(size, norm_type), axis=-1, keepdims=True)
        norm = ops.power(norm, 1 / norm_type)
    return ops.where(norm > max_norm, rows * (max_norm / (norm + 1e-7)), rows)
