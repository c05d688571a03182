"""Pooling over any number of sides, which the classes of Torch's names specialise."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from ..errors import ShapeMismatch
from .arguments import integer
from .image import check_maps, per_side, set_integers
from .module import Module
from .windows import Side, has_pooling

__all__ = ["AnyPooling"]


class AnyPooling(Module):
    """Windows with steps, borders and dilation along each side.

    A subclass states its sides and sets ``kH``, ``dH``, ... for each; one without borders or
    without dilation leaves ``padH`` or ``dilationH`` out.
    """

    sides: ClassVar[str]
    """Torch's letters of the sides, in Keras's order."""
    layer_class: ClassVar[Any]
    bordered: ClassVar[bool] = True
    dilated: ClassVar[bool] = False

    ceil_mode: bool = False

    def set_windows(self, **values: Any) -> None:
        """Store ``kW``, ``dW`` and, where there are borders, ``padW`` for each side.

        Raises:
            GraphError: One is out of range.
        """
        for name, value in values.items():
            set_integers(self, 0 if name.startswith("pad") else 1, **{name: value})
        for side in self.sides if self.bordered else "":
            kernel, pad = getattr(self, "k" + side), getattr(self, "pad" + side)
            integer(kernel - 2 * pad, self.torch_name, f"k{side} - 2 * pad{side}", least=0)

    def ceil(self) -> Any:
        """Round output sizes up, so that a partial window counts; returns the module itself."""
        self.ceil_mode = True
        return self

    def floor(self) -> Any:
        """Round output sizes down (the default); returns the module itself."""
        self.ceil_mode = False
        return self

    @property
    def kernel(self) -> tuple[int, ...]:
        """Elements of a window along each side, in Keras's order."""
        return per_side(self, "k", self.sides)

    @property
    def steps(self) -> tuple[int, ...]:
        """Steps, in Keras's order."""
        return per_side(self, "d", self.sides)

    @property
    def pads(self) -> tuple[int, ...]:
        """Borders, in Keras's order."""
        return per_side(self, "pad", self.sides) if self.bordered else (0,) * len(self.sides)

    @property
    def dilation(self) -> tuple[int, ...]:
        """Distances between the elements of a window, in Keras's order."""
        return per_side(self, "dilation", self.sides) if self.dilated else (1,) * len(self.sides)

    @property
    def windows(self) -> list[Side]:
        """How windows lie along each side, in Keras's order."""
        clip = any(self.pads)  # Torch looks at all for each.
        parts = zip(self.kernel, self.steps, self.pads, self.dilation, strict=True)
        return [Side((k - 1) * r + 1, d, p, self.ceil_mode, clip) for k, d, p, r in parts]

    def check(self, x: Any) -> None:
        windows = self.windows
        check_maps(
            x,
            self.sides,
            least=[side.least for side in windows],
            window=[side.kernel for side in windows],
        )
        for side, length in zip(windows, x.shape[1:-1], strict=True):
            if length is not None and side.overshoots(length):
                raise ShapeMismatch(
                    f"would lay a last window of {side.kernel} wholly beyond {length} pixels",
                    fix="round down, or make the step no larger than the window",
                )

    def stock_padding(self, x: Any) -> str | None:
        """Keras's padding that gives the same windows on `x`; None where neither does."""
        if max(self.dilation) > 1 or not has_pooling(x):
            return None
        if not self.ceil_mode and not any(self.pads):
            return "valid"
        pairs = list(zip(self.windows, x.shape[1:-1], strict=True))
        if any(length is None for _, length in pairs):
            return None
        if all(side.is_valid(length) for side, length in pairs):
            return "valid"
        return "same" if all(side.is_same(length) for side, length in pairs) else None

    def stock_layer(self, padding: str, name: str) -> keras.layers.Layer:
        """Keras's own layer with these windows."""
        return self.layer_class(self.kernel, strides=self.steps, padding=padding, name=name)

    def with_border(self, x: Any, value: float) -> Any:
        """`x` with `value` around it, so that plain windows are Torch's."""
        borders = [(side.pad, side.after) for side in self.windows]
        if not any(map(any, borders)):
            return x
        return ops.pad(x, ((0, 0), *borders, (0, 0)), constant_values=value)

    def layer_key(self, x: Any) -> Any:
        return self.stock_padding(x), self.ceil_mode
