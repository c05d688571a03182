"""Pooling by a power norm."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..layout import keras_axis
from ..origin import caller_origin
from ..table import is_table
from .arguments import number
from .image import set_integers
from .module import Module
from .pooling import AnyPooling
from .torch_fields import TorchFields
from .windows import window_sums

__all__ = ["FeatureLPPooling", "SpatialLPPooling"]


def _root(total: Any, power: float) -> Any:
    """``total ** (1 / power)``, with a gradient of 0 where `total` is 0, as Torch has it."""
    zero = ops.equal(total, 0)
    safe = ops.where(zero, ops.ones_like(total), total)
    root = ops.sqrt(safe) if power == 2 else ops.power(safe, 1 / power)
    return ops.where(zero, ops.zeros_like(total), root)


def _raised(x: Any, power: float) -> Any:
    return ops.square(x) if power == 2 else ops.power(x, power)


class SpatialLPPooling(AnyPooling):
    """``(sum of x^pnorm) ^ (1/pnorm)`` over each window.

    As in Torch `x` is not made positive first: an odd `pnorm` wants inputs that are.

    Args:
        nInputPlane: Not used, in Torch neither; may be None.
        pnorm: The power.
        kW: Window width.
        kH: Window height.
        dW: Step along the width. Default: `kW`.
        dH: Step along the height. Default: `kH`.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, oH, oW, C)`` with ``oW = floor((W - kW) / dW) + 1``.

    Raises:
        GraphError: An argument is out of range; at lowering, the input is smaller than the window.

    Reference: torch/nn SpatialLPPooling.lua.
    """

    keras_name = "(ops.average_pool of powers)"
    sides = "HW"
    bordered = False

    def __init__(
        self,
        nInputPlane: int | None,
        pnorm: float,
        kW: int,
        kH: int,
        dW: int | None = None,
        dH: int | None = None,
    ) -> None:
        self.nInputPlane = nInputPlane
        self.pnorm = number(pnorm, self.torch_name, "pnorm")
        steps = {"dW": kW if dW is None else dW, "dH": kH if dH is None else dH}
        self.set_windows(kW=kW, kH=kH, **steps)

    def layer_key(self, x: Any) -> Any:
        return None

    def compute(self, x: Any, training: bool = False) -> Any:
        sums = window_sums(_raised(x, self.pnorm), self.kernel, self.steps)
        return _root(sums, self.pnorm)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialLPPooling:
        # A Sequential of Square or Power, AveragePooling, MulConstant, and Sqrt or Power.
        power = fields["modules"][0].fields.get("pow", 2)
        return cls(None, power, *(fields.integer(name) for name in ("kW", "kH", "dW", "dH")))


class FeatureLPPooling(Module):
    """``(sum of x^power) ^ (1/power)`` over windows of neighbouring features or planes.

    As in Torch `x` is not made positive first: an odd `power` wants inputs that are.

    Args:
        width: How many features a window holds, 2 to 16.
        stride: Step, 1 to 4.
        power: The power.
        batch_mode: Torch's way to say that there is a batch; there always is one here. Kept,
            without effect. Default: True.

    Shapes:
        ``(batch, F)``, ``(batch, F, n)`` or ``(batch, H, W, F)`` -> the same with
        ``floor((F - width) / stride) + 1`` for F.

    Raises:
        GraphError: An argument is out of range; at lowering, fewer than `width` features.

    Reference: torch/nn FeatureLPPooling.lua.
    """

    keras_name = "(sums of slices of powers)"
    width: int
    stride: int

    def __init__(self, width: int, stride: int, power: float, batch_mode: bool = True) -> None:
        set_integers(self, 2, width=width)
        set_integers(self, 1, stride=stride)
        if self.width > 16 or self.stride > 4:
            raise GraphError(
                f"nn.{self.torch_name}: width is at most 16 and stride at most 4, got {width} and "
                f"{stride}, {caller_origin()}"
            )
        self.power = number(power, self.torch_name, "power")
        self.batch_mode = bool(batch_mode)

    def check(self, x: Any) -> None:
        if is_table(x) or not 2 <= len(x.shape) <= 4:
            raise ShapeMismatch("takes one tensor of 2 to 4 dimensions, the batch included")
        features = x.shape[keras_axis(1, len(x.shape))]
        if features is None or features < self.width:
            raise ShapeMismatch(f"takes at least {self.width} features, their number known")

    def compute(self, x: Any, training: bool = False) -> Any:
        axis = keras_axis(1, len(x.shape))
        before = (slice(None),) * axis
        x = _raised(x, self.power)
        span = (x.shape[axis] - self.width) // self.stride * self.stride + 1
        total = x[(*before, slice(0, span, self.stride))]
        for i in range(1, self.width):
            total = total + x[(*before, slice(i, i + span, self.stride))]
        return _root(total, self.power)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> FeatureLPPooling:
        if not fields.get("batch_mode", False):
            fields.single_samples_only()
        sizes = fields.integer("width"), fields.integer("stride")
        return cls(*sizes, fields["power"], bool(fields.get("batch_mode", False)))
