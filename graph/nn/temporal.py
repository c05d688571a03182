"""Convolution and pooling over the frames of a sequence."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ShapeMismatch
from .arguments import number
from .convolution_base import AnyConvolution
from .image import check_maps, set_integers
from .max_pooling import MaxPooling
from .module import Module
from .torch_fields import TorchFields

__all__ = ["TemporalConvolution", "TemporalDynamicKMaxPooling", "TemporalMaxPooling"]


class TemporalConvolution(AnyConvolution):
    """Convolution over time; becomes `keras.layers.Conv1D`.

    Weights start uniform in ``[-1/sqrt(f), 1/sqrt(f)]`` with ``f = kW*inputFrameSize``, as in
    Torch.

    Args:
        inputFrameSize: Features of a frame of the input.
        outputFrameSize: Features of a frame of the output.
        kW: Kernel length, in frames.
        dW: Step. Default: 1.

    Shapes:
        ``(batch, T, inputFrameSize)`` -> ``(batch, floor((T - kW) / dW) + 1, outputFrameSize)``.

    Raises:
        GraphError: An argument is not a positive integer; at lowering, the input is no sequence
            of such frames, or shorter than the kernel.

    Reference: torch/nn TemporalConvolution.lua.
    """

    keras_name = "Conv1D"
    sides = "W"
    layer_class = keras.layers.Conv1D
    inputFrameSize: int
    outputFrameSize: int
    kW: int

    def __init__(self, inputFrameSize: int, outputFrameSize: int, kW: int, dW: int = 1) -> None:
        set_integers(self, 1, inputFrameSize=inputFrameSize, outputFrameSize=outputFrameSize)
        set_integers(self, 1, kW=kW, dW=dW)

    @property
    def planes(self) -> tuple[int, int]:
        return self.inputFrameSize, self.outputFrameSize

    @classmethod
    def from_torch(cls, fields: TorchFields) -> TemporalConvolution:
        names = ("inputFrameSize", "outputFrameSize", "kW", "dW")
        return cls(*(fields.integer(name) for name in names))

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "bias":
            return array
        # A row of Torch's matrix holds frame after frame of the window.
        return array.reshape(len(array), self.kW, self.inputFrameSize).transpose(1, 2, 0)

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array if name == "bias" else array.transpose(2, 0, 1).reshape(array.shape[2], -1)


class TemporalMaxPooling(MaxPooling):
    """Largest value of each window of frames, feature by feature; `keras.layers.MaxPooling1D`.

    Args:
        kW: Window length.
        dW: Step. Default: `kW`.

    Shapes:
        ``(batch, T, F)`` -> ``(batch, floor((T - kW) / dW) + 1, F)``.

    Raises:
        GraphError: An argument is out of range; at lowering, fewer than `kW` frames.

    Reference: torch/nn TemporalMaxPooling.lua.
    """

    keras_name = "MaxPooling1D"
    sides = "W"
    layer_class = keras.layers.MaxPooling1D
    bordered = False

    def __init__(self, kW: int, dW: int | None = None) -> None:
        self.set_windows(kW=kW, dW=kW if dW is None else dW)


class TemporalDynamicKMaxPooling(Module):
    """The k largest values of each feature over the whole sequence, in their order in time.

    ``k = max(minK, ceil(factor * T))``.

    Args:
        minK: The least k.
        factor: Share of the frames to keep. Default: 0, so that k is `minK`.

    Shapes:
        ``(batch, T, F)`` -> ``(batch, k, F)``.

    Raises:
        GraphError: An argument is out of range; at lowering, fewer than k frames, or `factor` is
            not 0 and the number of frames is not known.

    Reference: Kalchbrenner et al. 2014, arXiv:1404.2188; torch/nn TemporalDynamicKMaxPooling.lua.
    """

    keras_name = "(ops.top_k)"
    minK: int

    def __init__(self, minK: int, factor: float = 0) -> None:
        set_integers(self, 1, minK=minK)
        self.factor = number(factor, self.torch_name, "factor", least=0)

    def _k(self, frames: int | None) -> int:
        share = self.factor * frames if frames is not None else 0
        return max(self.minK, math.ceil(share))

    def check(self, x: Any) -> None:
        check_maps(x, "W")
        frames = x.shape[1]
        if frames is None and self.factor:
            raise ShapeMismatch(
                "keeps a share of the frames and needs to know how many there are",
                fix="state it with graph.Input(shape)",
            )
        check_maps(x, "W", least=[self._k(frames)])

    def compute(self, x: Any, training: bool = False) -> Any:
        x = ops.transpose(x, (0, 2, 1))
        _, places = ops.top_k(x, self._k(x.shape[2]), sorted=False)
        kept = ops.take_along_axis(x, ops.sort(places, axis=-1), axis=-1)
        return ops.transpose(kept, (0, 2, 1))
