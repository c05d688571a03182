"""`keras.layers.LSTM` on a faster road, and what chooses the road."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from .lstm_sequence import lstm_sequence, runs_here

__all__ = ["SequenceLSTM", "lstm_states"]


def lstm_states(
    x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any, *, training: bool
) -> tuple[Any, Any]:
    """All states of an LSTM and its last cell, as of `lstm_sequence`, on every backend.

    Args:
        x: Sequences ``(batch, time, features)``.
        h: The state before the first step.
        c: The cell before the first step.
        kernel: Weights of the input, gates in Keras's order.
        recurrent: Weights of the state.
        bias: One for each gate.
        training: Whether a gradient is likely to be wanted.
    """
    symbolic = isinstance(x, keras.KerasTensor)  # `to_keras` writes the steps out.
    if not symbolic and runs_here(keras.backend.standardize_dtype(x.dtype)):
        states, c = lstm_sequence(x, h, c, kernel, recurrent, bias, training=training)
        return states, c
    ahead = ops.matmul(x, kernel) + bias
    steps = []
    for t in range(x.shape[1]):
        i, f, g, o = ops.split(ahead[:, t] + ops.matmul(h, recurrent), 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        h = ops.sigmoid(o) * ops.tanh(c)
        steps.append(h)
    return ops.stack(steps, axis=1), c


@keras.saving.register_keras_serializable(package="nngraph")
class SequenceLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM`, on TensorFlow's CPU as one operation with a gradient of its own.

    Arguments, weights, states and results are Keras's. What the operation does not do (a mask,
    dropout, other activations, 16 bits, the way backwards), a GPU, where Keras takes cuDNN, and
    the other backends run Keras's own code.
    """

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> Any:
        """As `keras.layers.LSTM.inner_loop`: the last output, all outputs, the last states."""
        dtype = keras.backend.standardize_dtype(sequences.dtype)
        if mask is not None or not self._is_usual() or not runs_here(dtype):
            return super().inner_loop(sequences, initial_state, mask, training=training)
        cell = self.cell
        kernel, recurrent = map(ops.convert_to_tensor, (cell.kernel, cell.recurrent_kernel))
        bias = ops.zeros_like(kernel[0]) if cell.bias is None else ops.convert_to_tensor(cell.bias)
        fed = [ops.cast(a, dtype) for a in (*initial_state, kernel, recurrent, bias)]
        states, c = lstm_sequence(sequences, *fed, training=bool(training))
        last = states[:, -1]
        return last, states if self.return_sequences else last[:, None], [last, c]

    def _is_usual(self) -> bool:
        """Whether only the plain cell of the paper is asked for."""
        used = (self.activation, self.recurrent_activation)
        plain = (keras.activations.tanh, keras.activations.sigmoid)
        dropped = self.dropout or self.recurrent_dropout
        return used == plain and not (dropped or self.go_backwards)
