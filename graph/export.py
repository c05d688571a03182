"""A model as a TensorFlow SavedModel whose inputs and outputs have names."""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras

from .atomic import replacing_directory
from .calls import Selector, calls_of, require_graph, select
from .feed import input_names
from .nn.sequence_function import without_xla
from .nn.time_order import steps_first
from .taps import Taps

__all__ = ["export"]


def export(
    model: keras.Model,
    path: str | os.PathLike[str],
    activations: Selector | Sequence[Selector] = (),
    *,
    overwrite: bool = False,
) -> Path:
    """Write a TensorFlow SavedModel with named inputs and outputs, for inference.

    Its signature `serving_default` names the inputs after the model's input layers and the
    outputs after the layers that produce them (Keras's own export says `output_0`). The batch
    axis, and every other axis the model leaves open, stays open. A letter that a signature does
    not take becomes `_`; the second of two equal names becomes `name_1`.

    Args:
        model: a built Functional or Sequential model (a GModule is one).
        path: the directory to write; parents that are missing are created.
        activations: layers, as in `graph.activations`, whose outputs a second signature,
            `activations`, returns. `embedding/conv1` is called `embedding_conv1` there. None
            takes all layers. Default: `()`, no such signature.
        overwrite: replace what `path` holds, in one step: a crash on the way leaves the old one.
            Default False.

    Returns:
        `path`.

    Raises:
        RuntimeError: the Keras backend is not TensorFlow.
        TypeError: `model` is no Keras model, or a member of `activations` is of an unknown kind.
        ValueError: the model is not built or has no graph, or nothing matches a member of
            `activations`.
        FileExistsError: `path` holds something and `overwrite` is False.
        OSError: `path` cannot be written. Like all of these, before the model is traced.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(1, name="y")])
        >>> path = export(model, Path(tempfile.mkdtemp()) / "net", activations="y")
        >>> import tensorflow as tf
        >>> sorted(tf.saved_model.load(str(path)).signatures)
        ['activations', 'serving_default']
    """
    tf = _tensorflow()
    graph = require_graph(model)
    empty = isinstance(activations, (list, tuple, set, frozenset)) and not activations
    names = () if empty else tuple(select(model, activations))
    with replacing_directory(path, overwrite) as draft, without_xla():
        signature = _input_signature(tf, model, graph)
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serving_default", _serving(model, graph), signature)
        if names:
            archive.add_endpoint("activations", _tapping(graph, names), signature)
        archive.write_out(str(draft), verbose=False)
    return Path(path)


def _tensorflow() -> Any:
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "a SavedModel is TensorFlow's format, and the Keras backend is "
            f"'{keras.backend.backend()}': set KERAS_BACKEND=tensorflow before importing keras"
        )
    import tensorflow

    return tensorflow


def _input_signature(tf: Any, model: keras.Model, graph: Any) -> list[Any]:
    names = _signature_names(input_names(graph))
    # The batch is open, except where the steps of a sequence stand in its place.
    whole = steps_first(getattr(model, "inputnodes", ())) is not None
    return [
        tf.TensorSpec((symbol.shape[0] if whole else None, *symbol.shape[1:]), symbol.dtype, name)
        for name, symbol in zip(names, graph.inputs, strict=True)
    ]


def _serving(model: keras.Model, graph: Any) -> Any:
    producers = {id(t): call.operation.name for call in calls_of(graph) for t in call.outputs}
    keys = _signature_names(producers[id(tensor)] for tensor in graph.outputs)

    def serve(*tensors: Any) -> dict[str, Any]:
        inputs = keras.tree.pack_sequence_as(graph.input, list(tensors))
        outputs = keras.tree.flatten(model(inputs, training=False))
        return dict(zip(keys, outputs, strict=True))

    return serve


def _tapping(graph: Any, names: Sequence[str]) -> Any:
    taps = Taps(graph, names)

    def tap(*tensors: Any) -> dict[str, Any]:
        values = taps(list(tensors), training=False)
        flat = [
            (name, tensor)
            for name, value in zip(names, values, strict=True)
            for tensor in keras.tree.flatten(value)
        ]
        return dict(
            zip(_signature_names(name for name, _ in flat), (t for _, t in flat), strict=True)
        )

    return tap


def _signature_names(names: Iterable[str]) -> list[str]:
    """Names that TensorFlow takes as arguments of a signature, each once.

    Example:
        >>> _signature_names(["fc", "fc", "a/b:0", "1x1", "lambda"])
        ['fc', 'fc_1', 'a_b_0', 'layer_1x1', 'lambda_']
    """
    clean = []
    for name in names:
        name = re.sub(r"\W", "_", name, flags=re.ASCII)
        name = name if name[:1].isalpha() else f"layer_{name.lstrip('_')}"
        clean.append(f"{name}_" if keyword.iskeyword(name) else name)
    unique: list[str] = []
    for name in clean:
        # A made-up name must not take one that a layer has by right.
        number, free = 0, name
        while free in unique or (number and free in clean):
            number += 1
            free = f"{name}_{number}"
        unique.append(free)
    return unique
