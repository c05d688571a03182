"""`load_weights`: tells a file's format by its content, and loads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from . import darknet, keras_files, numpy_file, pytorch_legacy, safetensors, torch7_file, zip_file
from .assigning import Plan, assign
from .errors import WeightsError
from .named import WeightNames
from .report import LoadReport

__all__ = ["FORMATS", "Format", "load_weights"]

_HEAD = 4096


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        name: What it is called.
        recognises: Whether a file with these first bytes (4096, or all it has) and of this size
            is one.
        plan: What the file at a path holds for a model, given the tables of names to try.
    """

    name: str
    recognises: Callable[[bytes, int], bool]
    plan: Callable[[Any, str, Sequence[WeightNames]], Plan]


# Has no mark of its own but a plausible version.
_DARKNET = Format("Darknet", darknet.recognises, darknet.file_plan)

# The first that recognises a file reads it: those with a longer signature come first.
FORMATS: list[Format] = [
    Format("HDF5", keras_files.recognises, keras_files.plan_h5),
    Format("NumPy", numpy_file.recognises, numpy_file.plan),
    Format("zip", zip_file.recognises, zip_file.plan),
    Format("PyTorch", pytorch_legacy.recognises, pytorch_legacy.plan),
    Format("safetensors", safetensors.recognises, safetensors.plan),
    Format("Torch7", torch7_file.recognises, torch7_file.plan),
    _DARKNET,
]

# What else people have under such a name, and what to do about it.
_OTHERS: list[tuple[Callable[[bytes], bool], str]] = [
    (lambda h: h.startswith(b"version https://git-lfs"), "a Git LFS pointer: git lfs pull"),
    (
        lambda h: (
            h.lstrip()[:9].lower() in (b"<!doctype", b"<html>") or b"<html" in h[:200].lower()
        ),
        "a web page: the download failed",
    ),
    (lambda h: h.startswith(b"\x1f\x8b"), "compressed by gzip: unpack it first"),
    (
        lambda h: h[257:262] == b"ustar",
        "a tar archive: unpack it; if PyTorch before 0.2 wrote it, save it again with a newer one",
    ),
    (
        lambda h: h[:1] == b"\x80",
        "a pickle, but neither torch.save nor numpy.save wrote it, and pickles are never run",
    ),
]


def load_weights(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    names: Sequence[WeightNames] | None = None,
) -> LoadReport:
    """Load a model's weights from a file, all or nothing.

    The format is told by the file's content, whatever its name: Keras's ``.weights.h5`` and
    ``.keras``, Torch7's ``.t7``, PyTorch's ``.pth`` (zip and older), ``.safetensors``, and the
    ``.npy`` layout of ``bvlc_alexnet.npy``, and Darknet's ``.weights``. Nothing in a file is run.

    Everything must fit, in names (or order) and shapes, with two exceptions: a network without its
    top leaves the file's top aside, and a classifier for another number of classes keeps its
    values. The report names both.

    Args:
        model: A network of the zoo. For ``.weights.h5`` and ``.keras`` any Keras model.
        path: The file.
        names: How the arrays of PyTorch, safetensors and NumPy files are called, beside
            ``<layer>.weight`` and ``<layer>.bias``. Default: the tables of the zoo's networks.

    Returns:
        What was loaded, what was skipped and why.

    Raises:
        WeightsError: A `ValueError` with the file's path, and a byte offset where there is one:
            the file is damaged, of no known format or does not fit. The model is as it was.
            `graph.torch7.Torch7FormatError`, also a `ValueError`, for a damaged ``.t7`` file.
        FileNotFoundError: There is no such file.
        OSError: It cannot be read.
    """
    file = os.fspath(path)
    if not os.path.isfile(file):
        raise FileNotFoundError(
            f"no weights file {file!r}: weights is None or a path to a file (nothing is downloaded)"
        )
    with open(file, "rb") as stream:
        head = stream.read(_HEAD)
        size = os.fstat(stream.fileno()).st_size
    for format in FORMATS:
        # A damaged file of Darknet's is known by its name alone.
        if format is _DARKNET and not file.endswith(".weights") and _other(head):
            break
        named = format is _DARKNET and file.endswith(".weights")
        if named or format.recognises(head, size):
            tables = _tables() if names is None else names
            try:
                return assign(model, format.plan(model, file, tables), file)
            except WeightsError as error:
                raise error.at(file) from error.__cause__
    raise WeightsError(_unknown(head), path=file, offset=0)


def _tables() -> Sequence[WeightNames]:
    # Here, because the builders import this module.
    from ..alexnet import WEIGHT_NAMES

    return WEIGHT_NAMES


def _other(head: bytes) -> str | None:
    return next((what for is_one, what in _OTHERS if is_one(head)), None)


def _unknown(head: bytes) -> str:
    if not head:
        return "an empty file"
    other = _other(head)
    if other:
        return other
    known = ", ".join(format.name for format in FORMATS)
    return f"starts with {head[:16]!r}, which is none of the known formats ({known})"
