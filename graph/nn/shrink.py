"""Functions that cut values off: above and below bounds, or around 0."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import GraphError
from ..origin import caller_origin
from .arguments import number
from .pointwise import Pointwise
from .torch_fields import TorchFields

__all__ = ["Clamp", "HardShrink", "HardTanh", "SoftShrink"]


class HardTanh(Pointwise):
    """``x``, but at least `min_value` and at most `max_value`; at either, its gradient is 0.

    Args:
        min_value: Lower bound. Default: -1.
        max_value: Upper bound. Default: 1.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: A bound is not a number, or the upper one is not above the lower one.

    Reference: torch/nn HardTanh.lua, THNN HardTanh.c.
    """

    keras_name = "(ops.where)"

    def __init__(self, min_value: float = -1, max_value: float = 1, inplace: bool = False) -> None:
        self.min_value = number(min_value, self.torch_name, "min_value")
        self.max_value = number(max_value, self.torch_name, "max_value")
        self.inplace = bool(inplace)
        if self.max_value <= self.min_value:
            raise GraphError(
                f"nn.{self.torch_name}: max_value ({max_value}) must be larger than min_value "
                f"({min_value}), {caller_origin()}"
            )

    @classmethod
    def from_torch(cls, fields: TorchFields) -> HardTanh:
        module = cls(fields.get("min_val", -1), fields.get("max_val", 1))
        module.inplace = bool(fields.get("inplace", False))
        return module

    def compute(self, x: Any, training: bool = False) -> Any:
        """The bounded values."""
        above = ops.where(x >= self.max_value, self.max_value, x)
        return ops.where(x <= self.min_value, self.min_value, above)


class Clamp(HardTanh):
    """As `HardTanh`: ``x``, but at least `min_value` and at most `max_value`.

    Args:
        min_value: Lower bound. Default: -1.
        max_value: Upper bound. Default: 1.

    Raises:
        GraphError: As `HardTanh`.

    Reference: torch/nn Clamp.lua.
    """

    def __init__(self, min_value: float = -1, max_value: float = 1) -> None:
        super().__init__(min_value, max_value)


class _Shrink(Pointwise):
    def __init__(self, lam: float = 0.5) -> None:
        self.lam = number(lam, self.torch_name, "lam")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> _Shrink:
        return cls(fields.get("lambda", 0.5))


class HardShrink(_Shrink):
    """``x`` where ``|x| > lam``, else 0.

    Args:
        lam: The bound (Torch's field `lambda`). Default: 0.5.

    Raises:
        GraphError: `lam` is not a number.

    Reference: torch/nn HardShrink.lua.
    """

    keras_name = "(ops.where)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """What lies outside the bounds."""
        outside = ops.logical_or(x > self.lam, x < -self.lam)
        return ops.where(outside, x, 0.0)


class SoftShrink(_Shrink):
    """``x - lam`` above `lam`, ``x + lam`` below ``-lam``, else 0.

    Args:
        lam: The bound (Torch's field `lambda`). Default: 0.5.

    Raises:
        GraphError: `lam` is not a number.

    Reference: torch/nn SoftShrink.lua.
    """

    keras_name = "(ops.where)"

    def compute(self, x: Any, training: bool = False) -> Any:
        """What lies outside the bounds, moved towards 0."""
        below = ops.where(x < -self.lam, x + self.lam, 0.0)
        return ops.where(x > self.lam, x - self.lam, below)
