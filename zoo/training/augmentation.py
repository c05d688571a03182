"""Images that are turned, scaled, mirrored and tinted while a network trains."""

from __future__ import annotations

from typing import Any

import keras

from .colour_noise import ColourNoise

__all__ = ["augmentation"]

_FLIPS = {
    "horizontal": ("horizontal",),
    "vertical": ("vertical",),
    # Not Keras's mode of this name, which turns by 180 degrees: it draws once for both.
    "horizontal_and_vertical": ("horizontal", "vertical"),
}
_FILLS = ("constant", "nearest", "reflect", "wrap")


def augmentation(
    *,
    rotation: float = 0.0,
    scale: float | tuple[float, float] = 0.0,
    flip: str | None = None,
    colour: float = 0.0,
    fill: str = "reflect",
    seed: int | None = None,
    name: str = "augmentation",
) -> keras.Sequential:
    """Keras's preprocessing layers with an own draw for each image; none acts outside training.

    Layers, those that are wanted: ``flip_horizontal flip_vertical rotation scale colour``. Put it
    first in a model, or map a dataset with ``lambda x, y: (augment(x, training=True), y)``.

    Args:
        rotation: Images are turned by an angle of -rotation to rotation degrees, evenly, from 0 to
            180. Default: 0.
        scale: What is in the image is made smaller or larger: by ``1 - scale`` to ``1 + scale``,
            or by the two numbers given, evenly in 1 / size. Default: 0.
        flip: ``"horizontal"`` (left and right), ``"vertical"`` or ``"horizontal_and_vertical"``:
            mirrored or not, each as likely, both ways apart. Default: None.
        colour: Strength of `ColourNoise`. ``augment.get_layer("colour").adapt(images)`` makes it
            AlexNet's. Default: 0.
        fill: What appears at the border: ``"reflect"``, ``"nearest"``, ``"wrap"`` or
            ``"constant"`` (0). Default: ``"reflect"``.
        seed: Seed of the draws, from 0 up. Default: None, another one each time.
        name: Name of the model.

    Returns:
        A `keras.Sequential` that takes images ``(batch, height, width, channels)`` of any size,
        and gives the same shape.

    Raises:
        ValueError: Nothing is asked for, or a number or name is out of range.

    >>> [layer.name for layer in augmentation(rotation=10, flip="horizontal").layers]
    ['flip_horizontal', 'rotation']
    """
    if not 0 <= rotation <= 180:
        raise ValueError(f"rotation must be 0 to 180 degrees, got {rotation!r}")
    small, large = scale if isinstance(scale, tuple) else (1 - scale, 1 + scale)
    if not 0 < small <= large < float("inf"):
        raise ValueError(
            f"scale must be a number from 0 to 1, or two sizes above 0 in order, got {scale!r}"
        )
    if flip is not None and flip not in _FLIPS:
        raise ValueError(f"flip must be None or one of {', '.join(_FLIPS)}, got {flip!r}")
    if not 0 <= colour < float("inf"):
        raise ValueError(f"colour must be a number from 0 up, got {colour!r}")
    if fill not in _FILLS:
        raise ValueError(f"fill must be one of {', '.join(_FILLS)}, got {fill!r}")

    def seeded(i: int) -> int | None:
        return None if seed is None else seed + i

    layers: list[Any] = []
    for i, mode in enumerate(() if flip is None else _FLIPS[flip]):
        layers.append(keras.layers.RandomFlip(mode, seed=seeded(i), name=f"flip_{mode}"))
    if rotation:
        layers.append(
            # A factor is a part of a full turn.
            keras.layers.RandomRotation(
                rotation / 360, fill_mode=fill, seed=seeded(2), name="rotation"
            )
        )
    if (small, large) != (1, 1):
        # Keras draws how much more (or less) of the image is to be seen: 1 / size - 1.
        seen = (1 / large - 1, 1 / small - 1)
        layers.append(keras.layers.RandomZoom(seen, fill_mode=fill, seed=seeded(3), name="scale"))
    if colour:
        layers.append(ColourNoise(colour, seed=seeded(4), name="colour"))
    if not layers:
        raise ValueError("augmentation needs at least one of rotation, scale, flip and colour")
    return keras.Sequential(layers, name=name)
