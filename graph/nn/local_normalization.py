"""Normalisation of images by the mean and the deviation of each neighbourhood."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError
from ..origin import caller_origin
from .arguments import number
from .image import check_image, set_integers
from .module import Module
from .torch_fields import TorchFields

__all__ = [
    "SpatialContrastiveNormalization",
    "SpatialDivisiveNormalization",
    "SpatialSubtractiveNormalization",
]


class _LocalNormalization(Module):
    """Weighted sums over a window and all planes, with zeros beyond the border."""

    keeps_shape = True
    nInputPlane: int
    kernel: list[Any] | None

    def _set(self, nInputPlane: int, kernel: Any) -> None:
        set_integers(self, 1, nInputPlane=nInputPlane)
        self.kernel = None if kernel is None else np.asarray(kernel, "float64").tolist()
        values = self._weights
        if values.ndim not in (1, 2) or any(n % 2 == 0 for n in values.shape):
            raise GraphError(
                f"nn.{self.torch_name}: kernel must have 1 or 2 dimensions of odd size, got "
                f"{' x '.join(map(str, values.shape)) or 'a number'}, {caller_origin()}"
            )

    @property
    def _weights(self) -> np.ndarray:
        return np.ones((9, 9)) if self.kernel is None else np.asarray(self.kernel)

    def check(self, x: Any) -> None:
        check_image(x, planes=self.nInputPlane)

    def window_sums(self, x: Any, planes: float, one_sided: float) -> Any:
        """The sums, ``(batch, H, W, 1)``.

        Args:
            x: The images.
            planes: What the kernel's sum is divided by more than itself if it has two sides.
            one_sided: The same if it has one, which then runs along both sides.
        """
        kernel = self._weights
        total = ops.sum(x, axis=-1, keepdims=True)
        if kernel.ndim == 2:
            return _convolved(total, kernel / (kernel.sum() * planes))
        kernel = kernel / (kernel.sum() * one_sided)
        return _convolved(_convolved(total, kernel[None]), kernel[:, None])

    def ones(self, x: Any) -> Any:
        """One sample shaped as those of `x`, of ones."""
        return ops.ones_like(x[:1, :])

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        thresholds = [fields[name] for name in ("threshold", "thresval") if name in fields]
        return cls(fields.integer("nInputPlane"), fields.array("kernel"), *thresholds)


def _convolved(x: Any, kernel: np.ndarray) -> Any:
    dtype = keras.backend.standardize_dtype(x.dtype)
    return ops.conv(x, kernel[:, :, None, None].astype(dtype), padding="same")


class SpatialSubtractiveNormalization(_LocalNormalization):
    """``x`` less the weighted mean of its neighbourhood over all planes.

    Beyond the border nothing counts, neither in the sum nor in the weights.

    Args:
        nInputPlane: Number of planes. Default: 1.
        kernel: Weights of the neighbourhood, a matrix of odd height and width, or a vector of odd
            length that is used along both. Default: ``ones((9, 9))``.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> the same.

    Raises:
        GraphError: `kernel` has another shape; at lowering, the input is no image of
            `nInputPlane` planes.

    Reference: Jarrett et al. 2009; torch/nn SpatialSubtractiveNormalization.lua.
    """

    keras_name = "(ops.conv)"

    def __init__(self, nInputPlane: int = 1, kernel: Any = None) -> None:
        self._set(nInputPlane, kernel)

    def compute(self, x: Any, training: bool = False) -> Any:
        planes = self.nInputPlane
        mean = self.window_sums(x, planes, planes)
        return x - mean / self.window_sums(self.ones(x), planes, planes)


class SpatialDivisiveNormalization(_LocalNormalization):
    """``x`` divided by the weighted deviation (from 0) of its neighbourhood over all planes.

    A deviation of no more than `threshold` is taken for `thresval`.

    Args:
        nInputPlane: Number of planes. Default: 1.
        kernel: As of `SpatialSubtractiveNormalization`. Default: ``ones((9, 9))``.
        threshold: What a deviation must be above. Default: 1e-4.
        thresval: What stands for one that is not. Default: `threshold`.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> the same.

    Raises:
        GraphError: As `SpatialSubtractiveNormalization`, or a threshold is not a number.

    Reference: Jarrett et al. 2009; torch/nn SpatialDivisiveNormalization.lua.
    """

    keras_name = "(ops.conv)"

    def __init__(
        self,
        nInputPlane: int = 1,
        kernel: Any = None,
        threshold: float = 1e-4,
        thresval: float | None = None,
    ) -> None:
        self._set(nInputPlane, kernel)
        self.threshold = number(threshold, self.torch_name, "threshold")
        value = threshold if thresval is None else thresval
        self.thresval = number(value, self.torch_name, "thresval")

    def compute(self, x: Any, training: bool = False) -> Any:
        # Torch divides a vector's weights by the root only, along each of two sides.
        scales = (self.nInputPlane, math.sqrt(self.nInputPlane))
        squares = self.window_sums(ops.square(x), *scales)
        zero = ops.equal(squares, 0)
        root = ops.sqrt(ops.where(zero, ops.ones_like(squares), squares))
        deviation = ops.where(zero, ops.zeros_like(squares), root)
        deviation = deviation / self.window_sums(self.ones(x), *scales)
        least = ops.full_like(deviation, self.thresval)
        return x / ops.where(deviation > self.threshold, deviation, least)


class SpatialContrastiveNormalization(_LocalNormalization):
    """`SpatialSubtractiveNormalization`, then `SpatialDivisiveNormalization`.

    Args:
        nInputPlane: Number of planes. Default: 1.
        kernel: As of `SpatialSubtractiveNormalization`. Default: ``ones((9, 9))``.
        threshold: What a deviation must be above. Default: 1e-4.
        thresval: What stands for one that is not. Default: `threshold`.

    Shapes:
        ``(batch, H, W, nInputPlane)`` -> the same.

    Raises:
        GraphError: As `SpatialDivisiveNormalization`.

    Reference: Jarrett et al. 2009; torch/nn SpatialContrastiveNormalization.lua.
    """

    keras_name = "(ops.conv)"

    def __init__(
        self,
        nInputPlane: int = 1,
        kernel: Any = None,
        threshold: float = 1e-4,
        thresval: float | None = None,
    ) -> None:
        self._set(nInputPlane, kernel)
        self.threshold = number(threshold, self.torch_name, "threshold")
        value = threshold if thresval is None else thresval
        self.thresval = number(value, self.torch_name, "thresval")

    def compute(self, x: Any, training: bool = False) -> Any:
        centred = SpatialSubtractiveNormalization(self.nInputPlane, self.kernel).compute(x)
        arguments = (self.nInputPlane, self.kernel, self.threshold, self.thresval)
        return SpatialDivisiveNormalization(*arguments).compute(centred)
