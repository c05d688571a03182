"""`python -m zoo inspect MODEL --image F` and `python -m zoo report`: pictures of a model."""

from __future__ import annotations

import inspect
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import graph
from graph import pictures
from graph.calls import select
from graph.pictures.layers import draw_maps

from .registry import create_model, entry, list_models

__all__ = ["draw_layers", "load_model", "preprocessing_of", "write_report"]


def load_model(path: str, input_shape: Any = None, weights: str | None = None) -> keras.Model:
    """Read a `.keras` or `.t7` file, or make a network; it takes images with their planes last.

    Args:
        path: the file, or the name of a network of the zoo.
        input_shape: of one sample, for a `.t7` file that does not state it.
        weights: a file with a network's weights. Default None: it is not trained.

    Raises:
        UnknownModelError: there is no such network.
        ValueError: the file's shapes stay unknown, or `weights` are given for a file.
        Torch7FormatError: a `.t7` file is damaged.
        WeightsError: `weights` do not fit.
        OSError: a file cannot be read.
    """
    if not path.endswith((".t7", ".keras")):
        if "/" in path or (Path(path).exists() and path not in list_models()):
            raise ValueError(f"{path}: a model is a .keras or .t7 file, or a name of the zoo")
        entry(path)
        return create_model(path) if weights is None else create_model(path, weights=weights)
    if weights is not None:
        raise ValueError(f"{path} has its weights inside; --weights is for a name of the zoo")
    if path.endswith(".t7"):
        model = graph.load_torch7(path, input_shape, layout="keras")
        if not model.is_lowered:
            raise ValueError(
                f"{path} does not state the shape of its input\n"
                "  fix: --input-shape 224,224,3, one sample without the batch, planes last"
            )
        return model
    if not Path(path).is_file():
        raise FileNotFoundError(2, "No such file", path)
    return keras.saving.load_model(path, compile=False)  # type: ignore[return-value]


def preprocessing_of(name: str) -> Callable[[Any], Any] | None:
    """What a network of the zoo wants done with RGB pixels 0..255; None where it does not say.

    Args:
        name: of the network; anything else gives None.
    """
    if name not in list_models():
        return None
    found = entry(name)
    function = getattr(sys.modules[found.load().__module__], "preprocess_input", None)
    if function is None:
        return None
    takes = inspect.signature(function).parameters  # a variant may have its own
    options = {k: v for k, v in found.defaults.items() if k == "variant" and k in takes}
    return lambda pixels: function(pixels, **options)


def draw_layers(
    model: keras.Model,
    image: str,
    layers: str,
    out: str,
    preprocess: Callable[[Any], Any] | None = None,
) -> list[Path]:
    """Write `<layer>_maps.png` and, for convolutions, `<layer>_filters.png`.

    Args:
        model: takes one image of 1 or 3 planes.
        image: the file; it is brought to the model's size.
        layers: which, as `graph.activations` takes them.
        out: the folder; made if it is missing.
        preprocess: what a batch of pixels 0..255 goes through. Default None: divided by 255.

    Raises:
        ValueError: no layer matches, none has maps, the model has no one image as its input, or
            the file is not an image.
        OSError: the image cannot be read or a picture not be written.
    """
    shape = model.inputs[0].shape
    if len(model.inputs) != 1 or len(shape) != 4 or shape[-1] not in (1, 3) or None in shape[1:]:
        raise ValueError(f"model '{model.name}' takes {shape}, not one image of 1 or 3 planes")
    size, mode = tuple(shape[1:3]), "grayscale" if shape[-1] == 1 else "rgb"
    try:
        loaded = keras.utils.load_img(image, color_mode=mode, target_size=size)
    except (SyntaxError, ValueError, OSError) as error:  # SyntaxError: a broken PNG, in Pillow
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ValueError(f"{image} is not an image that can be read: {error}") from error
    pixels = np.asarray(keras.utils.img_to_array(loaded))
    array = pixels / 255 if preprocess is None else np.asarray(preprocess(pixels[None]))[0]
    chosen = select(model, layers)
    answers = graph.activations(model, array[None], list(chosen))  # all in one pass
    written: list[Path] = []
    for name, layer in chosen.items():
        stem = name.replace("/", ".").replace(":", ".")
        if isinstance(answers[name], np.ndarray) and answers[name].ndim == 4:
            written.append(Path(out) / f"{stem}_maps.png")
            draw_maps(array, answers[name][0], name, path=written[-1])
        if len(getattr(getattr(layer, "kernel", None), "shape", ())) == 4:
            written.append(Path(out) / f"{stem}_filters.png")
            pictures.filters(model, name, path=written[-1])
    if not written:
        raise ValueError(f"no layer that matches {layers!r} has maps or filters to draw")
    return written


def write_report(path: str, data: str | None, out: str, weights: str | None = None) -> None:
    """Write the page of `graph.report` about a model and an `.npz` file with `x` and `y`.

    Args:
        path: as `load_model` takes it.
        data: the `.npz` file; None: the page has what needs no data.
        out: the page.
        weights: as `load_model` takes it.

    Raises:
        ValueError: the file holds no `x` and `y`, or they do not fit the model.
        OSError: a file cannot be read or written.
    """
    if data is None:
        graph.report(load_model(path, weights=weights), None, None, out)
        return
    if not zipfile.is_zipfile(data):
        with open(data, "rb"):  # A file that is not there is another mistake.
            raise ValueError(f"{data} is no .npz file, as numpy.savez writes it")
    with np.load(data) as arrays:
        if not {"x", "y"} <= set(arrays):
            raise ValueError(f"{data} holds {', '.join(arrays)}; it must hold x and y")
        pair: tuple[Any, Any] = arrays["x"], arrays["y"]
    graph.report(load_model(path, pair[0].shape[1:], weights), None, pair, out)
