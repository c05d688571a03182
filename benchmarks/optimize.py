"""Models that `graph.optimize` made, against the models as they were.

python -m benchmarks.optimize [TinyDarknet] [LSTM]
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import graph
import zoo
from benchmarks.paired import compare, machine


def darknet() -> keras.Model:
    """Tiny Darknet with statistics such as trained networks have."""
    model = zoo.TinyDarknet()
    generator = np.random.default_rng(0)
    model.set_weights(
        [generator.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
    )
    return model


def inputs(model: keras.Model, batch: int) -> Any:
    """A batch of random inputs."""
    generator = np.random.default_rng(1)
    arrays = [generator.uniform(size=(batch, *x.shape[1:])).astype("float32") for x in model.inputs]
    return arrays[0] if len(arrays) == 1 else arrays


def compiled(model: keras.Model, x: Any, *, xla: bool) -> Callable[[], Any]:
    """One call of the model as a compiled function of tensors."""
    tensors = keras.tree.map_structure(tf.constant, x)
    run = tf.function(lambda fed: model(fed, training=False), jit_compile=xla)
    return lambda: [y.numpy() for y in keras.tree.flatten(run(tensors))]


def stepping(model: keras.Model, x: Any) -> Callable[[], Any]:
    """One training step."""
    targets = [np.zeros(y.shape, "float32") for y in keras.tree.flatten(model(x))]
    model.compile("sgd", ["mse"] * len(targets))
    return lambda: model.train_on_batch(x, targets if len(targets) > 1 else targets[0])


def row(name: str, what: str, ours: Callable[[], Any], peer: Callable[[], Any], runs: int) -> None:
    """Time one pair and print it."""
    calls = 1
    while calls < 64 and _seconds(ours, calls) < 0.01:
        calls *= 2

    def several(function: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: [function() for _ in range(calls)]

    pair = compare(several(ours), several(peer), runs=runs, warm=2)
    before, after = 1000 * pair.peer / calls, 1000 * pair.ours / calls
    print(f"{name:<14}{what:<34}{before:>10.3f}{after:>10.3f}{1 / pair.ratio:>8.2f}", flush=True)


def _seconds(function: Callable[[], Any], calls: int) -> float:
    function()
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return time.perf_counter() - start


def main() -> None:
    """Print a table: milliseconds before and after, and how many times faster."""
    print(machine())
    print(f"{'model':<14}{'what':<34}{'before ms':>10}{'after ms':>10}{'faster':>8}")
    cells = [zoo.LSTM(128, 256), zoo.LSTM(64, 64)]
    cases = [("TinyDarknet", darknet(), (1, 16))]
    cases += [(f"LSTM {m.inputs[0].shape[1]},{m.inputs[1].shape[1]}", m, (1, 32)) for m in cells]
    wanted = tuple(sys.argv[1:])
    for name, model, batches in cases:
        if wanted and not name.startswith(wanted):
            continue
        result = graph.optimize(model)
        trained = graph.optimize(model, for_="training")
        for batch in batches:
            x = inputs(model, batch)
            runs = 9 if batch > 1 and name == "TinyDarknet" else 21
            for xla in (False, True):
                ours, peer = compiled(result, x, xla=xla), compiled(model, x, xla=xla)
                for a, b in zip(ours(), peer(), strict=True):
                    assert np.abs(a - b).max() < 1e-5 * max(1, np.abs(b).max())
                how = "XLA" if xla else "tf.function"
                row(name, f"batch {batch}, {how}", ours, peer, runs)
            predictions = [lambda m=m, x=x: m.predict_on_batch(x) for m in (result, model)]
            row(name, f"batch {batch}, predict_on_batch", *predictions, runs)
            if batch > 1:
                steps = stepping(trained, x), stepping(model, x)
                row(name, f"batch {batch}, train_on_batch, training", *steps, runs)


if __name__ == "__main__":
    main()
