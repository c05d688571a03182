"""The gates of an LSTM over time."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..calls import Selector, require_graph, walk
from ..feed import feed
from ._figure import Destination, check_path, finish, new_figure
from .layers import one_call

__all__ = ["lstm_gates"]


def lstm_gates(
    model: keras.Model, x: Any, layer: Selector, *, path: Destination = None
) -> dict[str, np.ndarray]:
    """What the gates of a Keras LSTM do at each step of one sequence.

    `i, f, o = sigmoid(...)`, `g = tanh(...)`, `c = f c' + i g`, `h = o tanh(c)`, with the
    layer's own activations; dropout and masks are left out.

    Args:
        model: a built model with a graph.
        x: one sequence `(steps, features)`, or whatever one sample of the model's input is,
            without its batch axis.
        layer: an LSTM of the model itself, as `graph.activations` picks it; one call.
        path: where to draw them, units against steps, `.png` or `.svg`. Default: nowhere.

    Returns:
        `input`, `forget`, `candidate`, `output`, `cell` and `hidden`, each `(steps, units)`.

    Raises:
        ImportError: `path` is given and matplotlib is not installed.
        ValueError: the layer is no LSTM, lies in a nested model, is fed an initial state, or
            the sequence does not fit.

    Reference: Hochreiter and Schmidhuber, 1997; Keras's order of gates i, f, c, o.
    """
    check_path(path)
    name, chosen = one_call(model, layer)
    if not isinstance(chosen, keras.layers.LSTM) or "/" in name:
        raise ValueError(
            f"layer '{name}' is a {type(chosen).__name__}; the gates shown are those of a "
            "keras.layers.LSTM of the model itself"
        )
    graph = require_graph(model)
    call = dict(walk(graph))[name]
    if len(call.inputs) != 1:
        raise ValueError(f"layer '{name}' is fed an initial state, which is not shown")
    arrays = feed(model.name, graph, np.asarray(x)[None])
    before = keras.Function(graph.inputs, list(call.inputs))
    (sequence,) = before(arrays)
    steps = np.asarray(keras.ops.convert_to_numpy(sequence))[0]
    found = _unrolled(chosen, steps[::-1] if chosen.go_backwards else steps)
    if path is not None:
        _draw(name, found, path)
    return found


def _unrolled(layer: keras.layers.LSTM, steps: np.ndarray) -> dict[str, np.ndarray]:
    cell: Any = layer.cell
    kernel, recurrent = (np.asarray(keras.ops.convert_to_numpy(w)) for w in layer.get_weights()[:2])
    bias = layer.get_weights()[2] if layer.use_bias else 0.0

    def apply(function: Any, values: np.ndarray) -> np.ndarray:
        return np.asarray(keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(values))))

    units = layer.units
    h = c = np.zeros(units, "float32")
    rows: dict[str, list[np.ndarray]] = {}
    for step in steps:
        i, f, g, o = np.split(step @ kernel + h @ recurrent + bias, 4)
        i, f, o = (apply(cell.recurrent_activation, z) for z in (i, f, o))
        g = apply(cell.activation, g)
        c = f * c + i * g
        h = o * apply(cell.activation, c)
        names = ("input", "forget", "candidate", "output", "cell", "hidden")
        for key, value in zip(names, (i, f, g, o, c, h), strict=True):
            rows.setdefault(key, []).append(value)
    return {key: np.stack(values) for key, values in rows.items()}


def _draw(name: str, found: dict[str, np.ndarray], path: Destination) -> None:
    figure = new_figure(9.0, 4.6)
    for axes, (key, values) in zip(figure.subplots(2, 3).flat, found.items(), strict=True):
        gate = key in ("input", "forget", "output")
        bound = float(np.abs(values).max()) or 1.0
        drawn = axes.imshow(
            values.T,
            aspect="auto",
            interpolation="nearest",
            cmap="viridis" if gate else "RdBu_r",
            vmin=0.0 if gate else -bound,
            vmax=1.0 if gate else bound,
        )
        axes.set_title(f"{key} gate" if gate else key, fontsize=10)
        axes.tick_params(labelsize=7)
        figure.colorbar(drawn, ax=axes).ax.tick_params(labelsize=7)
    figure.suptitle(f"{name}: gates are 0 (shut) to 1 (open)", fontsize=11)
    figure.supxlabel("step", fontsize=9)
    figure.supylabel("unit", fontsize=9)
    finish(figure, path)
