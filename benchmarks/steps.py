"""Steps of `nn.Recurrence` and `nn.GRU` over time, against the layers that Keras has for them.

python -m benchmarks steps
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

import zoo
from benchmarks.lstm_sides import tensorflow_steps
from benchmarks.paired import compare
from benchmarks.row import Row, timed
from graph import Input, gModule, nn

__all__ = ["rows"]

# Batch, time, input, hidden.
SIZES = ((32, 50, 128, 256), (64, 100, 64, 64), (16, 200, 128, 128))


def _cell(features: int, hidden: int) -> tuple[Any, keras.layers.Layer]:
    """nngraph's LSTM, eight Linears and twelve other nodes."""
    cell = zoo.LSTM(features, hidden)
    states = nn.Sequencer(nn.Recurrence(cell, [hidden, hidden]))
    return nn.Sequential(states, nn.SelectTable(2)), zoo.to_keras_lstm(cell)


def _gru(features: int, hidden: int) -> tuple[Any, keras.layers.Layer]:
    module = nn.GRU(features, hidden)
    layer = keras.layers.GRU(hidden, return_sequences=True, reset_after=False)
    layer.build((None, None, features))
    layer.set_weights(module.to_stock())
    return module, layer


def rows(quick: bool) -> Iterator[Row]:
    """Each at three sizes, with the weights of Keras's layer."""
    makers: dict[str, Callable[..., tuple[Any, keras.layers.Layer]]]
    makers = {"nngraph's LSTM cell": _cell, "nn.GRU": _gru}
    runs, calls = (2, 1) if quick else (31, 5)
    for size in ((2, 3, 4, 5),) if quick else SIZES:
        batch, steps, features, hidden = size
        for name, make in makers.items():
            module, layer = make(features, hidden)
            x = Input((steps, features))
            peer = keras.Sequential([keras.Input((steps, features)), layer])
            sides = [tensorflow_steps(m, size) for m in (gModule([x], [module(x)]), peer)]
            gap = np.abs(sides[0][0].output() - sides[1][0].output()).max()
            assert gap < 1e-5, gap
            for what, ours, theirs in zip(("forward", "forward and backward"), *sides, strict=True):
                pair = compare(
                    lambda step=ours: [step.run() for _ in range(calls)],
                    lambda step=theirs: [step.run() for _ in range(calls)],
                    runs=runs,
                    warm=3,
                )
                pair = pair._replace(ours=pair.ours / calls, peer=pair.peer / calls)
                text = f"{name}, {batch} x {steps}, {features} to {hidden}, {what}"
                title = f"keras.layers.{type(layer).__name__}"
                yield timed("steps", text, pair, title, note=f"outputs within {gap:.0e}")
