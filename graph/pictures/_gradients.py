"""Gradients of one score of a model, by an image or by what a layer answered."""

from __future__ import annotations

import keras
import numpy as np

from ..activation_gradients import activation_gradients
from ..activations import activations
from ..calls import calls_of, require_graph
from ..feed import input_names

__all__ = ["chosen_output", "class_text", "gradient_of_score", "output_call", "scores"]


def output_call(model: keras.Model) -> str:
    """The name of the call that makes the model's one output."""
    graph = require_graph(model)
    if len(graph.outputs) != 1 or len(graph.outputs[0].shape) != 2:
        shapes = [tuple(t.shape) for t in graph.outputs]
        raise ValueError(
            f"model '{model.name}' must have one output (batch, classes), it has {shapes}"
        )
    wanted = id(graph.outputs[0])
    return next(c.name for c in calls_of(graph) if wanted in {id(t) for t in c.outputs})


def chosen_output(values: np.ndarray, output: int | None, model: keras.Model) -> int:
    """The class asked for, or the one that scored highest."""
    if output is None:
        return int(values.argmax())
    if not 0 <= output < values.shape[0]:
        raise ValueError(f"model '{model.name}' has outputs 0..{values.shape[0] - 1}, not {output}")
    return output


def scores(model: keras.Model, images: np.ndarray, batch_size: int = 32) -> np.ndarray:
    """What the model answers, `(batch, classes)`."""
    name = output_call(model)
    return activations(model, images, name, batch_size=batch_size)[name]


def gradient_of_score(
    model: keras.Model, image: np.ndarray, layer: str | None, output: int | None
) -> tuple[np.ndarray, np.ndarray, str]:
    """The value of a layer (None: of the input) for an image, and the score's gradient by it.

    Both without the batch axis, float64; and the class with its score, as text.
    """
    last = output_call(model)
    name = input_names(require_graph(model))[0] if layer is None else layer
    values = activations(model, image[None], [name, last])
    number = chosen_output(values[last][0], output, model)
    gradient = activation_gradients(model, image[None], name, output=number)[name]
    score = class_text(number, values[last][0])
    return values[name][0].astype("float64"), gradient[0].astype("float64"), score


def class_text(number: int, values: np.ndarray) -> str:
    """The class and its score, for a title."""
    return f"class {number}, score {values[number]:.3g}"
