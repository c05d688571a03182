"""The sections of the page that need no data: curves, filters, layers, configuration."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from ..calls import recorded_graph, walk
from ..pictures import to_display_tensor
from .drawing import curves, picture
from .elements import section, table

__all__ = ["configuration_section", "curve_section", "filter_section", "layer_section"]

_FILTERS = 64


def curve_section(lines: dict[str, list[float]]) -> str:
    """Learning curves, training and validation in one chart; empty where there are none."""
    if not lines:
        return ""
    groups: dict[str, dict[str, list[float]]] = {}
    for name, line in lines.items():
        validation = name.startswith("val_")
        key = "validation" if validation else "training"
        groups.setdefault(name.removeprefix("val_"), {})[key] = line
    body = "".join(curves(title, group) for title, group in groups.items())
    return section(
        "Learning curves",
        "The last value stands beside each name.",
        f'<div class="row">{body}</div>',
    )


def filter_section(model: keras.Model) -> str:
    """The filters of the first convolution on one or three planes; empty where there is none."""
    for name, layer, _ in _layers(model):
        kernel = getattr(layer, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4 and kernel.shape[2] in (1, 3):
            weights = np.asarray(keras.ops.convert_to_numpy(kernel), "float64")
            shown = np.moveaxis(weights, -1, 0)[:_FILTERS]
            grid = to_display_tensor(shown, padding=1, nrow=8, symmetric=True)
            note = (
                f"{html.escape(name)}, {len(shown)} of {weights.shape[-1]}. "
                "Mid-grey is zero, white positive, black negative."
            )
            body = f'<div class="filters">{picture(grid, "filters of " + name)}</div>'
            return section("Filters of the first convolution", note, body)
    return ""


def layer_section(model: keras.Model) -> str:
    """The table of layers."""
    rows = [
        [name, type(layer).__name__, shapes, f"{layer.count_params():,}" if layer.built else "?"]
        for name, layer, shapes in _layers(model)
    ]
    return section(
        "Layers",
        "None is the batch, or a size that is open.",
        table(["layer", "kind", "output", "parameters"], rows),
    )


def _layers(model: keras.Model) -> list[tuple[str, Any, str]]:
    """Name, layer and output shapes of every call.

    Without shapes, of every layer, in a model of whose calls Keras has no record.
    """
    graph = recorded_graph(model)
    if graph is None:
        inside = model._flatten_layers(include_self=False, recursive=True)
        return [(layer.name, layer, "") for layer in inside]
    return [
        (name, call.operation, ", ".join(str(tuple(t.shape)) for t in call.outputs))
        for name, call in walk(graph)
    ]


def configuration_section(model: keras.Model, facts: Mapping[str, Any]) -> str:
    """Versions, optimizer, loss, and `facts` besides."""
    found: dict[str, Any] = {"keras": keras.__version__, "backend": keras.backend.backend()}
    found |= facts
    if getattr(model, "optimizer", None) is not None:
        found["optimizer"] = model.optimizer.get_config()
        loss = getattr(model, "loss", None)
        found["loss"] = loss if isinstance(loss, str) else getattr(loss, "name", str(loss))
    text = html.escape(json.dumps(found, indent=2, default=str))
    return section("Configuration", "What it was trained with.", f"<pre>{text}</pre>")
