"""The sides of `benchmarks.losses`: a loss of each library, forward and backward.

This file imports nothing that tensorflow-addons' old TensorFlow cannot stand beside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.paired import threads
from benchmarks.side import Step

__all__ = ["data", "ours", "step"]

WIDTH = 128
PER_CLASS = 8


def data(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of norm 1, in classes of 8 around a centre each, and labels."""
    rng = np.random.default_rng(0)
    y = np.arange(n) // PER_CLASS
    x = rng.normal(size=(n, WIDTH)) + rng.normal(size=(n // PER_CLASS + 1, WIDTH))[y]
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype("float32"), y


def tensorflow(loss: Any, count: int, jit: bool) -> Callable[[Any, Any], Any]:
    """A compiled step that does not know the size of a batch."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)

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


def ours(name: str, count: int, jit: bool) -> Callable[[Any, Any], Any]:
    """A loss of this package."""
    import losses

    made = {
        "hard": lambda: losses.TripletHardLoss(),
        "semi-hard": lambda: losses.TripletSemiHardLoss(),
        "batch-all": lambda: losses.TripletBatchAllLoss(0.2),
    }[name]()
    return tensorflow(made, count, jit)


def tfa(name: str, count: int) -> Callable[[Any, Any], Any]:
    """A loss of tensorflow-addons."""
    import tensorflow_addons

    made = {"hard": "TripletHardLoss", "semi-hard": "TripletSemiHardLoss"}[name]
    return tensorflow(getattr(tensorflow_addons.losses, made)(), count, False)


def pml(name: str, count: int) -> Callable[[Any, Any], Any]:
    """A loss of pytorch-metric-learning, with its miner."""
    import torch
    from pytorch_metric_learning import distances, miners
    from pytorch_metric_learning import losses as torch_losses

    torch.set_num_threads(count)
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


def step(library: str, loss: str, batch: int) -> Step:
    """Forward and backward of a loss of one library; the output is the loss alone."""
    count = threads()
    call = {
        "ours": lambda: ours(loss, count, False),
        "ours, XLA": lambda: ours(loss, count, True),
        "tensorflow-addons": lambda: tfa(loss, count),
        "pytorch-metric-learning": lambda: pml(loss, count),
    }[library]()
    x, y = data(batch)
    return Step(lambda: call(y, x), lambda: np.array(call(y, x)[:1]))
