"""The channels of a tensor as pieces that are widened together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

__all__ = ["Leaf", "Space", "freeze", "index_map", "joined", "leaves", "normal", "size_of", "unify"]


class Leaf:
    """Channels that are widened as one.

    Attributes:
        size: How many there are.
        fixed: Why they cannot be widened, as the end of a sentence; None if they can.
        meaning: The space that these channels turned out to be, once one is found.
    """

    __slots__ = ("fixed", "meaning", "size")

    def __init__(self, size: int, fixed: str | None = None) -> None:
        self.size = size
        self.fixed = fixed
        self.meaning: Space | None = None


Space = tuple[tuple[Leaf, int], ...]
"""Pieces one after another: each channel of the leaf stands so many times in a row."""


def normal(space: Space) -> Space:
    """The space in leaves of which nothing more is known."""
    found: list[tuple[Leaf, int]] = []
    for leaf, each in space:
        if leaf.meaning is None:
            found.append((leaf, each))
        else:
            leaf.meaning = normal(leaf.meaning)
            found += [(inner, times * each) for inner, times in leaf.meaning]
    return tuple(found)


def leaves(space: Space) -> list[Leaf]:
    """The leaves of the space, each once."""
    return list(dict.fromkeys(leaf for leaf, _ in normal(space)))


def size_of(space: Space) -> int:
    """The number of channels."""
    return sum(leaf.size * each for leaf, each in space)


def joined(outer: int, space: Space, each: int = 1) -> Space:
    """``outer`` copies of the space, in which every channel stands `each` times in a row.

    It is what flattening ``(outer, space, each)`` gives.
    """
    fixed = [leaf.fixed for leaf in leaves(space)]
    if all(fixed):  # A flattened image is one piece, not one for each pixel.
        return ((Leaf(outer * size_of(space) * each, fixed[0] if fixed else "is empty"), 1),)
    return tuple((leaf, times * each) for leaf, times in normal(space)) * outer


def freeze(space: Space, reason: str) -> None:
    """Let the channels stay as they are."""
    for leaf in leaves(space):
        leaf.fixed = leaf.fixed or reason


def unify(one: Space, other: Space, reason: str) -> None:
    """Let two spaces of one size be widened alike.

    Leaves are cut where the pieces of the two do not end together.

    Args:
        one: The first.
        other: The second.
        reason: Why what cannot be brought in line stays as it is.
    """
    a, b = normal(one), normal(other)
    while a and b:
        (x, m), (y, n) = a[0], b[0]
        if x is y and m == n:
            a, b = a[1:], b[1:]
            continue
        left, right = x.size * m, y.size * n
        if left == right and m % n == 0:
            _bind(y, ((x, m // n),))
        elif left == right and n % m == 0:
            _bind(x, ((y, n // m),))
        elif left > right and right % m == 0:
            _cut(x, right // m)
        elif right > left and left % n == 0:
            _cut(y, left // n)
        else:
            freeze(a, reason)
            freeze(b, reason)
            return
        a, b = normal(a), normal(b)


def _bind(leaf: Leaf, meaning: Space) -> None:
    leaf.meaning = meaning
    if leaf.fixed:
        freeze(meaning, leaf.fixed)
    # What is a copy of something fixed is fixed itself: its meaning says so.


def _cut(leaf: Leaf, size: int) -> None:
    _bind(leaf, ((Leaf(size), 1), (Leaf(leaf.size - size), 1)))


def index_map(space: Space, maps: Mapping[Leaf, np.ndarray]) -> np.ndarray:
    """Of every new channel, which old one it is a copy of.

    Args:
        space: The channels.
        maps: The same of the leaves that are widened.
    """
    parts: list[np.ndarray] = []
    start = 0
    for leaf, each in normal(space):
        own = maps[leaf] if leaf in maps else np.arange(leaf.size)
        parts.append((start + own[:, None] * each + np.arange(each)).ravel())
        start += leaf.size * each
    return np.concatenate(parts) if parts else np.arange(0)
