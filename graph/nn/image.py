"""What modules over sequences, images and volumes share: their axes and the check of an input.

Sides are named by Torch's letters in Keras's order of axes: ``"W"`` for a sequence (its time),
``"HW"`` for an image and ``"THW"`` for a volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ShapeMismatch
from .arguments import integer

__all__ = ["check_image", "check_maps", "per_side", "set_integers"]

_INPUTS = {
    "W": ("sequences", ("time",), "features"),
    "HW": ("images", ("height", "width"), "planes"),
    "THW": ("volumes", ("time", "height", "width"), "planes"),
}


def set_integers(module: Any, least: int | None, **values: Any) -> None:
    """Store constructor arguments that must be integers, `least` or more, on `module`.

    Raises:
        GraphError: One is not.
    """
    for name, value in values.items():
        setattr(module, name, integer(value, module.torch_name, name, least=least))


def per_side(module: Any, prefix: str, sides: str) -> tuple[int, ...]:
    """The attributes ``prefix + side``, e.g. ``kH`` and ``kW``, in Keras's order."""
    return tuple(getattr(module, prefix + side) for side in sides)


def check_maps(
    x: Any,
    sides: str,
    *,
    planes: int | None = None,
    least: Sequence[int] | None = None,
    window: Sequence[int] | None = None,
) -> None:
    """Check that `x` is a batch of sequences, images or volumes that the module can work on.

    Args:
        x: A Keras tensor, ``(batch, *sides, planes)`` if all is well.
        sides: Which sides it has.
        planes: How many planes the module takes; None for any.
        least: The smallest size of each side that leaves an output. Default: 1.
        window: The size of the module's window, for the message.

    Raises:
        ShapeMismatch: It is not.
    """
    kind, names, depth = _INPUTS[sides]
    expected = (None,) * (len(sides) + 1) + (planes,)
    if isinstance(x, list) or len(x.shape) != len(sides) + 2:
        layout = ", ".join(("batch", *names, depth))
        raise ShapeMismatch(f"takes {kind} ({layout})", expected=expected)
    if planes is not None and x.shape[-1] != planes:
        fix = None
        if x.shape[1] == planes and len(sides) > 1:
            fix = f"{kind} are channels-last here: move the planes to the last axis"
        raise ShapeMismatch(f"takes {kind} of {planes} {depth}", expected=expected, fix=fix)
    smallest = tuple(least or (1,) * len(sides))
    for size, needed, side in zip(x.shape[1:-1], smallest, names, strict=True):
        if size is not None and size < needed:
            text = f"needs a {side} of {needed}"
            if window:
                sizes, order = " x ".join(map(str, window)), " x ".join(names)
                text = f"has a window of {sizes} ({order}), larger than the padded input"
            raise ShapeMismatch(text, expected=(None, *(f">= {n}" for n in smallest), planes))


def check_image(
    x: Any,
    *,
    planes: int | None = None,
    least: Sequence[int] | None = None,
    window: Sequence[int] | None = None,
) -> None:
    """`check_maps` for images, ``(batch, H, W, planes)``.

    Raises:
        ShapeMismatch: `x` is no such batch.
    """
    check_maps(x, "HW", planes=planes, least=least, window=window)
