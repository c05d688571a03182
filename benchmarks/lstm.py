"""LSTM sequences, against `keras.layers.LSTM` and, where it is installed, `torch.nn.LSTM`.

python -m benchmarks.lstm [seconds for each figure, default 8]
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

import zoo
from benchmarks.paired import compare, machine
from graph import Input, gModule, nn

SIZES = (
    (32, 50, 128, 256),
    (64, 100, 64, 64),
    (1, 50, 128, 256),
    (16, 200, 128, 128),
    (128, 20, 256, 512),
    (8, 35, 650, 650),
)
"""Batch, time, input, hidden."""

Run = Callable[[], Any]


def ours_and_kerass(size: tuple[int, ...], x: np.ndarray, dy: np.ndarray) -> dict[str, list[Run]]:
    """Forward, and forward and backward, of `nn.FastLSTM` and of Keras's layer, compiled."""
    import tensorflow as tf

    _, time_, features, hidden = size
    node = Input((time_, features))
    model = gModule([node], [nn.FastLSTM(features, hidden)(node)])
    peer = model.to_keras()
    fed, seed = tf.constant(x), tf.constant(dy)

    def runs(model: keras.Model) -> list[Run]:
        @tf.function
        def forward() -> Any:
            return model(fed, training=False)

        @tf.function
        def both() -> Any:
            with tf.GradientTape() as tape:
                tape.watch(fed)
                y = model(fed, training=True)
            return [y, *tape.gradient(y, [fed, *model.trainable_variables], seed)]

        return [forward, both]

    return {"ours": runs(model), "Keras": runs(peer), "weights": [peer.get_weights]}


def pytorchs(weights: list[np.ndarray], x: np.ndarray, dy: np.ndarray) -> list[Run]:
    """The same of `torch.nn.LSTM` with the same weights.

    Raises:
        ImportError: PyTorch is not installed.
    """
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    kernel, recurrent, bias = weights
    layer = torch.nn.LSTM(x.shape[2], recurrent.shape[0], batch_first=True)
    values = (kernel.T, recurrent.T, bias, np.zeros_like(bias))
    with torch.no_grad():
        for variable, value in zip(layer.parameters(), values, strict=True):
            variable.copy_(torch.from_numpy(value.copy()))
    fed, seed = torch.from_numpy(x).requires_grad_(), torch.from_numpy(dy)

    def forward() -> Any:
        with torch.no_grad():
            return layer(fed)[0]

    def both() -> Any:
        y = layer(fed)[0]
        wanted = [fed, *list(layer.parameters())[:3]]
        return [y, *torch.autograd.grad(y, wanted, seed)]

    return [forward, both]


def check(runs: Mapping[str, list[Run]]) -> None:
    """Refuse to time what does not compute the same."""

    def values(pair: list[Run]) -> list[np.ndarray]:
        y, dx, kernel, recurrent, bias = (
            np.asarray(a.detach() if hasattr(a, "detach") else a) for a in pair[1]()
        )
        transposed = kernel.shape[1] != 4 * recurrent.shape[0]
        if transposed:
            kernel, recurrent = kernel.T, recurrent.T
        return [np.asarray(pair[0]()), y, dx, kernel, recurrent, bias]

    expected = values(runs["Keras"])
    for name, pair in runs.items():
        for a, b in zip(values(pair), expected, strict=True):
            gap = np.abs(a - b).max() / max(1.0, np.abs(b).max())
            assert gap < 1e-4, (name, gap)


def timed(runs: Mapping[str, Run], seconds: float) -> dict[str, list[float]]:
    """Seconds of every run, all of them in turns, until `seconds` are over."""
    for run in runs.values():
        for _ in range(3):
            run()
    times: dict[str, list[float]] = {name: [] for name in runs}
    end, names = time.perf_counter() + seconds, list(runs)
    while time.perf_counter() < end or len(times[names[0]]) < 5:
        for name in names:
            start = time.perf_counter()
            runs[name]()
            times[name].append(time.perf_counter() - start)
        names = names[1:] + names[:1]
    return times


def language_model(seconds: float) -> None:
    """Tokens a second in training `zoo.LSTMLanguageModel`, and its plain copy in Keras."""
    batch, steps, letters = 32, 50, 96
    ours = zoo.LSTMLanguageModel(letters, hidden=256, layers=2, rho=steps)
    peer = ours.to_keras()
    tokens = np.random.default_rng(0).integers(0, letters, (batch, steps + 1))
    x, y = tokens[:, :-1].astype("int32"), tokens[:, 1:]
    for model in (ours, peer):
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(0.001), loss)
    runs = max(5, int(seconds / 0.3))
    pair = compare(
        lambda: ours.train_on_batch(x, y), lambda: peer.train_on_batch(x, y), runs=runs, warm=3
    )
    rate = batch * steps
    print(
        f"language model, 2 x 256, batch {batch} x {steps}: {rate / pair.ours:,.0f} tokens/s, "
        f"Keras {rate / pair.peer:,.0f}, time {pair.ratio:.2f} of Keras's"
    )


def main() -> None:
    """Print a table: medians in milliseconds, and the medians' ratios, of least times too."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 8.0
    print(machine())
    print(
        f"{'batch time input hidden':<25}{'what':<10}{'ours':>8}{'Keras':>8}{'PyTorch':>9}"
        f"{'/Keras':>8}{'/PyTorch':>9}   of the least: /Keras /PyTorch"
    )
    for size in SIZES:
        batch, steps, features, hidden = size
        generator = np.random.default_rng(0)
        x = generator.normal(size=(batch, steps, features)).astype("float32")
        dy = generator.normal(size=(batch, steps, hidden)).astype("float32")
        runs = ours_and_kerass(size, x, dy)
        weights = runs.pop("weights")[0]()
        try:
            runs["PyTorch"] = pytorchs(weights, x, dy)
        except ImportError:
            print("PyTorch is missing")
        check(runs)
        for i, what in enumerate(("forward", "both")):
            times = timed({name: pair[i] for name, pair in runs.items()}, seconds)
            middle = {name: 1000 * statistics.median(t) for name, t in times.items()}
            least = {name: 1000 * min(t) for name, t in times.items()}
            blank = float("nan")
            cells = [middle.get(name, blank) for name in ("ours", "Keras", "PyTorch")]
            ratios = [
                m["ours"] / m.get(n, blank) for m in (middle, least) for n in ("Keras", "PyTorch")
            ]
            print(
                f"{size!s:<25}{what:<10}{cells[0]:>8.2f}{cells[1]:>8.2f}{cells[2]:>9.2f}"
                f"{ratios[0]:>8.2f}{ratios[1]:>9.2f}{ratios[2]:>22.2f}{ratios[3]:>9.2f}",
                flush=True,
            )
    language_model(seconds)


if __name__ == "__main__":
    main()
