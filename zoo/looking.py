"""`python -m zoo inspect MODEL --image F` and `python -m zoo report`: pictures of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

import graph
from graph import pictures
from graph.calls import select

__all__ = ["draw_layers", "load_model", "write_report"]


def load_model(path: str) -> keras.Model:
    """Read a `.keras` or `.t7` file.

    Raises:
        ValueError: the file is neither.
    """
    if path.endswith(".t7"):
        return graph.load_torch7(path)
    if path.endswith(".keras"):
        return keras.saving.load_model(path, compile=False)  # type: ignore[return-value]
    raise ValueError(f"{path}: a model is a .keras or .t7 file")


def draw_layers(model: keras.Model, image: str, layers: str, out: str) -> list[Path]:
    """Write `<layer>_maps.png` and, for convolutions, `<layer>_filters.png`.

    The image is brought to the model's size and to 0..1.

    Raises:
        ValueError: no layer matches, none has maps, or the model has no one image as its input.
        OSError: the image cannot be read or a picture not be written.
    """
    shape = model.inputs[0].shape
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] not in (1, 3) or None in shape[1:]:
        raise ValueError(f"model '{model.name}' takes {shape}, not one image of 1 or 3 planes")
    size, mode = tuple(shape[1:3]), "grayscale" if shape[-1] == 1 else "rgb"
    loaded = keras.utils.load_img(image, color_mode=mode, target_size=size)
    array = np.asarray(keras.utils.img_to_array(loaded)) / 255
    written: list[Path] = []
    for name, layer in select(model, layers).items():
        stem = name.replace("/", ".").replace(":", ".")
        if len(getattr(layer, "output", array).shape) == 4:
            written.append(Path(out) / f"{stem}_maps.png")
            pictures.feature_maps(model, array, name, path=written[-1])
        if len(getattr(getattr(layer, "kernel", None), "shape", ())) == 4:
            written.append(Path(out) / f"{stem}_filters.png")
            pictures.filters(model, name, path=written[-1])
    if not written:
        raise ValueError(f"no layer that matches {layers!r} has maps or filters to draw")
    return written


def write_report(path: str, data: str, out: str) -> None:
    """Write the page of `graph.report` about a model and an `.npz` file with `x` and `y`.

    Raises:
        ValueError: the file holds no `x` and `y`, or they do not fit the model.
        OSError: a file cannot be read or written.
    """
    with np.load(data) as arrays:
        if not {"x", "y"} <= set(arrays):
            raise ValueError(f"{data} holds {', '.join(arrays)}; it must hold x and y")
        pair: tuple[Any, Any] = arrays["x"], arrays["y"]
    graph.report(load_model(path), None, pair, out)
