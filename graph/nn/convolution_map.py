"""Convolution between chosen pairs of planes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .image import check_image, set_integers
from .module import Module
from .module_layer import ParameterSpec
from .torch_fields import TorchFields

__all__ = ["SpatialConvolutionMap", "SpatialFullConvolutionMap"]


class SpatialConvolutionMap(Module):
    """2-D convolution in which each output plane sees only some input planes.

    It is a full convolution whose kernel is 0 between planes that are not connected; a pair that
    is listed twice counts twice. Weights start uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with
    ``f = kW*kH*n`` and `n` connections to the same output plane, as in Torch.

    Args:
        conMatrix: Rows of (input plane, output plane), counted from 1; see `graph.nn.tables`.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width. Default: 1.
        dH: Step along the height. Default: 1.

    Shapes:
        ``(batch, H, W, planes)`` -> ``(batch, oH, oW, nOutputPlane)`` with
        ``oW = floor((W - kW) / dW) + 1``. Planes beyond the largest in `conMatrix` are not looked
        at. The weight is ``(connections, kH, kW)``.

    Raises:
        GraphError: `conMatrix` is no such table or an argument is not a positive integer; at
            lowering, the input has too few planes or is smaller than the kernel.

    Reference: torch/nn SpatialConvolutionMap.lua.
    """

    keras_name = "(ops.conv)"
    unbatched: ClassVar[bool] = False
    kW: int
    kH: int
    dW: int
    dH: int

    def __init__(
        self, conMatrix: Sequence[Sequence[int]], kW: int, kH: int, dW: int = 1, dH: int = 1
    ) -> None:
        table = np.asarray(conMatrix)
        if table.ndim != 2 or table.shape[1] != 2 or not len(table) or np.any(table < 1):
            raise GraphError(
                f"nn.{self.torch_name}: conMatrix must be rows of (input plane, output plane), "
                f"counted from 1, got {conMatrix!r}, {caller_origin()}"
            )
        self.conMatrix = [[int(i), int(o)] for i, o in table]
        set_integers(self, 1, kW=kW, kH=kH, dW=dW, dH=dH)

    @property
    def nInputPlane(self) -> int:
        """The largest input plane that is connected."""
        return max(i for i, _ in self.conMatrix)

    @property
    def nOutputPlane(self) -> int:
        """The number of output planes."""
        return max(o for _, o in self.conMatrix)

    def check(self, x: Any) -> None:
        window = (self.kH, self.kW)
        check_image(x, least=self._least(), window=window)
        if x.shape[3] is not None and x.shape[3] < self.nInputPlane:
            raise ShapeMismatch(
                f"connects input plane {self.nInputPlane}, which there is not",
                expected=(None, None, None, f">= {self.nInputPlane}"),
            )

    def _least(self) -> tuple[int, int] | None:
        return self.kH, self.kW

    def parameter_specs(self) -> list[ParameterSpec]:
        outputs = [o for _, o in self.conMatrix]
        fans = np.array([outputs.count(o) for o in outputs], "float64")
        # An output plane without a connection starts with no bias; Torch divides by 0 there.
        own = np.array([outputs.count(o + 1) or np.inf for o in range(self.nOutputPlane)])
        return [
            ParameterSpec("weight", (len(outputs), self.kH, self.kW), self._uniform(fans)),
            ParameterSpec("bias", (self.nOutputPlane,), self._uniform(own)),
        ]

    def _uniform(self, fans: np.ndarray) -> Any:
        limits = 1 / np.sqrt(self.kW * self.kH * fans)

        def initial(shape: Any, dtype: Any = None) -> Any:
            scale = limits.reshape(-1, *(1,) * (len(shape) - 1)).astype("float32")
            return ops.cast(keras.random.uniform(shape, -1.0, 1.0) * scale, dtype or "float32")

        return initial

    def _kernel(self, weight: Any) -> Any:
        """The kernel of the full convolution, ``(kH, kW, nInputPlane, nOutputPlane)``."""
        planes = (self.nInputPlane, self.nOutputPlane)
        pairs = [(i - 1) * planes[1] + o - 1 for i, o in self.conMatrix]
        rows = ops.reshape(weight, (len(pairs), self.kH * self.kW))
        total = ops.segment_sum(rows, np.array(pairs, "int32"), planes[0] * planes[1])
        kernel = ops.reshape(total, (*planes, self.kH, self.kW))
        return ops.transpose(kernel, (2, 3, 0, 1))

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        x = x[:, :, :, : self.nInputPlane]
        # TensorFlow on a CPU gives wrong numbers in float32 for steps that are not equal.
        at_once = (self.dH, self.dW) if self.dH == self.dW else (1, 1)
        y = ops.conv(x, self._kernel(weight), strides=at_once, padding="valid")
        if self.dH != self.dW:
            y = y[:, :: self.dH, :: self.dW]
        return y + bias

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        if cls.unbatched:
            fields.single_samples_only()
        sizes = [fields.integer(name) for name in ("kW", "kH", "dW", "dH")]
        return cls(fields["connTable"], *sizes)


class SpatialFullConvolutionMap(SpatialConvolutionMap):
    """2-D transposed convolution in which each output plane sees only some input planes.

    Args:
        conMatrix: Rows of (input plane, output plane), counted from 1; see `graph.nn.tables`.
        kW: Kernel width.
        kH: Kernel height.
        dW: Step along the width, in the output. Default: 1.
        dH: Step along the height. Default: 1.

    Shapes:
        ``(batch, H, W, planes)`` -> ``(batch, oH, oW, nOutputPlane)`` with
        ``oW = (W - 1) dW + kW``. The weight is ``(connections, kH, kW)``.

    Raises:
        GraphError: As `SpatialConvolutionMap`.

    Reference: torch/nn SpatialFullConvolutionMap.lua.
    """

    keras_name = "(ops.conv)"
    unbatched = True  # In Torch.

    def _least(self) -> None:
        return None

    def compute(self, x: Any, training: bool = False, weight: Any = None, bias: Any = None) -> Any:
        # Not ops.conv_transpose, which Keras saves but cannot run again.
        x = _spread(x[:, :, :, : self.nInputPlane], self.dH, self.dW)
        rows, columns = self.kH - 1, self.kW - 1
        x = ops.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
        kernel = ops.flip(ops.flip(self._kernel(weight), axis=0), axis=1)
        return ops.conv(x, kernel, padding="valid") + bias


def _spread(x: Any, dH: int, dW: int) -> Any:
    """`x` with zeros between its pixels, so that they are so far apart."""
    for axis, step in ((1, dH), (2, dW)):
        if step > 1:
            sizes = list(ops.shape(x))
            sizes[0], sizes[axis] = -1, sizes[axis] * step
            gaps = [(0, 0)] * 5
            gaps[axis + 1] = (0, step - 1)
            x = ops.reshape(ops.pad(ops.expand_dims(x, axis + 1), gaps), sizes)
            x = x[(*(slice(None),) * axis, slice(None, 1 - step))]
    return x
