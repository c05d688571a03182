"""`python -m zoo convert`: a Keras model as a SavedModel or as one file."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import keras
import numpy as np

import graph
from graph.table import flatten, map_table
from graph.whole_file import replacing_file

__all__ = ["FORMATS", "ConversionError", "check_place", "check_tools", "write"]

FORMATS = {"saved_model": "", "keras": ".keras", "onnx": ".onnx", "litert": ".tflite"}
"""Format -> the ending of its file; a SavedModel is a directory."""


class ConversionError(ValueError):
    """A model that cannot be written in the format that was asked for."""


def check_tools(format: str) -> None:
    """See that what writes a format is installed.

    Raises:
        ConversionError: It is not.
    """
    missing: list[str] = []
    if format == "onnx":
        names = ("tf2onnx", "onnx")
        missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise ConversionError(
            f"--to onnx needs {' and '.join(missing)}\n  fix: pip install 'nngraph-keras[onnx]'"
        )
    if format == "litert" and importlib.util.find_spec("keras.src.export.litert") is None:
        raise ConversionError(
            f"--to litert needs Keras 3.13 or newer, this is {keras.__version__}\n"
            f"  fix: pip install --upgrade keras"
        )


def check_place(source: str, out: str, format: str, overwrite: bool) -> Path:
    """Where the result goes: a directory for a SavedModel, else a file, in `out` or `out` itself.

    Raises:
        FileExistsError: Something is there, and `overwrite` is False or it is something else.
        NotADirectoryError: `out` is a file where a directory is asked for.
    """
    place, ending = Path(out), FORMATS[format]
    if ending and place.suffix != ending:
        if place.exists() and not place.is_dir():
            raise NotADirectoryError(f"{out} is a file, expected a directory or a *{ending} file")
        place = place / f"{Path(source).stem}{ending}"
    if not os.path.lexists(place):
        return place
    if ending and place.is_dir():
        raise FileExistsError(f"{place} is a directory, expected a file")
    if not ending and place.is_dir() and not any(place.iterdir()):
        return place
    if not overwrite:
        raise FileExistsError(f"{place} exists already\n  fix: --overwrite replaces it")
    if not ending and not (place / "saved_model.pb").is_file():
        raise FileExistsError(f"{place} exists and is no SavedModel, so it is not replaced")
    return place


def write(model: graph.GModule, place: Path, format: str, *, overwrite: bool = False) -> None:
    """Write the model in one step: `place` holds all of it or is as it was.

    Args:
        model: A model whose shapes are known.
        place: From `check_place`.
        format: One of `FORMATS`.
        overwrite: Whether to replace what is there.

    Raises:
        ConversionError: Keras cannot write the model in this format.
        OSError: `place` cannot be written.
    """
    # Keras and TensorFlow report on stdout, which is this program's own.
    with redirect_stdout(sys.stderr):
        try:
            if format == "saved_model":
                graph.export(model, place, overwrite=overwrite)
            else:
                with replacing_file(place, parents=True) as draft:
                    _write_file(model.to_keras(), draft, format)
        except (OSError, graph.GraphError):
            raise
        except Exception as error:
            text = " ".join(str(error).split())
            raise ConversionError(
                f"Keras cannot write it as {format}: {type(error).__name__}: {text[:500]}"
            ) from error


def _write_file(model: Any, draft: Path, format: str) -> None:
    if format == "keras":
        model.save(draft)
        return
    unknown = [x for x in model.inputs if None in tuple(x.shape)[1:]]
    if unknown:
        shapes = ", ".join(str(tuple(x.shape)) for x in unknown)
        raise ConversionError(
            f"{format} needs every size of the inputs, got {shapes}\n"
            f"  fix: state them all with --input-shape"
        )
    # Keras exports what was called once.
    model(map_table(lambda x: np.zeros((1, *x.shape[1:]), x.dtype), model.input), training=False)
    model.export(str(draft), format=format, verbose=False)
    if format == "onnx":
        _name_outputs(draft, [t._keras_history.operation.name for t in flatten(model.output)])


def _name_outputs(path: Path, names: list[str]) -> None:
    """Call the outputs of an ONNX file after their layers; Keras leaves them ``Identity:0``."""
    onnx = importlib.import_module("onnx")
    proto = onnx.load(str(path))
    used = {name for node in proto.graph.node for name in (*node.input, *node.output)}
    if len(set(names)) < len(names) or len(names) != len(proto.graph.output) or used & set(names):
        return
    new = {output.name: name for output, name in zip(proto.graph.output, names, strict=True)}
    for output in proto.graph.output:
        output.name = new[output.name]
    for node in proto.graph.node:
        for part in (node.input, node.output):
            part[:] = [new.get(name, name) for name in part]
    onnx.save(proto, str(path))


def shapes_text(tensors: Any) -> str:
    """Names and shapes of the tensors of a model, for people."""
    return ", ".join(
        f"{t._keras_history.operation.name} {tuple(t.shape)}" for t in flatten(tensors)
    )
