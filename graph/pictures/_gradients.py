"""Gradients of one score of a model, by an image or by what a layer answered."""

from __future__ import annotations

import keras
import numpy as np

from ..activations import Taps, activations
from ..calls import calls_of, require_graph
from ..feed import feed

__all__ = ["gradient_of_score", "output_call", "scores"]


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
) -> tuple[np.ndarray, np.ndarray]:
    """The value of a layer (None: of the input) for an image, and the score's gradient by it.

    Both without the batch axis, float64.
    """
    graph = require_graph(model)
    last = output_call(model)
    arrays = feed(model.name, graph, image[None])
    taps = Taps(graph, [last] if layer is None else [layer, last])
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        given = [
            tf.cast(tf.convert_to_tensor(a), t.dtype)
            for a, t in zip(arrays, graph.inputs, strict=True)
        ]
        with tf.GradientTape() as tape:
            tape.watch(given)
            values = taps(given)
            number = chosen_output(np.asarray(values[-1])[0], output, model)
            score = values[-1][0, number]
        by = given[0] if layer is None else values[0]
        gradient = tape.gradient(score, by)
    elif backend == "torch":
        import torch  # pyright: ignore[reportMissingImports]

        device = keras.ops.convert_to_tensor(0.0).device
        given = [torch.as_tensor(a, device=device).requires_grad_() for a in arrays]
        with torch.enable_grad():
            values = taps(given)
        number = chosen_output(keras.ops.convert_to_numpy(values[-1])[0], output, model)
        by = given[0] if layer is None else values[0]
        (gradient,) = torch.autograd.grad(values[-1][0, number], by, allow_unused=True)
    else:
        raise RuntimeError(
            f"gradients need Keras on TensorFlow or PyTorch; it runs on {backend}. "
            "occlusion_map works on every backend."
        )
    if gradient is None:
        raise ValueError(f"the output of model '{model.name}' does not depend on layer '{layer}'")
    value = keras.ops.convert_to_numpy(by)[0].astype("float64")
    return value, keras.ops.convert_to_numpy(gradient)[0].astype("float64")
