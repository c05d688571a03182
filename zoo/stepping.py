"""Running a model over sequences one token at a time, its state kept in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
from keras import ops

from graph import nn
from graph.calls import Call, calls_of, require_graph
from graph.nn.module_layer import ModuleLayer

__all__ = ["Stepper"]

L = keras.layers
# What gives at each step what it would give for that step alone.
_STEPWISE = (L.InputLayer, L.Embedding, L.Dense, L.Dropout, L.Activation, L.Rescaling)
_OPERATIONS = {"Add", "Subtract", "Multiply", "Cast"}  # Elementwise; `to_keras` leaves some.


class Stepper:
    """A language model that is fed one token a call and remembers where it is.

    After tokens ``x_1 ... x_t`` a call gives what the model gives at step t of that sequence. The
    variables are the model's own: training it changes what follows at once. One function is
    compiled, at the first call.

    Args:
        model: What `zoo.LSTMLanguageModel` makes, from a file or not, its plain copy, or any
            Functional or Sequential model from integers ``(batch, time)`` through an Embedding and
            LSTMs with ``return_sequences=True`` to ``(batch, time, vocabulary)``.
        batch_size: How many sequences run side by side. Default: 1.
        first_token: The smallest token. Default: None, what the model was built with, 0 for a
            model that does not say (a plain copy).

    Attributes:
        batch_size: As given.
        first_token: As given, or the model's own.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: It is not built, or a layer does not work step by step; or an argument is out
            of range.

    >>> from zoo.lstm_language_model import LSTMLanguageModel, Stepper
    >>> stepper = Stepper(LSTMLanguageModel(20, 8), batch_size=2)
    >>> stepper([3, 19]).shape
    (2, 20)
    """

    def __init__(
        self, model: keras.Model, batch_size: int = 1, *, first_token: int | None = None
    ) -> None:
        record = require_graph(model)
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size must be a whole number from 1 up, got {batch_size!r}")
        if first_token not in (None, 0, 1):
            raise ValueError(f"first_token is 0, 1 or None, got {first_token!r}")
        self.batch_size = batch_size
        self.first_token = _stated(model) if first_token is None else first_token
        calls = calls_of(record)
        _check(model.name, record, calls)
        self._step = _Step(record, calls)
        tables = [c.operation for c in calls if isinstance(c.operation, L.Embedding)]
        self._count = tables[0].input_dim
        self.reset()

    def __call__(self, tokens: Any) -> np.ndarray:
        """Feed one token of each sequence.

        Args:
            tokens: Integers ``(batch_size,)``, or one where that is 1.

        Returns:
            Logarithms of the probabilities of what follows, or whatever the model ends with,
            ``(batch_size, vocabulary)``.

        Raises:
            ValueError: They are no integers, too many or too few, or out of range; the state is as
                it was.
        """
        given = np.asarray(tokens)
        if given.ndim == 0:
            given = given[None]
        if given.shape != (self.batch_size,):
            raise ValueError(
                f"the stepper takes one token for each of its {self.batch_size} sequences, shape "
                f"({self.batch_size},), got shape {given.shape}"
            )
        self.check(given)
        fed = [given.astype("int32")[:, None], *(a for pair in self._state for a in pair)]
        y, *states = self._step.predict_on_batch(fed)
        pairs = zip(states[::2], states[1::2], strict=True)
        self.state = pairs
        return np.asarray(y)

    def reset(self) -> None:
        """Begin new sequences: every state is 0, as at the start of training sequences."""
        zeros = [
            np.zeros((self.batch_size, layer.units), layer.variable_dtype)
            for layer in self._step.lstms
        ]
        self._state = [(z, z) for z in zeros]

    @property
    def state(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Of each LSTM ``(c, h)``, each ``(batch_size, hidden)``; may be set to go back to it.

        Raises:
            ValueError: What is set has another number of pairs or other shapes; nothing changed.
        """
        return [(c.copy(), h.copy()) for c, h in self._state]

    @state.setter
    def state(self, pairs: Any) -> None:
        new = [tuple(map(np.asarray, pair)) for pair in pairs]
        expected = [tuple(a.shape for a in pair) for pair in self._state]
        found = [tuple(a.shape for a in pair) for pair in new]
        if found != expected:
            raise ValueError(
                f"the state is a list of (c, h)\n  expected shapes {expected}\n  got {found}"
            )
        kinds = [old.dtype for old, _ in self._state]  # The same always: one compiled function.
        self._state = [
            (c.astype(kind), h.astype(kind)) for (c, h), kind in zip(new, kinds, strict=True)
        ]

    def check(self, tokens: np.ndarray) -> None:
        """Refuse tokens that the model does not know.

        Raises:
            ValueError: They are no integers, or one is out of range.
        """
        if tokens.dtype.kind not in "iu":
            raise ValueError(f"tokens must be integers, got {tokens.dtype}")
        first, last = self.first_token, self.first_token + self._count - 1
        wrong = tokens[(tokens < first) | (tokens > last)]
        if wrong.size:
            raise ValueError(f"token {wrong[0]} is not between {first} and {last}")


class _Step(keras.Model):
    """The calls of a model on one step; a model only for Keras to compile it and find weights."""

    def __init__(self, record: Any, calls: list[Call]) -> None:
        super().__init__(name="step", dtype="float32")
        self.autocast = False  # Each layer casts by its own policy.
        # A namespace, in which Keras neither tracks nor copies lists.
        self._plan = SimpleNamespace(calls=calls, input=record.inputs[0], output=record.outputs[0])
        self._used = [call.operation for call in calls if call.is_layer]
        self.lstms = [op for op in self._used if isinstance(op, L.LSTM)]
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        """``[tokens (batch, 1), c, h, ...]`` to ``[y (batch, vocabulary), c, h, ...]``."""
        tokens, *states = inputs
        pairs = iter(zip(states[::2], states[1::2], strict=True))
        values = {id(self._plan.input): ops.cast(tokens, self._plan.input.dtype)}
        new: list[Any] = []
        for call in self._plan.calls:
            if isinstance(call.operation, L.InputLayer):
                continue
            if isinstance(call.operation, L.LSTM):
                c, h = next(pairs)
                x = ops.squeeze(values[id(call.inputs[0])], 1)
                y, (h, c) = call.operation.cell(x, [h, c], training=False)
                new += [c, h]
                values[id(call.outputs[0])] = ops.expand_dims(y, 1)
            else:
                args, kwargs = call.bind(values)
                values[id(call.outputs[0])] = call.operation(*args, **kwargs)
        return [ops.squeeze(values[id(self._plan.output)], 1), *new]


def _stated(model: Any) -> int:
    """The smallest token, where the model says."""
    nodes = getattr(model, "inputnodes", None) or [None]
    return getattr(nodes[0], "annotations", {}).get("first_token", 0)


def _check(name: str, record: Any, calls: list[Call]) -> None:
    """Refuse a model of which a step cannot be told by itself.

    Raises:
        ValueError: There is more than one input or output, or a layer of another kind.
    """
    if len(record.inputs) != 1 or len(record.outputs) != 1:
        raise ValueError(
            f"{name} has {len(record.inputs)} inputs and {len(record.outputs)} outputs; a model "
            f"that is run step by step has one of each"
        )
    for call in calls:
        why = _objection(call.operation)
        if why:
            raise ValueError(f"{name} cannot be run step by step: '{call.name}' {why}")
    ranks = len(record.inputs[0].shape), len(record.outputs[0].shape)
    if ranks != (2, 3) or not any(isinstance(c.operation, L.Embedding) for c in calls):
        raise ValueError(
            f"{name} cannot be run step by step: expected (batch, time) -> Embedding -> ... -> "
            f"(batch, time, vocabulary), got {tuple(record.inputs[0].shape)} -> "
            f"{tuple(record.outputs[0].shape)}"
        )


def _objection(operation: Any) -> str | None:
    """Why an operation does not work step by step; None if it does."""
    if isinstance(operation, L.LSTM):
        if not operation.return_sequences or operation.return_state:
            return "must have return_sequences=True and return_state=False"
        if operation.go_backwards or operation.stateful:
            return "runs backwards or keeps a state of its own"
        return None
    if isinstance(operation, ModuleLayer):
        fine = isinstance(operation.module, nn.LookupTable)
        return None if fine else f"is nn.{operation.module.torch_name}"
    if not isinstance(operation, L.Layer):
        name = type(operation).__name__
        return None if name in _OPERATIONS else f"is keras.ops {name}"
    if getattr(operation, "mask_zero", False):
        return "masks zeros"
    return None if isinstance(operation, _STEPWISE) else f"is a {type(operation).__name__}"
