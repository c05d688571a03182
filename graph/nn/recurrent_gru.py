"""`nn.GRU`, `nn.SeqGRU`: gated recurrent units over a sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

from .recurrent_base import RecurrentModule, WholeSequence, no_state, refuse_options, reordered
from .step import Fed, Product, Step
from .step_sequence import StepSequence
from .torch_fields import TorchFields

__all__ = ["GRU", "SeqGRU"]


def _run(
    x: Any, kernels: list[Any], inputs: list[Any], biases: list[Any], size: int, training: bool
) -> Any:
    """``h = (1 - z) tanh(Wx + U(r h')) + z h'``; of weights those of the gates come first."""
    fed = Fed([x], [], [no_state(x, size)], kernels, inputs, biases, [])
    return _STEPS(fed, training=training)[0][0]


def _gated(parts: list[Any], states: list[Any], weights: list[Any], product: Any) -> Any:
    (h,) = states
    r, z = ops.split(ops.sigmoid(product(0, h)), 2, axis=-1)
    new = ops.tanh(product(1, r * h))
    return [], [(1.0 - z) * new + z * h]


_STEPS = StepSequence(Step(_gated, [Product(0, 0, bias=True), Product(None, 0, bias=True)], [0]))


class GRU(RecurrentModule):
    """``h = (1 - z) tanh(Wx + U(r h')) + z h'`` over a whole sequence.

    The cell is that of ``keras.layers.GRU(reset_after=False)``: see `to_stock`, `from_stock`.

    Args:
        inputSize: Features of one step.
        outputSize: Features of the state.

    Shapes:
        ``(batch, time, inputSize)`` -> ``(batch, time, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input is no such sequence.

    Reference: Element-Research/rnn GRU.lua.
    """

    keras_name = "(matmul, sigmoid, tanh)"

    def sizes(self) -> list[tuple[str, tuple[int, ...]]]:
        D, H = self.inputSize, self.outputSize
        return [
            ("i2g_weight", (D, 2 * H)),
            ("i2g_bias", (2 * H,)),
            ("o2g_weight", (H, 2 * H)),
            ("i2h_weight", (D, H)),
            ("i2h_bias", (H,)),
            ("h2h_weight", (H, H)),
        ]

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        kernels, inputs, biases = (
            [parameters[name] for name in names]
            for names in (
                ("o2g_weight", "h2h_weight"),
                ("i2g_weight", "i2h_weight"),
                ("i2g_bias", "i2h_bias"),
            )
        )
        return _run(x, kernels, inputs, biases, self.outputSize, training)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> GRU:
        refuse_options(fields)
        return cls(fields.integer("inputSize"), fields.integer("outputSize"))

    def to_stock(self) -> list[np.ndarray]:
        wg, bg, ug, wh, bh, uh = self.values()
        pairs = ((wg, wh), (ug, uh), (bg, bh))
        return [reordered(np.concatenate(pair, axis=-1), (1, 0, 2)) for pair in pairs]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        H = self.outputSize
        kernel, recurrent, bias = (reordered(np.asarray(w), (1, 0, 2)) for w in weights)
        kinds = (kernel, bias, recurrent)
        gates, candidates = [a[..., : 2 * H] for a in kinds], [a[..., 2 * H :] for a in kinds]
        self.assign_all([*gates, *candidates])


class SeqGRU(WholeSequence):
    """The cell of `nn.GRU` over a whole sequence with one weight, gates in the order r, z, h.

    Args:
        inputSize: Features of one step.
        outputSize: Features of the state.
        batchfirst: Whether Torch takes and gives (batch, time, ...) and not (time, batch, ...).
            Kept, without effect: here it is always the first. Default: False.

    Shapes:
        ``(batch, time, inputSize)`` -> ``(batch, time, outputSize)``.

    Raises:
        GraphError: A size is not a positive integer; at lowering, the input is no such sequence.

    Reference: Element-Research/rnn SeqGRU.lua.
    """

    keras_name = "(matmul, sigmoid, tanh)"

    def sizes(self) -> list[tuple[str, tuple[int, ...]]]:
        D, H = self.inputSize, self.outputSize
        return [("weight", (D + H, 3 * H)), ("bias", (3 * H,))]

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        H = self.outputSize
        kernel, recurrent = ops.split(parameters["weight"], [self.inputSize], axis=0)
        weights = (recurrent, kernel, parameters["bias"])
        kernels, inputs, biases = (ops.split(w, [2 * H], axis=-1) for w in weights)
        return _run(x, kernels, inputs, biases, H, training)

    def to_stock(self) -> list[np.ndarray]:
        weight, bias = (reordered(a, (1, 0, 2)) for a in self.values())
        return [weight[: self.inputSize], weight[self.inputSize :], bias]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        kernel, recurrent, bias = weights
        both = [np.concatenate([kernel, recurrent]), np.asarray(bias)]
        self.assign_all([reordered(a, (1, 0, 2)) for a in both])
