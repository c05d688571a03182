"""The LSTM cell of nngraph."""

from __future__ import annotations

import os

import graph
from graph import Node, nn

from .building import chain, fill

__all__ = ["GATES", "LSTM", "gate_names"]

GATES = ("in_gate", "forget_gate", "in_transform", "out_gate")
"""The gates in the order of `keras.layers.LSTM`'s weights."""


def gate_names(layer: int, layers: int) -> list[str]:
    """The gates' names in the `layer`-th (from 1) of `layers` cells, in Keras's order.

    >>> gate_names(2, 3)
    ['in_gate_2', 'forget_gate_2', 'in_transform_2', 'out_gate_2']
    """
    return [gate + _suffix(layer, layers) for gate in GATES]


def LSTM(
    input_size: int,
    hidden: int,
    layers: int = 1,
    dropout: float = 0.0,
    weights: str | os.PathLike[str] | None = None,
    name: str = "lstm_cell",
) -> graph.GModule:
    """One step of a long short-term memory: from the last state to the next.

    ``c = s(f) c' + s(i) tanh(g), h = s(o) tanh(c)`` with a sigmoid s, where each of i, f, o and g
    is ``Linear(x) + Linear(h')``. Of several layers each reads the h of the one below.

    Nodes: ``in_gate forget_gate out_gate in_transform next_c next_h``, the Linears before a gate
    ``in_gate_x`` (of the input) and ``in_gate_h`` (of the state); of several layers
    ``in_gate_1``, ``in_gate_2``, ``in_gate_x_1`` and so on.

    Args:
        input_size: Features of the input.
        hidden: Features of the state of each layer.
        layers: How many cells lie on each other. Default: 1.
        dropout: What part of the h between two layers is dropped in training, in ``[0, 1)``.
            Default: 0.
        weights: None for random ones, or a file that `zoo.load_weights` reads.
        name: Name of the model.

    Returns:
        A `graph.GModule` from ``[x, c, h]``, of several layers ``[x, c1, h1, c2, h2, ...]``, to
        ``[next_c, next_h]`` or ``[next_c1, next_h1, next_c2, next_h2, ...]``; x is
        ``(batch, input_size)``, all others are ``(batch, hidden)``. `zoo.to_keras_lstm` and
        `zoo.from_keras_lstm` carry the weights to and from `keras.layers.LSTM`.

    Raises:
        ValueError: `layers` is not a whole number of at least 1, or the weights do not fit.
        FileNotFoundError: `weights` names no file.
        GraphError: A size is no positive integer, or `dropout` is out of range.

    Reference: torch/nngraph README; karpathy/char-rnn LSTM.lua, whose four gates of one Linear
    are eight Linears here; Hochreiter & Schmidhuber 1997, "Long short-term memory".

    >>> LSTM(12, 8).output_shape
    [(None, 8), (None, 8)]
    """
    if isinstance(layers, bool) or not isinstance(layers, int) or layers < 1:
        raise ValueError(f"LSTM takes a whole number of at least 1 layers, got {layers!r}")
    below = x = graph.Input((input_size,), name="xt")
    inputs, outputs, size = [x], [], input_size
    for layer in range(1, layers + 1):
        suffix = _suffix(layer, layers)
        prev_c = graph.Input((hidden,), name="prev_c" + suffix)
        prev_h = graph.Input((hidden,), name="prev_h" + suffix)
        if layer > 1 and dropout:
            below = chain(below, **{"dropout" + suffix: nn.Dropout(dropout)})
        next_c, next_h = _cell(below, prev_c, prev_h, size, hidden, suffix)
        inputs += [prev_c, prev_h]
        outputs += [next_c, next_h]
        below, size = next_h, hidden
    model = graph.gModule(inputs, outputs, name=name)
    fill(model, weights)
    return model


def _cell(
    x: Node, prev_c: Node, prev_h: Node, size: int, hidden: int, suffix: str
) -> tuple[Node, Node]:
    def gate(name: str, activation: nn.Module) -> Node:
        from_x = nn.Linear(size, hidden)(x).annotate(name=f"{name}_x{suffix}")
        from_h = nn.Linear(hidden, hidden)(prev_h).annotate(name=f"{name}_h{suffix}")
        summed = nn.CAddTable()([from_x, from_h])
        return activation(summed).annotate(name=name + suffix)

    in_gate = gate("in_gate", nn.Sigmoid())
    forget_gate = gate("forget_gate", nn.Sigmoid())
    out_gate = gate("out_gate", nn.Sigmoid())
    in_transform = gate("in_transform", nn.Tanh())
    kept = nn.CMulTable()([forget_gate, prev_c])
    written = nn.CMulTable()([in_gate, in_transform])
    next_c = nn.CAddTable()([kept, written]).annotate(name="next_c" + suffix)
    squashed = nn.Tanh()(next_c)
    next_h = nn.CMulTable()([out_gate, squashed]).annotate(name="next_h" + suffix)
    return next_c, next_h


def _suffix(layer: int, layers: int) -> str:
    return f"_{layer}" if layers > 1 else ""
