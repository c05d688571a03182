"""Models that `graph.optimize` made, against the models as they were.

python -m benchmarks optimize
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import graph
import zoo
from benchmarks.paired import compare
from benchmarks.row import Row, timed

__all__ = ["rows"]

Call = Callable[[], Any]


def darknet() -> keras.Model:
    """Tiny Darknet whose batch normalisation has something to fold."""
    model, rng = zoo.TinyDarknet(), np.random.default_rng(0)
    weights = model.get_weights()
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in weights])
    return model


def inputs(model: keras.Model, batch: int) -> list[np.ndarray]:
    """A batch of random inputs."""
    rng = np.random.default_rng(1)
    return [rng.uniform(size=(batch, *x.shape[1:])).astype("float32") for x in model.inputs]


def forward(model: keras.Model, x: list[np.ndarray], *, xla: bool) -> Call:
    """One call of the model as a compiled function of tensors."""
    fed = [tf.constant(array) for array in x]
    run = tf.function(lambda *x: model(list(x) if len(x) > 1 else x[0], training=False))
    run = tf.function(run, jit_compile=xla)
    return lambda: [y.numpy() for y in keras.tree.flatten(run(*fed))]


def predicting(model: keras.Model, x: list[np.ndarray]) -> Call:
    """`predict_on_batch`."""
    fed = x if len(x) > 1 else x[0]
    return lambda: keras.tree.flatten(model.predict_on_batch(fed))


def training(model: keras.Model, x: list[np.ndarray]) -> Call:
    """One training step."""
    targets = [np.zeros((len(x[0]), *y.shape[1:]), "float32") for y in model.outputs]
    model.compile("sgd", ["mse"] * len(targets), jit_compile=False)
    fed, wanted = (x, targets) if len(x) > 1 else (x[0], targets[0])
    return lambda: model.train_on_batch(fed, wanted)


def rows(quick: bool) -> Iterator[Row]:
    """Tiny Darknet, variant darknet, and nngraph's LSTM step, one sample and several."""
    cases = [("LSTM step 128 to 256", zoo.LSTM(128, 256), (1, 32), None)]
    if not quick:
        cases.insert(0, ("TinyDarknet", darknet(), (1, 16), 1 / 1.3))
    for name, model, batches, target in cases:
        inference = graph.optimize(model)
        for batch in batches[:1] if quick else batches:
            x = inputs(model, batch)
            for how, make in (
                ("forward", lambda m, x: forward(m, x, xla=False)),
                ("forward, XLA", lambda m, x: forward(m, x, xla=True)),
                ("predict_on_batch", predicting),
            ):
                calls = make(inference, x), make(model, x)
                gap = max(
                    float(np.abs(a - b).max() / np.abs(b).max())
                    for a, b in zip(calls[0](), calls[1](), strict=True)
                )
                assert gap < 1e-4, gap
                note = f"outputs within {gap:.0e}"
                yield _row(f"{name}, batch {batch}, {how}", calls, quick, target, note)
        calls = training(graph.optimize(model, for_="training"), x), training(model, x)
        yield _row(f"{name}, batch {batch}, training step", calls, quick, None)


def _row(
    what: str, calls: tuple[Call, Call], quick: bool, target: float | None, note: str = ""
) -> Row:
    pair = compare(*calls, runs=2 if quick else 15, warm=2)
    return timed("optimize", what, pair, "not optimised", target=target, note=note)
