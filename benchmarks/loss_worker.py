"""One loss of one library, forward and backward, timed whenever a line comes in.

It is run by `benchmarks.losses`, under the interpreter that has the library, which need not be
the one that has Keras 3: this file imports nothing of the project but `losses`.

python -P benchmarks/loss_worker.py LIBRARY LOSS BATCH THREADS
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

WIDTH = 128
PER_CLASS = 8


def data(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of norm 1, in classes of 8 around a centre each, and labels."""
    rng = np.random.default_rng(0)
    y = np.arange(n) // PER_CLASS
    x = rng.normal(size=(n, WIDTH)) + rng.normal(size=(n // PER_CLASS + 1, WIDTH))[y]
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32"), y


def tensorflow(loss: Any, threads: int, jit: bool) -> Callable[[Any, Any], Any]:
    """A compiled step that does not know the size of a batch."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)

    @tf.function(
        jit_compile=jit,
        input_signature=[tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, WIDTH))],
    )
    def step(y: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = loss(y, x)
        return value, tape.gradient(value, x)

    return lambda y, x: [float(part.numpy().ravel()[0]) for part in step(y, x)]


def ours(name: str, threads: int, jit: bool) -> Callable[[Any, Any], Any]:
    """A loss of this package."""
    import losses

    made = {
        "hard": lambda: losses.TripletHardLoss(),
        "semi-hard": lambda: losses.TripletSemiHardLoss(),
        "batch-all": lambda: losses.TripletBatchAllLoss(0.2),
    }[name]()
    return tensorflow(made, threads, jit)


def tfa(name: str, threads: int) -> Callable[[Any, Any], Any]:
    """A loss of tensorflow-addons."""
    import tensorflow_addons

    made = {"hard": "TripletHardLoss", "semi-hard": "TripletSemiHardLoss"}[name]
    return tensorflow(getattr(tensorflow_addons.losses, made)(), threads, False)


def pml(name: str, threads: int) -> Callable[[Any, Any], Any]:
    """A loss of pytorch-metric-learning, with its miner."""
    import torch
    from pytorch_metric_learning import distances, miners
    from pytorch_metric_learning import losses as torch_losses

    torch.set_num_threads(threads)
    distance = distances.LpDistance(normalize_embeddings=False)
    margin = {"hard": 1.0, "semi-hard": 1.0, "batch-all": 0.2}[name]
    loss = torch_losses.TripletMarginLoss(margin=margin, distance=distance)
    miner = {
        "hard": lambda: miners.BatchHardMiner(distance=distance),
        "semi-hard": lambda: miners.TripletMarginMiner(1.0, "semihard", distance=distance),
        "batch-all": lambda: None,
    }[name]()

    def step(y: Any, x: Any) -> Any:
        labels, embeddings = torch.from_numpy(y), torch.from_numpy(x).requires_grad_()
        value = loss(embeddings, labels, miner(embeddings, labels) if miner else None)
        value.backward()
        return [float(value), float(embeddings.grad[0, 0])]

    return step


def peak() -> float:
    """The most memory that the process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Warm up, then answer each line with seconds and with MB above a small batch."""
    library, name, n, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    step = {
        "ours": lambda: ours(name, threads, False),
        "ours-jit": lambda: ours(name, threads, True),
        "tfa": lambda: tfa(name, threads),
        "pml": lambda: pml(name, threads),
    }[library]()
    x, y = data(n)
    step(y[:64], x[:64])
    before = peak()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        step(y, x)
        print(time.perf_counter() - start, peak() - before, flush=True)


if __name__ == "__main__":
    main()
