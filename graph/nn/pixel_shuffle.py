"""`nn.PixelShuffle`."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from .image import check_image, set_integers
from .module import Module

__all__ = ["PixelShuffle"]


class PixelShuffle(Module):
    """Planes become pixels: of ``r * r`` planes one of ``r`` times the height and width.

    Plane ``(c * r + i) * r + j`` (from 0) gives the pixels in row i and column j of each block of
    plane c.

    Args:
        upscaleFactor: r.

    Shapes:
        ``(batch, H, W, C * r^2)`` -> ``(batch, H * r, W * r, C)``.

    Raises:
        GraphError: `upscaleFactor` is not a positive integer; at lowering, the input is no image
            or its planes cannot be divided by its square.

    Reference: Shi et al. 2016, arXiv:1609.05158; torch/nn PixelShuffle.lua.
    """

    keras_name = "(ops.reshape, ops.transpose)"
    upscaleFactor: int

    def __init__(self, upscaleFactor: int) -> None:
        set_integers(self, 1, upscaleFactor=upscaleFactor)

    def check(self, x: Any) -> None:
        check_image(x)
        if x.shape[3] is None or x.shape[3] % self.upscaleFactor**2:
            raise ShapeMismatch(
                f"takes a number of planes that {self.upscaleFactor} squared divides",
                expected=(None, None, None, f"n * {self.upscaleFactor**2}"),
            )

    def compute(self, x: Any, training: bool = False) -> Any:
        r = self.upscaleFactor
        _, height, width, planes = ops.shape(x)
        x = ops.reshape(x, (-1, height, width, planes // r**2, r, r))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
        return ops.reshape(x, (-1, height * r, width * r, planes // r**2))
