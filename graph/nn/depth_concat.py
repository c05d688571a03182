"""`nn.DepthConcat`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..layout import keras_axis
from .container import Concat
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope

__all__ = ["DepthConcat"]

Widths = tuple[tuple[int, int], ...]


class DepthConcat(Concat):
    """Every child on the same input; results of different size are padded with 0, then joined.

    What is smaller than the largest result stands in its middle, one nearer to the start where
    the border is odd.

    Args:
        dimension: Dimension of one sample along which the results are joined, from 1 in Torch's
            order, the batch not counted.
        *modules: The children.

    Shapes:
        With results ``(batch, h, w, planes)`` of several sizes and dimension 1 -> a tensor of the
        largest height and width and all planes.

    Raises:
        GraphError: `dimension` is not an integer; at lowering, there are no children, or the
            sizes of the results are not known.

    Reference: torch/nn DepthConcat.lua; Szegedy et al. 2014, arXiv:1409.4842.
    """

    keras_name = "its children, ZeroPadding2D and Concatenate"

    def joined(self, outputs: list[Any], scope: Scope) -> Any:
        rank = len(outputs[0].shape)
        if any(len(output.shape) != rank for output in outputs):
            raise ShapeMismatch("joins results of one number of dimensions")
        axis = keras_axis(self.dimension, rank)
        largest = [
            _largest([output.shape[a] for output in outputs]) if 0 < a != axis else None
            for a in range(rank)
        ]
        padded = []
        for i, output in enumerate(outputs, 1):
            widths = tuple(
                (0, 0) if most is None else ((most - size) // 2, (most - size + 1) // 2)
                for most, size in zip(largest, output.shape, strict=True)
            )
            if any(map(any, widths)):
                output = self.apply_layer(
                    output,
                    scope,
                    lambda name, w=widths: _border(w, name),
                    key=("border", i, widths),
                    suffix=f"_{i}_border",
                )
            padded.append(output)
        return super().joined(padded, scope)


def _largest(sizes: list[int | None]) -> int:
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes):
        raise ShapeMismatch(
            "cannot tell which result is the largest while sizes are unknown",
            fix="state them with graph.Input(shape)",
        )
    return max(known)


def _border(widths: Widths, name: str) -> keras.layers.Layer:
    if len(widths) == 4 and not any(widths[3]):
        return keras.layers.ZeroPadding2D(widths[1:3], name=name)
    return ModuleLayer(_ZeroBorder(widths), name=name)


class _ZeroBorder(Module):
    """Zeros around a tensor, so many before and after along every axis."""

    def __init__(self, widths: Any) -> None:
        self.widths = [list(pair) for pair in widths]

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """`x` with its border."""
        return ops.pad(x, self.widths)
