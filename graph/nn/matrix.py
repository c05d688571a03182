"""Products of matrices and vectors."""

from __future__ import annotations

from typing import Any

import keras

from ..errors import ShapeMismatch
from ..table import is_table
from .module import Module

__all__ = ["MM", "MV"]


def check_pair(x: Any, ranks: tuple[int, int], what: str) -> None:
    """Check that `x` is a table of two tensors of these ranks.

    Raises:
        ShapeMismatch: It is not.
    """
    pair = is_table(x) and len(x) == 2 and not any(is_table(leaf) for leaf in x)
    if not pair or tuple(len(leaf.shape) for leaf in x) != ranks:
        raise ShapeMismatch(f"takes a table of {what}", expected=f"a table of {what}")


def check_inner(a: int | None, b: int | None) -> None:
    """Check that the sizes over which a product is summed are equal.

    Raises:
        ShapeMismatch: They are not.
    """
    if a != b and a is not None and b is not None:
        raise ShapeMismatch(f"sums {a} columns against {b} rows")


class MM(Module):
    """Product of two matrices for each sample, ``A B``; becomes `keras.layers.Dot`.

    Args:
        transA: Whether to transpose the first. Default: False.
        transB: Whether to transpose the second. Default: False.

    Shapes:
        A table of ``(batch, n, k)`` and ``(batch, k, m)`` -> ``(batch, n, m)``.

    Raises:
        GraphError: At lowering, it is not fed two matrices, or their sizes do not match.

    Reference: torch/nn MM.lua.
    """

    keras_name = "Dot"

    def __init__(self, transA: bool = False, transB: bool = False) -> None:
        self.transA = bool(transA)
        self.transB = bool(transB)

    def axes(self) -> tuple[int, int]:
        """The axes over which the product is summed."""
        return (1 if self.transA else 2), (2 if self.transB else 1)

    def check(self, x: Any) -> None:
        check_pair(x, (3, 3), "two matrices for each sample")
        a, b = self.axes()
        check_inner(x[0].shape[a], x[1].shape[b])

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Dot(axes=self.axes(), name=name)


class MV(Module):
    """Product of a matrix and a vector for each sample, ``M v``; becomes `keras.layers.Dot`.

    Args:
        trans: Whether to transpose the matrix. Default: False.

    Shapes:
        A table of ``(batch, n, k)`` and ``(batch, k)`` -> ``(batch, n)``.

    Raises:
        GraphError: At lowering, it is not fed a matrix and a vector, or their sizes do not match.

    Reference: torch/nn MV.lua.
    """

    keras_name = "Dot"

    def __init__(self, trans: bool = False) -> None:
        self.trans = bool(trans)

    def check(self, x: Any) -> None:
        check_pair(x, (3, 2), "a matrix and a vector for each sample")
        check_inner(x[0].shape[1 if self.trans else 2], x[1].shape[1])

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Dot(axes=(1 if self.trans else 2, 1), name=name)
