"""Adding a border to images and volumes, or cutting one off."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from ..errors import ShapeMismatch
from .image import check_maps, set_integers
from .module import Module
from .scope import Scope

__all__ = [
    "SpatialReflectionPadding",
    "SpatialReplicationPadding",
    "SpatialZeroPadding",
    "VolumetricReplicationPadding",
]


class _Border(Module):
    """What is added before and after each side; a negative number cuts off instead."""

    sides: ClassVar[str] = "HW"
    names: ClassVar[tuple[tuple[str, str], ...]] = (("pad_t", "pad_b"), ("pad_l", "pad_r"))
    """The arguments of each side, in Keras's order."""

    def set_borders(self, first: str, **values: int | None) -> None:
        """Store the arguments; the one called `first` stands for those that are None."""
        set_integers(self, None, **{first: values[first]})
        default = getattr(self, first)
        set_integers(self, None, **{k: default if v is None else v for k, v in values.items()})

    @property
    def borders(self) -> list[tuple[int, int]]:
        """Before and after each side, in Keras's order."""
        return [(getattr(self, before), getattr(self, after)) for before, after in self.names]

    def least(self, before: int, after: int) -> int:
        """The shortest side that these can be added to."""
        return max(1, 1 - before - after)

    def check(self, x: Any) -> None:
        check_maps(x, self.sides)
        least = tuple(self.least(*border) for border in self.borders)
        for size, needed in zip(x.shape[1:-1], least, strict=True):
            if size is not None and size < needed:
                raise ShapeMismatch(
                    "cuts off, or mirrors, more than there is",
                    expected=(None, *(f">= {n}" for n in least), None),
                )

    def compute(self, x: Any, training: bool = False) -> Any:
        for axis, (before, after) in enumerate(self.borders, 1):
            parts = [*self.part(x, axis, before, True), x, *self.part(x, axis, after, False)]
            x = ops.concatenate(parts, axis=axis) if len(parts) > 1 else x
            if before < 0 or after < 0:
                x = _along(x, axis, slice(max(-before, 0), min(after, 0) or None))
        return x

    def part(self, x: Any, axis: int, size: int, is_first: bool) -> list[Any]:
        """What comes before (or after) `x` along `axis`: no tensor or one of this size."""
        raise NotImplementedError


def _along(x: Any, axis: int, place: slice) -> Any:
    return x[(*(slice(None),) * axis, place)]


class SpatialZeroPadding(_Border):
    """Zeros around an image; becomes `keras.layers.ZeroPadding2D` and `keras.layers.Cropping2D`.

    Args:
        pad_l: Columns added on the left; a negative number cuts columns off.
        pad_r: The same on the right. Default: `pad_l`.
        pad_t: Rows at the top. Default: `pad_l`.
        pad_b: Rows at the bottom. Default: `pad_l`.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, pad_t + H + pad_b, pad_l + W + pad_r, C)``.

    Raises:
        GraphError: An argument is not an integer; at lowering, the input is no image, or more is
            cut off than there is.

    Reference: torch/nn SpatialZeroPadding.lua.
    """

    keras_name = "Cropping2D, ZeroPadding2D"

    def __init__(
        self,
        pad_l: int,
        pad_r: int | None = None,
        pad_t: int | None = None,
        pad_b: int | None = None,
    ) -> None:
        self.set_borders("pad_l", pad_l=pad_l, pad_r=pad_r, pad_t=pad_t, pad_b=pad_b)

    def least(self, before: int, after: int) -> int:
        return max(-before, 0) + max(-after, 0) + 1

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        crop = tuple((max(-before, 0), max(-after, 0)) for before, after in self.borders)
        added = tuple((max(before, 0), max(after, 0)) for before, after in self.borders)
        adds = any(map(any, added))
        if any(map(any, crop)):
            x = self.apply_layer(
                x,
                scope,
                lambda name: keras.layers.Cropping2D(crop, name=name),
                key="crop",
                suffix="_crop" if adds else "",
            )
            if not adds:
                return x
        return self.apply_layer(
            x, scope, lambda name: keras.layers.ZeroPadding2D(added, name=name), key="pad"
        )


class SpatialReflectionPadding(_Border):
    """A border that mirrors the image at its edge, the edge itself not repeated.

    Args:
        pad_l: Columns added on the left; a negative number cuts columns off.
        pad_r: The same on the right. Default: `pad_l`.
        pad_t: Rows at the top. Default: `pad_l`.
        pad_b: Rows at the bottom. Default: `pad_l`.

    Shapes:
        As `SpatialZeroPadding`.

    Raises:
        GraphError: As `SpatialZeroPadding`, or a border is not smaller than the image.

    Reference: torch/nn SpatialReflectionPadding.lua.
    """

    keras_name = "(ops.flip, ops.concatenate)"

    def __init__(
        self,
        pad_l: int,
        pad_r: int | None = None,
        pad_t: int | None = None,
        pad_b: int | None = None,
    ) -> None:
        self.set_borders("pad_l", pad_l=pad_l, pad_r=pad_r, pad_t=pad_t, pad_b=pad_b)

    def least(self, before: int, after: int) -> int:
        return max(super().least(before, after), before + 1, after + 1)

    def part(self, x: Any, axis: int, size: int, is_first: bool) -> list[Any]:
        if size <= 0:
            return []
        place = slice(1, size + 1) if is_first else slice(-size - 1, -1)
        return [ops.flip(_along(x, axis, place), axis=axis)]


class _Replication(_Border):
    keras_name = "(ops.repeat, ops.concatenate)"

    def part(self, x: Any, axis: int, size: int, is_first: bool) -> list[Any]:
        if size <= 0:
            return []
        edge = _along(x, axis, slice(0, 1) if is_first else slice(-1, None))
        return [ops.repeat(edge, size, axis=axis)]


class SpatialReplicationPadding(_Replication):
    """A border that repeats the edge of the image.

    Args:
        pad_l: Columns added on the left; a negative number cuts columns off.
        pad_r: The same on the right. Default: `pad_l`.
        pad_t: Rows at the top. Default: `pad_l`.
        pad_b: Rows at the bottom. Default: `pad_l`.

    Shapes:
        As `SpatialZeroPadding`.

    Raises:
        GraphError: As `SpatialZeroPadding`.

    Reference: torch/nn SpatialReplicationPadding.lua.
    """

    def __init__(
        self,
        pad_l: int,
        pad_r: int | None = None,
        pad_t: int | None = None,
        pad_b: int | None = None,
    ) -> None:
        self.set_borders("pad_l", pad_l=pad_l, pad_r=pad_r, pad_t=pad_t, pad_b=pad_b)


class VolumetricReplicationPadding(_Replication):
    """A border that repeats the faces of a volume.

    Args:
        pleft: Columns added on the left; a negative number cuts columns off.
        pright: The same on the right. Default: `pleft`.
        ptop: Rows at the top. Default: `pleft`.
        pbottom: Rows at the bottom. Default: `pleft`.
        pfront: What is added at the start of the time. Default: `pleft`.
        pback: What is added at the end of the time. Default: `pleft`.

    Shapes:
        ``(batch, T, H, W, C)`` -> ``(batch, pfront + T + pback, ptop + H + pbottom,
        pleft + W + pright, C)``.

    Raises:
        GraphError: As `SpatialZeroPadding`.

    Reference: torch/nn VolumetricReplicationPadding.lua.
    """

    sides = "THW"
    names = (("pfront", "pback"), ("ptop", "pbottom"), ("pleft", "pright"))

    def __init__(
        self,
        pleft: int,
        pright: int | None = None,
        ptop: int | None = None,
        pbottom: int | None = None,
        pfront: int | None = None,
        pback: int | None = None,
    ) -> None:
        self.set_borders(
            "pleft",
            pleft=pleft,
            pright=pright,
            ptop=ptop,
            pbottom=pbottom,
            pfront=pfront,
            pback=pback,
        )
