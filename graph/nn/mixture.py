"""`nn.MixtureTable`."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..layout import axes_after_removal, keras_axis
from ..table import is_table
from .arguments import integer
from .arithmetic import check_equal_shapes
from .dimension import permuted
from .module import Module
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["MixtureTable"]


class MixtureTable(Module):
    """Experts added up, each times its gate: ``sum_i gate[i] * expert[i]``.

    Args:
        dim: Where the experts of one tensor stand: dimension of one sample, from 1 in Torch's
            order, the batch not counted. Without effect on a table of experts. Default: 1.

    Shapes:
        A table of gates ``(batch, n)`` and experts: a table of `n` tensors ``(batch, ...)``, or
        one tensor ``(batch, ..., n, ...)`` -> ``(batch, ...)``.

    Raises:
        GraphError: `dim` is not a positive integer; at lowering, it is not fed gates and as many
            experts.

    Reference: torch/nn MixtureTable.lua.
    """

    keras_name = "(ops.sum of products)"

    def __init__(self, dim: int = 1) -> None:
        self.dim = integer(dim, "MixtureTable", "dim")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> MixtureTable:
        # Torch writes into dim what it works with: 1 for single samples, else 2 or more.
        if "dim" not in fields:
            return cls()
        if fields.integer("dim") == 1 and fields.batched:
            raise UnsupportedTorch(
                f"{fields.class_name} works along dimension 1, so it was fed single samples; load "
                f"it as such (batched=False)"
            )
        return cls(fields.dimension("dim"))

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 2 or is_table(x[0]) or len(x[0].shape) != 2:
            raise ShapeMismatch(
                "takes a table of gates and experts", expected="[(None, n), experts]"
            )
        gates, experts = x
        if is_table(experts):
            check_equal_shapes(experts)
            count = len(experts)
        else:
            count = experts.shape[keras_axis(self.dim, len(experts.shape))]
        if count != gates.shape[1] and None not in (count, gates.shape[1]):
            raise ShapeMismatch(
                f"takes one gate for each expert: {gates.shape[1]} gates for {count} experts"
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The mixture."""
        gates, experts = x
        if is_table(experts):
            ones = [1] * (len(experts[0].shape) - 1)
            terms = [
                ops.reshape(gates[:, i : i + 1], (-1, *ones)) * expert
                for i, expert in enumerate(experts)
            ]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            return total
        rank = len(experts.shape)
        axis = keras_axis(self.dim, rank)
        for other in range(1, rank):
            if other != axis:
                gates = ops.expand_dims(gates, other)
        total = ops.sum(gates * experts, axis=axis)
        return permuted(total, axes_after_removal(rank, axis))
