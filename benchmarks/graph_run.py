"""`predict` and a training step of a gModule, against the same model written in Keras.

python -m benchmarks.graph_run
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable

import keras
import numpy as np

from benchmarks.paired import compare, machine
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


def main() -> None:
    """Print a table: milliseconds a call, and the ratio to Keras by hand."""
    print(machine())
    print(f"{'model':<15}{'what':<12}{'gModule ms':>12}{'Keras ms':>10}{'ratio':>7}")
    generator = np.random.default_rng(0)
    for name, build in (("convolutional", convolutional), ("dense", dense)):
        ours, peer, shape = build()
        peer.set_weights(ours.get_weights())
        x = generator.normal(size=(512, *shape)).astype("float32")
        y = generator.normal(size=(512, 10)).astype("float32")
        gap = np.abs(ours.predict(x, verbose=0) - peer.predict(x, verbose=0)).max()
        assert gap < 1e-5, gap
        for model in (ours, peer):
            model.compile("sgd", "mse")

        def predict(model: keras.Model, x: np.ndarray = x) -> Callable[[], object]:
            return lambda: model.predict(x, batch_size=64, verbose=0)

        def train(model: keras.Model, x: np.ndarray = x, y: np.ndarray = y) -> Callable[[], object]:
            return lambda: [model.train_on_batch(x[:64], y[:64]) for _ in range(8)]

        for what, make in (("predict", predict), ("train step", train)):
            pair = compare(make(ours), make(peer), runs=41, warm=3)
            per = 1000 / 8
            print(
                f"{name:<15}{what:<12}{per * pair.ours:>12.3f}{per * pair.peer:>10.3f}"
                f"{pair.ratio:>7.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
