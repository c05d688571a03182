"""Room on the Python stack for graphs deeper than Keras can walk.

Keras walks a graph recursively while it builds a Functional model, one Python frame for each
layer of depth, so that about 1,000 chained layers overflow the default limit. Since Python 3.11
a call from Python to Python takes no C stack, which makes raising the limit safe.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["deep_recursion"]

# Keras takes one frame a node today; the rest leaves room for a wrapper around each call.
_FRAMES_PER_NODE = 4

_lock = threading.Lock()
_extra: list[int] = []
_base = 0


@contextmanager
def deep_recursion(depth: int) -> Iterator[None]:
    """Raise the recursion limit to fit a graph of `depth` nodes, and put it back at the end.

    The limit belongs to the whole interpreter, so overlapping uses (nested, or in threads) are
    counted and the old limit comes back when the last of them ends.

    Args:
        depth: number of nodes of the graph, or of its longest path. Not negative.

    Yields:
        None.

    Raises:
        ValueError: `depth` is negative.

    Example:
        >>> import sys
        >>> before = sys.getrecursionlimit()
        >>> with deep_recursion(2_000):
        ...     sys.getrecursionlimit() >= before + 2_000
        True
        >>> sys.getrecursionlimit() == before
        True
    """
    global _base
    if depth < 0:
        raise ValueError(f"depth is a number of graph nodes, not negative; got {depth}")
    room = depth * _FRAMES_PER_NODE
    with _lock:
        if not _extra:
            _base = sys.getrecursionlimit()
        _extra.append(room)
        # The sum, not the maximum: nested uses stack their frames on top of each other.
        sys.setrecursionlimit(_base + sum(_extra))
    try:
        yield
    finally:
        with _lock:
            _extra.remove(room)
            sys.setrecursionlimit(_base + sum(_extra))
