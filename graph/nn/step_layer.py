"""The Keras layer that runs a small model, the cell, over sequences and feeds its states back."""

from __future__ import annotations

from typing import Any

import keras

from .step_cell import Cell

__all__ = ["StepLoop"]


@keras.saving.register_keras_serializable(package="nngraph")
class StepLoop(keras.layers.Layer):
    """Runs a cell over the steps of sequences.

    Where the cell is a function of what it is fed alone and its only matrices are those of Dense
    layers, TensorFlow runs a loop with a gradient of its own: each gradient of a kernel is one
    product over all steps, and Dense layers with the same input are one. Any other cell runs in a
    plain loop.

    Args:
        cell: A Functional model, from one step of each sequence and all states to outputs and all
            new states.
        states: How many states there are.
        **kwargs: As of `keras.layers.Layer`.

    Shapes:
        A list, first the sequences ``(batch, time, ...)``, then the states ``(batch, ...)`` before
        the first step -> the outputs of all steps ``(batch, time, ...)``, or the states where
        there are no outputs; a list if there are several.
    """

    def __init__(self, cell: keras.Model, states: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.states = states
        self._steps = Cell(cell, states)

    def build(self, input_shape: Any) -> None:
        """Nothing: the cell has all weights."""
        self.built = True

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """What `call` gives, of which shape and dtype."""
        lead = inputs[0].shape[:2]
        found = [keras.KerasTensor((*lead, *t.shape[1:]), t.dtype) for t in self._steps.outputs]
        return found if len(found) > 1 else found[0]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The outputs of all steps."""
        count = len(inputs) - self.states
        parts, states = list(inputs[:count]), list(inputs[count:])
        found = self._steps(parts, states, training=bool(training))
        return found if len(found) > 1 else found[0]

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments, the cell among them."""
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell, "states": self.states}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> StepLoop:
        cell = keras.saving.deserialize_keras_object(config["cell"])
        return cls(**{**config, "cell": cell})
