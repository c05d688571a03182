"""`nn.SpatialCrossMapLRN`."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import GraphError
from ..origin import caller_origin
from .arguments import number
from .image import check_image, set_integers
from .module import Module
from .windows import slide

__all__ = ["SpatialCrossMapLRN"]


class SpatialCrossMapLRN(Module):
    """``x / (k + alpha / size * sum of x^2 over size neighbouring planes) ^ beta``.

    Caffe's and Torch's local response normalisation; `tf.nn.lrn` does not divide `alpha`. Planes
    beyond the first and the last count as 0.

    Args:
        size: How many planes a window holds, the plane itself in its middle; odd.
        alpha: Scale of the mean square. Default: 0.0001.
        beta: Exponent. Default: 0.75.
        k: Added to the mean square. Default: 1.

    Shapes:
        ``(batch, H, W, C)`` -> the same.

    Raises:
        GraphError: `size` is not a positive odd integer, or another argument is not a number; at
            lowering, the input is no image.

    Reference: Krizhevsky et al. 2012; torch/nn SpatialCrossMapLRN.lua.
    """

    keras_name = "(ops.power of sums of slices)"
    keeps_shape = True
    size: int

    def __init__(self, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1) -> None:
        set_integers(self, 1, size=size)
        if self.size % 2 == 0:
            raise GraphError(
                f"nn.{self.torch_name}: size must be odd, got {size}, {caller_origin()}"
            )
        self.alpha = number(alpha, self.torch_name, "alpha")
        self.beta = number(beta, self.torch_name, "beta")
        self.k = number(k, self.torch_name, "k")

    def check(self, x: Any) -> None:
        check_image(x)

    def compute(self, x: Any, training: bool = False) -> Any:
        half = self.size // 2
        squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (half, half)))
        sums = slide(squares, (1, 1, self.size), (1, 1, 1), (1, 1, 1), ops.add)
        scale = sums * (self.alpha / self.size) + self.k
        return x * ops.power(scale, -self.beta)
