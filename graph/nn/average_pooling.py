"""The mean, or the sum, of each window."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from .module_layer import ModuleLayer
from .pooling import AnyPooling
from .torch_fields import TorchFields
from .windows import window_sums

__all__ = ["SpatialAveragePooling", "VolumetricAveragePooling"]


class _AveragePooling(AnyPooling):
    count_include_pad: bool = True
    divide: bool = True

    def layer_key(self, x: Any) -> Any:
        return (*super().layer_key(x), self.count_include_pad, self.divide)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        padding = self.stock_padding(x)
        # Keras's "same" never counts the border; that differs only where Torch counts one.
        counts_alike = padding == "valid" or not self.count_include_pad or not any(self.pads)
        if padding is None or not self.divide or not counts_alike:
            return ModuleLayer(self, name=name)
        return self.stock_layer(padding, name)

    def compute(self, x: Any, training: bool = False) -> Any:
        sums = window_sums(self.with_border(x, 0.0), self.kernel, self.steps)
        area = math.prod(self.kernel)
        if not self.ceil_mode and (self.count_include_pad or not any(self.pads)):
            return sums / area if self.divide else sums
        # Without `divide` Torch multiplies its mean by the whole window, clipped or not.
        return sums * ((1 if self.divide else area) / self._counts(x))

    def _counts(self, x: Any) -> Any:
        """How much each window divides by, for one plane of the first sample: all are alike."""
        own = self.pads if self.count_include_pad else (0,) * len(self.sides)
        inner = ((0, 0), *((n, n) for n in own), (0, 0))
        one = x[(slice(0, 1), *(slice(None),) * len(self.sides), slice(0, 1))]
        counted = ops.pad(ops.ones_like(one), inner, constant_values=1)
        outer = ((side.pad - n, side.after - n) for side, n in zip(self.windows, own, strict=True))
        border = ops.pad(counted, ((0, 0), *outer, (0, 0)))
        return window_sums(border, self.kernel, self.steps)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        names = [prefix + side for prefix in ("k", "d") for side in cls.sides]
        return cls(**{name: fields.integer(name) for name in names})


class SpatialAveragePooling(_AveragePooling):
    """Mean of each window; becomes `keras.layers.AveragePooling2D` where that is equal.

    Args:
        kW: Window width.
        kH: Window height.
        dW: Step along the width. Default: 1 (as in Torch; max pooling has `kW`).
        dH: Step along the height. Default: 1.
        padW: Zeros on the left and right, at most half the window. Default: 0.
        padH: Zeros at the top and bottom, at most half the window. Default: 0.
        ceil_mode: Round output sizes up. Default: False. `ceil()` and `floor()` set it too.
        count_include_pad: Whether the border counts in the divisor. Default: True. The divisor
            is the window clipped to the bordered input, not always ``kW * kH``.
        divide: False multiplies the mean by ``kW * kH``: the sum, where no window is clipped.
            Default: True. Files from before `divide` mean False.

    Shapes:
        As `SpatialMaxPooling`.

    Raises:
        GraphError: An argument is out of range; at lowering, the input is smaller than the window.

    Reference: torch/nn SpatialAveragePooling.lua.
    """

    keras_name = "AveragePooling2D"
    sides = "HW"
    layer_class = keras.layers.AveragePooling2D

    def __init__(
        self,
        kW: int,
        kH: int,
        dW: int = 1,
        dH: int = 1,
        padW: int = 0,
        padH: int = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divide: bool = True,
    ) -> None:
        self.set_windows(kW=kW, kH=kH, dW=dW, dH=dH, padW=padW, padH=padH)
        self.ceil_mode = bool(ceil_mode)
        self.count_include_pad = bool(count_include_pad)
        self.divide = bool(divide)

    def setCountIncludePad(self) -> SpatialAveragePooling:
        """Count the border in the divisor (the default); returns the module itself."""
        self.count_include_pad = True
        return self

    def setCountExcludePad(self) -> SpatialAveragePooling:
        """Divide by the number of real pixels only; returns the module itself."""
        self.count_include_pad = False
        return self

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialAveragePooling:
        module = super().from_torch(fields)
        cudnn = fields.class_name.startswith("cudnn.")
        if "ceil_mode" in fields:  # Torch ignores the borders in files from before it.
            pads = {name: fields.integer(name, 0) for name in ("padW", "padH")}
            module.set_windows(kW=module.kW, kH=module.kH, **pads)
            module.ceil_mode = bool(fields["ceil_mode"])
            excluded = str(fields.get("mode", "")).endswith("EXCLUDE_PADDING")
            module.count_include_pad = bool(fields.get("count_include_pad", not excluded))
        module.divide = bool(fields.get("divide", cudnn))
        return module


class VolumetricAveragePooling(_AveragePooling):
    """Mean of each window of a volume; becomes `keras.layers.AveragePooling3D`.

    Args:
        kT: Window length along the time.
        kW: Window width.
        kH: Window height.
        dT: Step along the time. Default: `kT` (`SpatialAveragePooling` has 1).
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.

    Shapes:
        ``(batch, T, H, W, C)`` -> ``(batch, oT, oH, oW, C)`` with
        ``oT = floor((T - kT) / dT) + 1``.

    Raises:
        GraphError: An argument is out of range; at lowering, the input is smaller than the window.

    Reference: torch/nn VolumetricAveragePooling.lua.
    """

    keras_name = "AveragePooling3D"
    sides = "THW"
    layer_class = keras.layers.AveragePooling3D
    bordered = False

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
    ) -> None:
        self.set_windows(
            kT=kT,
            kW=kW,
            kH=kH,
            dT=kT if dT is None else dT,
            dW=kW if dW is None else dW,
            dH=kH if dH is None else dH,
        )
