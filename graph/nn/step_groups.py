"""Dense layers of a cell that are one product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from ..calls import Call

__all__ = ["Group", "grouped", "is_dense"]

_L = keras.layers


class Group(NamedTuple):
    """Dense layers with the same input, which are one product.

    Attributes:
        dense: Their calls.
        part: The number of the sequence that they take, whose product is taken before the loop;
            None if they take what the loop makes.
        sums: Where each result is added to that of one of another such sequence's layers and read
            nowhere else, the additions; else nothing.
        ahead: The number of the group of those layers.
    """

    dense: list[Call]
    part: int | None
    sums: list[Call]
    ahead: int | None = None

    def part_of(self, parts: Sequence[Any]) -> Any:
        """The sequence that they take."""
        assert self.part is not None
        return parts[self.part]

    def kernel(self) -> Any:
        """All kernels, side by side."""
        return _joined([call.operation.kernel for call in self.dense])

    @property
    def biased(self) -> bool:
        """Whether a layer has a bias."""
        return any(call.operation.use_bias for call in self.dense)

    def bias(self) -> Any:
        """All biases, zeros where there is none."""
        return _joined([_bias(call.operation) for call in self.dense])

    @property
    def taken(self) -> Any:
        """The symbolic tensor that they take."""
        return self.dense[0].inputs[0]

    @property
    def results(self) -> list[Call]:
        """The calls that the parts of the product are the results of."""
        return self.sums or self.dense


def grouped(
    inputs: Sequence[Any], calls: Sequence[Call], outputs: Sequence[Any], states: int
) -> list[Group]:
    """The products of a cell, in the order in which it comes to need them.

    Args:
        inputs: Its inputs, one step of each sequence and then the states.
        calls: What it calls.
        outputs: Its outputs.
        states: How many states there are.
    """
    sequences = {id(t): i for i, t in enumerate(inputs[: len(inputs) - states])}
    by_input: dict[int, list[Call]] = {}
    for call in filter(is_dense, calls):
        by_input.setdefault(id(call.inputs[0]), []).append(call)
    readers: dict[int, list[Call | None]] = {id(t): [None] for t in outputs}
    for call in calls:
        for t in call.inputs:
            readers.setdefault(id(t), []).append(call)
    makers = {id(t): call for call in calls for t in call.outputs}

    def summed(call: Call) -> tuple[Call, Call] | None:
        """The addition that alone reads a Dense layer's result, and what made its other part."""
        (result,) = call.outputs
        reader, *others = readers[id(result)]
        plain = call.operation.activation is keras.activations.linear
        if others or not plain or reader is None or type(reader.operation) is not _L.Add:
            return None
        made = [makers.get(id(t)) for t in reader.inputs if t is not result]
        if len(made) != 1 or made[0] is None or made[0].outputs[0].shape != result.shape:
            return None
        return reader, made[0]

    groups = [Group(dense, sequences.get(first), []) for first, dense in by_input.items()]
    order = {id(call): i for i, call in enumerate(calls)}
    groups.sort(key=lambda group: order[id(group.dense[0])])
    number = {id(call): k for k, group in enumerate(groups) for call in group.dense}
    for k, group in enumerate(groups):
        pairs = [pair for pair in map(summed, group.dense) if pair is not None]
        partners = {number.get(id(partner)) for _, partner in pairs}
        if group.part is not None or len(pairs) < len(group.dense) or len(partners) != 1:
            continue
        (e,) = partners
        if e is None or groups[e].part is None or len(groups[e].dense) != len(pairs):
            continue
        if all(summed(partner) is not None for _, partner in pairs):
            groups[e] = groups[e]._replace(dense=[partner for _, partner in pairs])
            groups[k] = group._replace(sums=[addition for addition, _ in pairs], ahead=e)
    return groups


def is_dense(call: Call) -> bool:
    """Whether a call is a product of vectors and a kernel."""
    return type(call.operation) is _L.Dense and len(call.inputs[0].shape) == 2


def _joined(tensors: list[Any]) -> Any:
    tensors = list(map(ops.convert_to_tensor, tensors))
    return tensors[0] if len(tensors) == 1 else ops.concatenate(tensors, axis=-1)


def _bias(layer: Any) -> Any:
    return layer.bias if layer.use_bias else ops.zeros((layer.units,), layer.compute_dtype)
