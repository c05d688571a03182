"""`keras.layers.LSTM` on a faster road, and what chooses the road."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops

from .sequence_function import has_gpu, on_tensorflow
from .step import Fed, Product, Step
from .step_sequence import StepSequence

__all__ = ["SequenceLSTM", "lstm_states"]


def lstm_states(
    x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any, *, training: bool
) -> tuple[Any, Any, Any]:
    """``c = s(f) c' + s(i) tanh(g), h = s(o) tanh(c)`` at every step of a sequence.

    Args:
        x: Sequences ``(batch, time, features)``.
        h: The state before the first step, ``(batch, units)``.
        c: The cell before the first step, ``(batch, units)``.
        kernel: Weights of the input ``(features, 4 units)``, gates in Keras's order i, f, g, o.
        recurrent: Weights of the state ``(units, 4 units)``.
        bias: ``(4 units,)``.
        training: Whether a gradient is likely to be wanted.

    Returns:
        All h ``(batch, time, units)``; the last h and the last c ``(batch, units)``.
    """
    steps = _steps(keras.backend.standardize_dtype(x.dtype), h.shape[-1])
    fed = Fed([x], [], [h, c], [recurrent], [kernel], [bias], [])
    (states,), (h, c) = steps(fed, training=training)
    return states, h, c


@cache
def _steps(dtype: str, units: int) -> StepSequence:
    # s(x) = (tanh(x/2) + 1) / 2: one function for whole rows, of which XLA makes more than of
    # functions of their parts. Halves of floats are exact.
    scale = np.repeat([0.5, 0.5, 1.0, 0.5], units).astype(dtype)

    def run(parts: list[Any], states: list[Any], weights: list[Any], product: Any) -> Any:
        h, c = states
        gates = ops.tanh(ops.multiply(product(0, h), scale))
        gates = ops.add(ops.multiply(gates, scale), 1 - scale)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = f * c + i * g
        h = o * ops.tanh(c)
        return [], [h, c]

    return StepSequence(Step(run, [Product(0, 0, bias=True)], [0]))


@keras.saving.register_keras_serializable(package="nngraph")
class SequenceLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, on TensorFlow's CPU as a loop with a gradient of its own.

    Arguments, weights, states and results are Keras's. What the loop does not do (a mask, dropout,
    other activations, 16 bits, the way backwards), a GPU, where Keras takes cuDNN, and the other
    backends run Keras's own code.
    """

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """As `keras.layers.LSTM.inner_loop`: the last output, all outputs, the last states."""
        dtype = keras.backend.standardize_dtype(sequences.dtype)
        runs_here = on_tensorflow(dtype) and not has_gpu()
        if mask is not None or not self._is_usual() or not runs_here:
            return super().inner_loop(sequences, initial_state, mask, training=training)
        cell = self.cell
        kernel, recurrent = map(ops.convert_to_tensor, (cell.kernel, cell.recurrent_kernel))
        bias = ops.zeros_like(kernel[0]) if cell.bias is None else ops.convert_to_tensor(cell.bias)
        fed = [ops.cast(a, dtype) for a in (*initial_state, kernel, recurrent, bias)]
        states, last, c = lstm_states(sequences, *fed, training=bool(training))
        return last, states if self.return_sequences else last[:, None], [last, c]

    def _is_usual(self) -> bool:
        """Whether only the plain cell of the paper is asked for."""
        used = (self.activation, self.recurrent_activation)
        plain = (keras.activations.tanh, keras.activations.sigmoid)
        dropped = self.dropout or self.recurrent_dropout
        return used == plain and not (dropped or self.go_backwards)
