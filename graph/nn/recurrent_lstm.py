"""`nn.FastLSTM`, `nn.LSTM`, `nn.SeqLSTM`: long short-term memory over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from .initial import torch_uniform
from .lstm_layer import SequenceLSTM, lstm_states
from .recurrent_base import RecurrentModule, WholeSequence, no_state, refuse_options, reordered
from .scope import Scope
from .step import Fed, Product, Step
from .step_sequence import StepSequence
from .torch_fields import TorchFields

__all__ = ["LSTM", "FastLSTM", "SeqLSTM"]

SWAP = (0, 2, 1, 3)  # Torch i,g,f,o and Keras i,f,g,o: its own inverse.


class FastLSTM(RecurrentModule):
    """LSTM without peepholes over a whole sequence; becomes `SequenceLSTM`.

    That is a `keras.layers.LSTM` which is faster on a CPU; after `to_keras` it is Keras's own.

    ``c = f c' + i g, h = o tanh(c)``. In Torch it makes one step a call; here it takes the
    sequence, bare or inside `nn.Sequencer`. State starts at zero for each sequence.

    Args:
        inputSize: Features of one step.
        outputSize: Features of the state.

    Shapes:
        ``(batch, time, inputSize)`` -> ``(batch, time, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input is no such sequence.

    Reference: Element-Research/rnn FastLSTM.lua.
    """

    keras_name = "LSTM"

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return self._layer(SequenceLSTM, name)

    def _layer(self, kind: type, name: str) -> Any:
        return kind(
            self.outputSize,
            return_sequences=True,
            unit_forget_bias=False,
            kernel_initializer=torch_uniform(self.inputSize),
            recurrent_initializer=torch_uniform(self.outputSize),
            bias_initializer=torch_uniform(self.inputSize),
            name=name,
        )

    def lower(self, x: Any, scope: Scope) -> Any:
        if not scope.stock:
            return super().lower(x, scope)
        self.check(x)

        def make(name: str) -> keras.layers.Layer:
            ours = self._built()
            layer = self._layer(keras.layers.LSTM, name)
            layer.build((None, None, self.inputSize))
            layer.set_weights(ours.get_weights())
            layer.trainable = ours.trainable
            return layer

        return self.apply_layer(x, scope, make, key="stock")

    def _built(self) -> Any:
        return self.built_layer((None, None, self.inputSize))

    def parameter_specs(self) -> list[Any]:
        return []

    def named_parameters(self) -> dict[str, keras.Variable]:
        cell = self._built().cell
        return {
            "i2g_weight": cell.kernel,
            "i2g_bias": cell.bias,
            "o2g_weight": cell.recurrent_kernel,
        }

    @classmethod
    def from_torch(cls, fields: TorchFields) -> FastLSTM:
        refuse_options(fields)
        return cls(fields.integer("inputSize"), fields.integer("outputSize"))

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return reordered(array.T, SWAP)

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return reordered(array, SWAP).T

    def to_stock(self) -> list[np.ndarray]:
        kernel, bias, recurrent = self.values()
        return [kernel, recurrent, bias]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        kernel, recurrent, bias = weights
        self.assign_all([kernel, bias, recurrent])


def _peeping(parts: list[Any], states: list[Any], weights: list[Any], product: Any) -> Any:
    (h, c), (to_input, to_forget, to_output) = states, weights
    i, f, g, o = ops.split(product(0, h), 4, axis=-1)
    new = ops.sigmoid(i + c * to_input) * ops.tanh(g)
    c = ops.sigmoid(f + c * to_forget) * c + new
    h = ops.sigmoid(o + c * to_output) * ops.tanh(c)
    return [], [h, c]


_PEEPING = StepSequence(Step(_peeping, [Product(0, 0, bias=True)], [0]))


class LSTM(RecurrentModule):
    """LSTM whose gates also see the cell (peepholes), over a whole sequence.

    ``i = s(Wx + Uh' + p c'), f likewise, c = f c' + i g, o = s(Wx + Uh' + p c), h = o tanh(c)``.

    Args:
        inputSize: Features of one step.
        outputSize: Features of the state.
        rho: Kept, without effect: Torch's limit of steps for back-propagation. Default: 9999.
        cell2gate: Whether there are peepholes. Default: True.

    Shapes:
        ``(batch, time, inputSize)`` -> ``(batch, time, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input is no such sequence.

    Reference: Element-Research/rnn LSTM.lua.
    """

    keras_name = "(matmul, sigmoid, tanh)"

    def __init__(
        self, inputSize: int, outputSize: int, rho: int = 9999, cell2gate: bool = True
    ) -> None:
        super().__init__(inputSize, outputSize)
        self.rho = rho
        self.cell2gate = bool(cell2gate)

    def sizes(self) -> list[tuple[str, tuple[int, ...]]]:
        D, H = self.inputSize, self.outputSize
        named: list[tuple[str, tuple[int, ...]]] = []
        for gate in ("forget", "input", "hidden", "output"):
            named += [(f"{gate}_i2g_weight", (D, H)), (f"{gate}_i2g_bias", (H,))]
            named.append((f"{gate}_o2g_weight", (H, H)))
            if self.cell2gate and gate != "hidden":
                named.append((f"{gate}_cell2gate", (H,)))
        return named

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        order = ("input", "forget", "hidden", "output")
        kinds = ("i2g_weight", "o2g_weight", "i2g_bias")
        joined = (ops.concatenate([parameters[f"{g}_{k}"] for g in order], axis=-1) for k in kinds)
        kernel, recurrent, bias = joined
        h = c = no_state(x, self.outputSize)
        if not self.cell2gate:
            return lstm_states(x, h, c, kernel, recurrent, bias, training=training)[0]
        peepholes = [parameters[f"{g}_cell2gate"] for g in order if g != "hidden"]
        fed = Fed([x], [], [h, c], [recurrent], [kernel], [bias], peepholes)
        return _PEEPING(fed, training=training)[0][0]

    @classmethod
    def from_torch(cls, fields: TorchFields) -> LSTM:
        refuse_options(fields)
        sizes = fields.integer("inputSize"), fields.integer("outputSize")
        return cls(*sizes, fields.integer("rho", 9999), bool(fields.get("cell2gate", True)))

    def to_stock(self) -> list[np.ndarray]:
        if self.cell2gate:
            return super().to_stock()
        values = self.values()
        order = (3, 0, 6, 9)  # input, forget, hidden, output
        parts = [[values[i + k] for i in order] for k in (0, 2, 1)]
        return [np.concatenate(part, axis=-1) for part in parts]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        if self.cell2gate:
            super().from_stock(weights)
        kernel, recurrent, bias = (np.split(np.asarray(w), 4, axis=-1) for w in weights)
        order = (1, 0, 2, 3)
        self.assign_all([a[i] for i in order for a in (kernel, bias, recurrent)])


class SeqLSTM(WholeSequence):
    """LSTM over a whole sequence with one weight, gates in the order i, f, o, g.

    Args:
        inputSize: Features of one step.
        outputSize: Features of the state.
        batchfirst: Whether Torch takes and gives (batch, time, ...) and not (time, batch, ...).
            Kept, without effect: here it is always the first. Default: False.

    Shapes:
        ``(batch, time, inputSize)`` -> ``(batch, time, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input is no such sequence.

    Reference: Element-Research/rnn SeqLSTM.lua.
    """

    keras_name = "(matmul, sigmoid, tanh)"
    torch_sizes = ("inputsize", "outputsize")

    def sizes(self) -> list[tuple[str, tuple[int, ...]]]:
        D, H = self.inputSize, self.outputSize
        return [("weight", (D + H, 4 * H)), ("bias", (4 * H,))]

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        kernel, recurrent = ops.split(parameters["weight"], [self.inputSize], axis=0)
        bias = parameters["bias"]

        def keras_order(weight: Any) -> Any:
            i, f, o, g = ops.split(weight, 4, axis=-1)
            return ops.concatenate([i, f, g, o], axis=-1)

        weights = [keras_order(w) for w in (kernel, recurrent, bias)]
        zeros = no_state(x, self.outputSize)
        return lstm_states(x, zeros, zeros, *weights, training=training)[0]

    def to_stock(self) -> list[np.ndarray]:
        weight, bias = (reordered(a, (0, 1, 3, 2)) for a in self.values())
        return [weight[: self.inputSize], weight[self.inputSize :], bias]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        kernel, recurrent, bias = weights
        both = [np.concatenate([kernel, recurrent]), np.asarray(bias)]
        self.assign_all([reordered(a, (0, 1, 3, 2)) for a in both])
