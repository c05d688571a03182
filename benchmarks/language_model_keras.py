"""The sides of `benchmarks.language_model` that run on Keras: ours, and the same by hand."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks.side import Step
from zoo.lstm_language_model import LSTMLanguageModel, Stepper
from zoo.lstm_language_model import generate as generate_tokens

__all__ = ["by_hand", "generate", "ours"]

VOCABULARY = 65
PROMPT = (3, 1, 4)


def _model(hidden: int) -> keras.Model:
    return LSTMLanguageModel(VOCABULARY, hidden, layers=2)


def _training(model: keras.Model, folder: str) -> Step:
    """The step compares the gradient of the first weights, the table."""
    data = np.load(Path(folder, "data.npz"))
    x, y = tf.constant(data["x"], "int32"), tf.constant(data["y"], "int32")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss)

    @tf.function
    def gradient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        return tf.convert_to_tensor(tape.gradient(value, model.trainable_variables[0].value))

    at_start = gradient(x, y).numpy()
    return Step(lambda: model.train_on_batch(x, y), lambda: at_start)


def ours(folder: str, batch: int, length: int, hidden: int) -> Step:
    """A training step of `zoo.LSTMLanguageModel`; writes weights and characters for the others."""
    keras.utils.set_random_seed(0)
    model = _model(hidden)
    text = np.random.default_rng(0).integers(VOCABULARY, size=(batch, length + 1))
    np.savez(Path(folder, "data.npz"), x=text[:, :-1], y=text[:, 1:])
    np.savez(Path(folder, "weights.npz"), *model.get_weights())
    return _training(model, folder)


def _stored(folder: str) -> list[np.ndarray]:
    stored = np.load(Path(folder, "weights.npz"))
    return [stored[name] for name in stored.files]


def by_hand(folder: str, hidden: int) -> Step:
    """A training step of what one writes in Keras."""
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(VOCABULARY, hidden),
            keras.layers.LSTM(hidden, return_sequences=True),
            keras.layers.LSTM(hidden, return_sequences=True),
            keras.layers.Dense(VOCABULARY),
        ]
    )
    table, *others = _stored(folder)
    model.set_weights([table[-VOCABULARY:], *others])
    return _training(model, folder)


def generate(folder: str, hidden: int, steps: int) -> Step:
    """The likeliest characters after a prompt, one by one."""
    model = _model(hidden)
    model.set_weights(_stored(folder))
    stepper = Stepper(model, 1)

    def call() -> np.ndarray:
        return generate_tokens(stepper, list(PROMPT), steps, temperature=0)

    return Step(call, call)
