"""Torch's dimensions and Keras's axes: the one place that knows how they map.

A tensor of rank 4 or more (batch included) holds Torch's first per-sample dimension, the planes,
in its last axis; tensors of lower rank are laid out as in Torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from .errors import ShapeMismatch

__all__ = ["axes_after_removal", "from_torch_axes", "keras_axis", "to_torch_axes", "torch_shape"]


def keras_axis(dimension: int, rank: int) -> int:
    """The Keras axis of a Torch dimension.

    Args:
        dimension: Per-sample dimension in Torch's order, from 1; negative counts from the end.
        rank: Rank of the Keras tensor, batch included.

    Returns:
        The axis, between 1 and ``rank - 1``.

    Raises:
        ShapeMismatch: There is no such dimension.
    """
    per_sample = rank - 1
    d = dimension if dimension > 0 else per_sample + 1 + dimension
    if not 1 <= d <= per_sample:
        raise ShapeMismatch(
            f"has no dimension {dimension} here: a sample has {per_sample}",
            fix="count the dimensions of one sample from 1, the batch not counted",
        )
    if rank < 4:
        return d
    return rank - 1 if d == 1 else d - 1


def to_torch_axes(rank: int) -> list[int]:
    """The permutation that takes a Keras tensor of this rank into Torch's order."""
    return list(range(rank)) if rank < 4 else [0, rank - 1, *range(1, rank - 1)]


def from_torch_axes(rank: int) -> list[int]:
    """The permutation that takes a tensor in Torch's order into Keras's."""
    return list(range(rank)) if rank < 4 else [0, *range(2, rank), 1]


def torch_shape(shape: Sequence[int | None]) -> tuple[int | None, ...]:
    """A Keras tensor's shape, batch included, in Torch's order."""
    return tuple(shape[axis] for axis in to_torch_axes(len(shape)))


def axes_after_removal(rank: int, axis: int) -> list[int]:
    """How to transpose what is left when `axis` of a Keras tensor of this rank disappears.

    The rest must be laid out as the rule above says for a tensor of one rank less.
    """
    left = [a for a in to_torch_axes(rank) if a != axis]
    wanted = [left[a] for a in from_torch_axes(rank - 1)]
    present = [a for a in range(rank) if a != axis]
    return [present.index(a) for a in wanted]
