"""Pairs and triplets of the handwritten digits that come with scikit-learn."""

from __future__ import annotations

import functools

import keras
import numpy as np
from sklearn.datasets import load_digits


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 8, 8, 1) of 0 to 1 and their classes."""
    found = load_digits()
    return (found.images[..., None] / 16).astype("float32"), found.target


def triplets(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anchors, other images of the same digit, and images of other digits."""
    images, target = digits()
    rng = np.random.default_rng(seed)
    anchor = rng.integers(0, len(images), count)
    positive = np.array([rng.choice(np.flatnonzero(target == target[i])) for i in anchor])
    negative = np.array([rng.choice(np.flatnonzero(target != target[i])) for i in anchor])
    return images[anchor], images[positive], images[negative]


def pairs(count: int, seed: int = 0) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Two images, and 1 where they are of one digit, which half of them are."""
    left, same, other = triplets(count, seed)
    alike = np.arange(count) % 2
    return (left, np.where(alike[:, None, None, None] == 1, same, other)), alike.astype("float32")


def small_embedding(width: int = 6, name: str = "embedding") -> keras.Sequential:
    """A convolution, a linear layer and unit length; layers conv, pool, flat, fc, unit."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(width, name="fc"),
            layers.UnitNormalization(name="unit"),
        ],
        name=name,
    )
