"""`predict` and a training step of a gModule, against the same model written in Keras.

python -m benchmarks graph_run
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable, Iterator

import keras
import numpy as np

from benchmarks.paired import compare
from benchmarks.row import Row, timed
from graph import Input, gModule, nn


def convolutional() -> tuple[keras.Model, keras.Model, tuple[int, ...]]:
    """A small image network, ours and by hand."""
    x = Input((32, 32, 3))
    y = x
    for planes_in, planes in ((3, 32), (32, 64), (64, 64)):
        y = y - nn.SpatialConvolution(planes_in, planes, 3, 3, 1, 1, 1, 1) - nn.ReLU()
        y = y - nn.SpatialMaxPooling(2, 2)
    y = y - keras.layers.Flatten() - nn.Linear(1024, 10)
    ours = gModule([x], [y])

    k = inputs = keras.Input((32, 32, 3))
    for planes in (32, 64, 64):
        k = keras.layers.ReLU()(keras.layers.Conv2D(planes, 3, padding="same")(k))
        k = keras.layers.MaxPooling2D()(k)
    k = keras.layers.Dense(10)(keras.layers.Flatten()(k))
    return ours, keras.Model(inputs, k), (32, 32, 3)


def dense() -> tuple[keras.Model, keras.Model, tuple[int, ...]]:
    """Four wide linear layers with a skip, ours and by hand."""
    x = Input((256,))
    a = x - nn.Linear(256, 512) - nn.Tanh()
    b = a - nn.Linear(512, 512) - nn.Tanh() - nn.Linear(512, 512)
    ours = gModule([x], [nn.CAddTable()([a, b]) - nn.Linear(512, 10)])

    inputs = keras.Input((256,))
    k = keras.layers.Activation("tanh")(keras.layers.Dense(512)(inputs))
    m = keras.layers.Activation("tanh")(keras.layers.Dense(512)(k))
    m = keras.layers.Dense(512)(m)
    return ours, keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Add()([k, m]))), (256,)


def rows(quick: bool) -> Iterator[Row]:
    """`predict` and training steps of both networks."""
    generator = np.random.default_rng(0)
    count, runs = (64, 2) if quick else (512, 41)
    for name, build in (("convolutional", convolutional), ("dense", dense)):
        ours, peer, shape = build()
        peer.set_weights(ours.get_weights())
        x = generator.normal(size=(count, *shape)).astype("float32")
        y = generator.normal(size=(count, 10)).astype("float32")
        gap = np.abs(ours.predict(x, verbose=0) - peer.predict(x, verbose=0)).max()
        assert gap < 1e-5, gap
        for model in (ours, peer):
            model.compile("sgd", "mse")

        def predict(model: keras.Model, x: np.ndarray = x) -> Callable[[], object]:
            return lambda: model.predict(x, batch_size=64, verbose=0)

        def train(model: keras.Model, x: np.ndarray = x, y: np.ndarray = y) -> Callable[[], object]:
            return lambda: [model.train_on_batch(x[:64], y[:64]) for _ in range(8)]

        for what, make in ((f"predict {count}", predict), ("8 training steps of 64", train)):
            pair = compare(make(ours), make(peer), runs=runs, warm=3)
            yield timed("graph_run", f"{name}, {what}", pair, "Keras by hand", target=1.05)
