"""A training step of `TripletNet` in a single pass, against three passes.

python -m benchmarks triplet
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import keras
import numpy as np

from benchmarks.paired import compare
from benchmarks.row import Row, timed
from losses import TripletEmbeddingLoss
from zoo import LeNet5, TripletNet

__all__ = ["rows"]

SHAPE = (32, 32, 1)


def embedding() -> keras.Model:
    """LeNet-5 without its top, of length 1."""
    trunk = LeNet5(include_top=False, pooling="avg", input_shape=SHAPE)
    return keras.Sequential([trunk, keras.layers.UnitNormalization()], name="embedding")


def net(single_pass: bool) -> keras.Model:
    """Ours; the outputs are the three embeddings."""
    return TripletNet(embedding(), distance=None, single_pass=single_pass)


def by_hand() -> keras.Model:
    """What one writes in Keras: the embedding called three times, and its outputs stacked."""
    inputs = [keras.Input(SHAPE) for _ in range(3)]
    shared = embedding()
    stacked = keras.ops.stack([shared(x) for x in inputs], axis=1)
    return keras.Model(inputs, stacked)


def rows(quick: bool) -> Iterator[Row]:
    """Three batches."""
    rng = np.random.default_rng(0)
    models = {
        "single pass": net(single_pass=True),
        "TripletNet, three passes": net(single_pass=False),
        "Keras by hand": by_hand(),
    }
    start = models["single pass"].get_weights()
    for model in models.values():
        # Without XLA, which Keras would choose and which makes small convolutions slower.
        model.compile("sgd", TripletEmbeddingLoss(alpha=0.2), jit_compile=False)
    for batch in (4,) if quick else (4, 32, 128):
        triplet = [rng.normal(size=(batch, *SHAPE)).astype("float32") for _ in range(3)]
        for model in models.values():
            model.set_weights(start)  # They have trained apart in the batches before.
        outputs = [model.predict(triplet, verbose=0) for model in models.values()]
        for output in outputs[1:]:
            np.testing.assert_allclose(output, outputs[0], rtol=1e-4, atol=1e-5)
        labels = np.zeros((batch, 1), "float32")

        def step(model: keras.Model, triplet: list = triplet, labels: np.ndarray = labels):
            return lambda: [model.train_on_batch(triplet, labels) for _ in range(4)]

        ours: Callable[[], object] = step(models["single pass"])
        for peer in list(models)[1:]:
            pair = compare(ours, step(models[peer]), runs=2 if quick else 21, warm=2)
            yield timed("triplet", f"single pass, 4 steps of {batch} triplets", pair, peer)
