"""Learn what looks alike from triplets of digits, with three losses, and test it on new digits.

    python examples/triplet_digits.py [--epochs 12] [--out triplet_digits_output]

One small network embeds scikit-learn's 1,797 handwritten digits, 8 x 8 pixels, in 16 numbers. It
learns on half of the images of 0 to 6 in three ways: TripletNet with the distance ratio, TripletNet
with the triplet embedding loss, and batches of single images whose semi-hard triplets the loss
finds. It is tested on the other half, and on 7, 8 and 9, which it has never seen.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import graph
from losses import (
    DistanceRatioLoss,
    RecallAtK,
    TripletAccuracy,
    TripletEmbeddingLoss,
    TripletSemiHardLoss,
)
from zoo import TripletNet
from zoo.training import balanced_batches, triplet_batches

matplotlib.use("Agg")

KNOWN = range(7)  # The digits to learn from; the others are new.
STEPS = 50  # Batches of an epoch.


def network(unit: bool) -> keras.Sequential:
    """Images (8, 8, 1) to 16 numbers, of length 1 if asked for; the same start each time."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    embedding = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, activation="relu", name="conv1"),
            layers.Conv2D(64, 3, activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(16, name="fc"),
        ],
        name="embedding",
    )
    if unit:
        embedding.add(layers.UnitNormalization(name="unit"))
    return embedding


def progress(name: str) -> keras.callbacks.Callback:
    """A line that counts the epochs."""

    def show(epoch: int, logs: dict[str, float]) -> None:
        print(f"\r{name:<20} epoch {epoch + 1:3d}  loss {logs['loss']:.4f}", end="", flush=True)

    return keras.callbacks.LambdaCallback(on_epoch_end=show, on_train_end=lambda _: print())


def train(model: keras.Model, batches: Any, epochs: int, name: str) -> None:
    """Fit a compiled model to endless batches, with a line of progress."""
    model.fit(
        batches,
        steps_per_epoch=STEPS,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=[progress(name)],
    )


def with_ratio(x: np.ndarray, y: np.ndarray, epochs: int, name: str) -> keras.Model:
    """Hoffer & Ailon: the positive's share of both distances, as a softmax, goes to 0."""
    net = TripletNet(network(unit=False), distance="l2")
    net.compile(keras.optimizers.Adam(1e-3), DistanceRatioLoss())
    train(net, triplet_batches(x, y, batch_size=64, seed=0), epochs, name)
    return net.embedding


def with_embedding_loss(x: np.ndarray, y: np.ndarray, epochs: int, name: str) -> keras.Model:
    """Torch's TripletEmbeddingCriterion: squared distances on the unit sphere, and a margin."""
    net = TripletNet(network(unit=True), distance=None)
    net.compile(keras.optimizers.Adam(1e-3), TripletEmbeddingLoss(alpha=0.2))
    train(net, triplet_batches(x, y, batch_size=64, seed=0), epochs, name)
    return net.embedding


def with_mining(x: np.ndarray, y: np.ndarray, epochs: int, name: str) -> keras.Model:
    """All pairs of a batch; for each the nearest negative that is farther than the positive."""
    embedding = network(unit=True)
    embedding.compile(keras.optimizers.Adam(1e-3), TripletSemiHardLoss(margin=0.5))
    batches = balanced_batches(
        (x, y), y, batch_size=3 * 64, seed=0
    )  # as many images as in triplets
    train(embedding, batches, epochs, name)
    return embedding


METHODS: dict[str, Callable[[np.ndarray, np.ndarray, int, str], keras.Model]] = {
    "distance ratio": with_ratio,
    "triplet embedding": with_embedding_loss,
    "semi-hard mining": with_mining,
}


def scores(vectors: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Triplet accuracy on 5,000 triplets, and recall at 1, of embeddings."""
    accuracy, recall = TripletAccuracy(), RecallAtK(k=1)
    for a, p, n in triplet_batches(vectors, y, batch_size=1000, seed=1).take(5):
        accuracy.update_state(None, [a, p, n])
    recall.update_state(y, vectors)
    return float(accuracy.result()), float(recall.result())


def main() -> int:
    """Train three ways, print the table, draw the embeddings; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=12, help=f"each of {STEPS} batches")
    parser.add_argument("--out", type=Path, default=Path("triplet_digits_output"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    x, y = (digits.images[..., None] / 16).astype("float32"), digits.target
    known = np.isin(y, KNOWN)
    train_x, test_x, train_y, test_y = train_test_split(
        x[known], y[known], test_size=0.5, stratify=y[known], random_state=0
    )
    new_x, new_y = x[~known], y[~known]
    print(f"{len(train_x)} images to learn from; {len(test_x)} others, {len(new_x)} of new digits")

    def row(name: str, embed: Callable[[np.ndarray], np.ndarray], seconds: float | None) -> str:
        found = [*scores(embed(test_x), test_y), *scores(embed(new_x), new_y)]
        time_taken = "" if seconds is None else f"{seconds:.0f}"
        return f"{name:<20}" + "".join(f"{v:>12.1%}" for v in found) + f"{time_taken:>9}"

    untrained = network(unit=True)
    rows = [
        row("pixels", lambda part: part.reshape(len(part), -1), None),
        row("untrained network", lambda part: untrained.predict(part, verbose=0), None),
    ]
    for name, train in METHODS.items():
        start = time.perf_counter()
        embedding = train(train_x, train_y, options.epochs, name)
        seconds = time.perf_counter() - start

        def embed(part: np.ndarray, embedding: keras.Model = embedding) -> np.ndarray:
            return embedding.predict(part, verbose=0)

        rows.append(row(name, embed, seconds))
        all_x, all_y = np.concatenate([test_x, new_x]), np.concatenate([test_y, new_y])
        mixed = np.random.default_rng(0).permutation(len(all_x))[:700]
        graph.pictures.embedding_scatter(
            embed(all_x[mixed]),
            all_y[mixed],
            1 - all_x[mixed],
            path=options.out / f"{name.replace(' ', '_')}.png",
        )

    print(f"\n{'':<20}{'known digits':>24}{'new digits':>24}")
    heads = ["triplets", "recall@1"] * 2
    print(f"{'':<20}" + "".join(f"{head:>12}" for head in heads) + f"{'seconds':>9}")
    print("\n".join(rows))
    print(f"\nembeddings drawn in {options.out}: {', '.join(sorted(os.listdir(options.out)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
