"""The largest value of each window."""

from __future__ import annotations

from typing import Any

import keras

from .image import set_integers
from .module_layer import ModuleLayer
from .pooling import AnyPooling
from .scope import Scope
from .windows import window_max

__all__ = [
    "MaxPooling",
    "SpatialDilatedMaxPooling",
    "SpatialMaxPooling",
    "VolumetricDilatedMaxPooling",
    "VolumetricMaxPooling",
]


class MaxPooling(AnyPooling):
    """What the classes of Torch's names share."""

    fed: tuple[Any, Any] = (None, None)
    """The model that is being made and what the module was last fed there, for unpooling."""

    def lower(self, x: Any, scope: Scope) -> Any:
        self.fed = (scope.names, x)
        return super().lower(x, scope)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        padding = self.stock_padding(x)
        if padding is None:
            return ModuleLayer(self, name=name)
        return self.stock_layer(padding, name)

    def compute(self, x: Any, training: bool = False) -> Any:
        x = self.with_border(x, -float("inf"))
        return window_max(x, self.kernel, self.steps, self.dilation)


class SpatialMaxPooling(MaxPooling):
    """Largest value of each window; becomes `keras.layers.MaxPooling2D` where that is equal.

    Args:
        kW: Window width.
        kH: Window height.
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.
        padW: Border on the left and right, at most half the window. Default: 0.
        padH: Border at the top and bottom, at most half the window. Default: 0.
        ceil_mode: Round output sizes up. Default: False. `ceil()` and `floor()` set it too.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, oH, oW, C)`` with
        ``oW = floor or ceil((W + 2 padW - kW) / dW) + 1``; with a border, a last window that
        would start beyond the input is dropped.

    Raises:
        GraphError: An argument is out of range; at lowering, the input is smaller than the window.

    Reference: torch/nn SpatialMaxPooling.lua.
    """

    keras_name = "MaxPooling2D"
    sides = "HW"
    layer_class = keras.layers.MaxPooling2D

    def __init__(
        self,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
        padW: int = 0,
        padH: int = 0,
        *,
        ceil_mode: bool = False,
    ) -> None:
        steps = {"dW": kW if dW is None else dW, "dH": kH if dH is None else dH}
        self.set_windows(kW=kW, kH=kH, **steps, padW=padW, padH=padH)
        self.ceil_mode = bool(ceil_mode)


class SpatialDilatedMaxPooling(SpatialMaxPooling):
    """Largest of the elements of each window, which stand apart.

    Becomes `keras.layers.MaxPooling2D` where nothing is dilated.

    Args:
        kW: Elements of a window along the width.
        kH: Elements along the height.
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.
        padW: Border on the left and right, at most half of `kW`. Default: 0.
        padH: Border at the top and bottom, at most half of `kH`. Default: 0.
        dilationW: Distance of neighbours in a window along the width. Default: 1.
        dilationH: Distance of neighbours along the height. Default: 1.
        ceil_mode: Round output sizes up. Default: False.

    Shapes:
        As `SpatialMaxPooling`, with ``dilationW * (kW - 1) + 1`` for `kW`.

    Raises:
        GraphError: As `SpatialMaxPooling`.

    Reference: torch/nn SpatialDilatedMaxPooling.lua.
    """

    keras_name = "(ops.maximum of slices)"
    dilated = True

    def __init__(
        self,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
        padW: int = 0,
        padH: int = 0,
        dilationW: int = 1,
        dilationH: int = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kW, kH, dW, dH, padW, padH, ceil_mode=ceil_mode)
        set_integers(self, 1, dilationW=dilationW, dilationH=dilationH)


class VolumetricMaxPooling(MaxPooling):
    """Largest value of each window of a volume; `keras.layers.MaxPooling3D` where equal.

    Args:
        kT: Window length along the time.
        kW: Window width.
        kH: Window height.
        dT: Step along the time. Default: `kT`.
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.
        padT: Border at both ends of the time, at most half the window. Default: 0.
        padW: Border on the left and right, at most half the window. Default: 0.
        padH: Border at the top and bottom, at most half the window. Default: 0.
        ceil_mode: Round output sizes up. Default: False. `ceil()` and `floor()` set it too.

    Shapes:
        ``(batch, T, H, W, C)`` -> ``(batch, oT, oH, oW, C)``, each side as `SpatialMaxPooling`.

    Raises:
        GraphError: As `SpatialMaxPooling`.

    Reference: torch/nn VolumetricMaxPooling.lua.
    """

    keras_name = "MaxPooling3D"
    sides = "THW"
    layer_class = keras.layers.MaxPooling3D

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self.set_windows(
            kT=kT,
            kW=kW,
            kH=kH,
            dT=kT if dT is None else dT,
            dW=kW if dW is None else dW,
            dH=kH if dH is None else dH,
            padT=padT,
            padW=padW,
            padH=padH,
        )
        self.ceil_mode = bool(ceil_mode)


class VolumetricDilatedMaxPooling(VolumetricMaxPooling):
    """Largest of the elements of each window of a volume, which stand apart.

    Becomes `keras.layers.MaxPooling3D` where nothing is dilated.

    Args:
        kT: Elements of a window along the time.
        kW: Elements along the width.
        kH: Elements along the height.
        dT: Step along the time. Default: `kT`.
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.
        padT: Border at both ends of the time, at most half of `kT`. Default: 0.
        padW: Border on the left and right, at most half of `kW`. Default: 0.
        padH: Border at the top and bottom, at most half of `kH`. Default: 0.
        dilationT: Distance of neighbours in a window along the time. Default: 1.
        dilationW: Distance of neighbours along the width. Default: 1.
        dilationH: Distance of neighbours along the height. Default: 1.
        ceil_mode: Round output sizes up. Default: False.

    Shapes:
        As `VolumetricMaxPooling`, with ``dilationT * (kT - 1) + 1`` for `kT`.

    Raises:
        GraphError: As `SpatialMaxPooling`.

    Reference: torch/nn VolumetricDilatedMaxPooling.lua.
    """

    keras_name = "(ops.maximum of slices)"
    dilated = True

    def __init__(
        self,
        kT: int,
        kW: int,
        kH: int,
        dT: int | None = None,
        dW: int | None = None,
        dH: int | None = None,
        padT: int = 0,
        padW: int = 0,
        padH: int = 0,
        dilationT: int = 1,
        dilationW: int = 1,
        dilationH: int = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kT, kW, kH, dT, dW, dH, padT, padW, padH, ceil_mode=ceil_mode)
        set_integers(self, 1, dilationT=dilationT, dilationW=dilationW, dilationH=dilationH)
