"""The sides of `benchmarks.activations`; the output is that of the last layer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.side import Step

__all__ = ["by_hand", "keract", "ours"]


def _stored(folder: str) -> tuple[np.ndarray, list[np.ndarray]]:
    stored = np.load(Path(folder, "weights.npz"))
    return np.load(Path(folder, "images.npy")), [stored[name] for name in stored.files]


def ours(folder: str, images: int, size: int, batch: int) -> Step:
    """`graph.activations`; writes weights and images for the others."""
    import keras

    import graph

    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(images, size, size, 3)).astype("float32")
    np.save(Path(folder, "images.npy"), x)
    model = keras.applications.ResNet50(weights=None, input_shape=x.shape[1:], include_top=False)
    np.savez(Path(folder, "weights.npz"), *model.get_weights())

    def call() -> dict[str, Any]:
        return graph.activations(model, x, batch_size=batch)

    return Step(call, lambda: list(call().values())[-1])


def by_hand(folder: str, batch: int) -> Step:
    """One Keras model of the outputs of all layers."""
    import keras

    x, weights = _stored(folder)
    model = keras.applications.ResNet50(weights=None, input_shape=x.shape[1:], include_top=False)
    model.set_weights(weights)
    many = keras.Model(model.input, [layer.output for layer in model.layers[1:]])

    def call() -> list[np.ndarray]:
        return many.predict(x, batch_size=batch, verbose=0)

    return Step(call, lambda: call()[-1])


def keract(folder: str) -> Step:
    """keract, which runs on Keras 2 alone and knows no batches."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import keract
    import tf_keras

    x, weights = _stored(folder)
    model = tf_keras.applications.ResNet50(weights=None, input_shape=x.shape[1:], include_top=False)
    model.set_weights(weights)
    model.compile("sgd", "mse")

    def call() -> dict[str, Any]:
        return keract.get_activations(model, x)

    return Step(call, lambda: list(call().values())[-1])
