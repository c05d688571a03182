"""All layers of ResNet50 computed by one library, timed whenever a line comes in.

It is run by `benchmarks.activations`, each library in a process of its own, keract's under an
interpreter that has keract and tf-keras: it does not run on Keras 3.

python -P benchmarks/activation_worker.py LIBRARY IMAGES SIZE BATCH
"""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.keras, which keract imports; not keras

import numpy as np


def ours(shape: tuple[int, ...], x: np.ndarray, batch: int) -> Callable[[], Any]:
    """This package."""
    import keras

    import graph

    model = keras.applications.ResNet50(weights=None, input_shape=shape, include_top=False)
    return lambda: graph.activations(model, x, batch_size=batch)


def hand(shape: tuple[int, ...], x: np.ndarray, batch: int) -> Callable[[], Any]:
    """One model with all layers' outputs."""
    import keras

    model = keras.applications.ResNet50(weights=None, input_shape=shape, include_top=False)
    many = keras.Model(model.input, [layer.output for layer in model.layers[1:]])
    return lambda: many.predict(x, batch_size=batch, verbose=0)


def keract(shape: tuple[int, ...], x: np.ndarray, batch: int) -> Callable[[], Any]:
    """keract, which knows no batches."""
    import keract
    import tf_keras

    model = tf_keras.applications.ResNet50(weights=None, input_shape=shape, include_top=False)
    model.compile("sgd", "mse")
    return lambda: keract.get_activations(model, x)


def main() -> None:
    """Answer each line with the seconds that one run takes; the first run is not counted."""
    library, images, size, batch = sys.argv[1], *map(int, sys.argv[2:])
    shape = (size, size, 3)
    x = np.random.default_rng(0).normal(size=(images, *shape)).astype("float32")
    run = {"ours": ours, "hand": hand, "keract": keract}[library](shape, x, batch)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        gc.collect()
        start = time.perf_counter()
        kept = run()
        seconds = time.perf_counter() - start
        del kept
        print(seconds, flush=True)


if __name__ == "__main__":
    main()
