"""Blocks of anchors, for searches whose temporary tensors are to be a part of N^2."""

from __future__ import annotations

from typing import Any

from keras import ops

__all__ = ["row_blocks"]

_BLOCKS = 4
_ONE_BLOCK = 1024


def row_blocks(matrix: Any) -> list[slice]:
    """Slices that cover the rows of a matrix: one for a small matrix, else four.

    The bounds are tensors where the number of rows is known only when the graph runs.
    """
    n = matrix.shape[0]
    if n is not None and n <= _ONE_BLOCK:
        return [slice(0, n)]
    n = ops.shape(matrix)[0]
    bounds = [n * i // _BLOCKS for i in range(_BLOCKS + 1)]
    return [slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False)]
