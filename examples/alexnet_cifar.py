"""AlexNet's features for new classes: a head on them, fine-tuning, and learning from scratch.

    python examples/alexnet_cifar.py [--data cifar-10-batches-bin] [--epochs 60] [--labels 10]

With --data, on CIFAR-10 as its authors give it out (binary or Python version, unpacked). Without,
a stand-in of the same form is made and read: scikit-learn's handwritten digits, each in a random
colour on a piece of one of its two photographs, 32 x 32 pixels.

AlexNet first learns five of the ten classes. For the other five there are only a few labels each
(--labels). What its convolutions have learnt is then used in two ways, and compared with a network
that starts anew: a logistic regression on their features, and fine-tuning of all layers.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_digits, load_sample_images
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import graph
from losses import ConfusionMatrix
from zoo import AlexNet
from zoo.training import (
    Cifar10,
    MeanCentring,
    augmentation,
    balanced_batches,
    initialise,
    load_cifar10,
    save_cifar10,
)

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

KNOWN, NEW = range(5), range(5, 10)


def stand_in(seed: int = 0) -> Cifar10:
    """Digits in colour on photographs; test digits stand on other parts of them than training's."""
    rng = np.random.default_rng(seed)
    digits = load_digits()
    photographs = load_sample_images().images  # Two of (427, 640, 3).
    order = rng.permutation(len(digits.target))
    parts = order[:1300], order[1300:]
    columns = (0, 400), (432, 640)  # Of the photographs.
    found = []
    for rows, (left, right) in zip(parts, columns, strict=True):
        images = np.zeros((len(rows), 32, 32, 3), "uint8")
        for image, row in zip(images, rows, strict=True):
            photograph = photographs[rng.integers(2)]
            top, side = rng.integers(0, 427 - 32), rng.integers(left, right - 32)
            ground = photograph[top : top + 32, side : side + 32].astype(float)
            ink = np.kron(digits.images[row] / 16, np.ones((3, 3)))
            placed = np.zeros((32, 32, 1))
            y, x = rng.integers(0, 9, 2)
            placed[y : y + 24, x : x + 24, 0] = ink
            dark = ground.mean() < 128
            colour = rng.uniform(128, 255, 3) if dark else rng.uniform(0, 128, 3)
            image[:] = ground * (1 - placed) + colour * placed
        found += [images, digits.target[rows]]
    return Cifar10(*found, [str(i) for i in range(10)])


def trunk(mean_of: np.ndarray, seed: int) -> keras.Model:
    """Pixels (32, 32, 3) of 0 to 255 to the means of the 256 maps of AlexNet's last convolution."""
    centring = MeanCentring("channel", name="centring")
    centring.adapt(mean_of)
    layers = keras.layers
    base = keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),
            centring,
            layers.Rescaling(1 / 64, name="scaling"),
            layers.Resizing(64, 64, name="larger"),  # 63 is AlexNet's least.
            AlexNet(
                include_top=False, pooling="avg", variant="torchvision", input_shape=(64, 64, 3)
            ),
        ],
        name="trunk",
    )
    initialise(base, "he", seed=seed)  # From Torch's small weights it learns nothing for long.
    return base


def classifier(base: keras.Model, classes: int, seed: int) -> keras.Model:
    """Augmentation in training, the trunk, dropout, scores."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            augmentation(rotation=10, scale=0.1, colour=12.0, seed=seed),
            base,
            keras.layers.Dropout(0.3),
            keras.layers.Dense(classes, activation="softmax", name="scores"),
        ]
    )


def train(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int,
    rate: float,
    steps: int,
    name: str,
) -> None:
    """Adam on class-balanced batches, the rate falling to 0 along a cosine."""

    def show(epoch: int, logs: dict[str, float]) -> None:
        print(f"\r{name:<28} epoch {epoch + 1:3d}  loss {logs['loss']:.4f}", end="", flush=True)

    schedule = keras.optimizers.schedules.CosineDecay(rate, epochs * steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    model.fit(
        balanced_batches((images, labels), labels, batch_size=32, seed=0),
        steps_per_epoch=steps,
        epochs=epochs,
        verbose=0,
        shuffle=False,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=show)],
    )
    print()


def few_of_each(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Rows of `count` items of each class."""
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(labels == k))[:count] for k in np.unique(labels)]
    return np.concatenate(rows)


def draw(data: Cifar10, matrices: dict[str, np.ndarray], path: Path) -> None:
    """Some images, and what each way takes for what."""
    figure, axes = plt.subplots(
        1, len(matrices) + 1, figsize=(3.4 * (len(matrices) + 1), 3.6), layout="constrained"
    )
    shown = min(10, *np.bincount(data.test_labels, minlength=10))
    columns = few_of_each(data.test_labels, shown, 0).reshape(10, shown)
    axes[0].imshow(np.hstack([np.vstack(data.test_images[rows]) for rows in columns]))
    axes[0].set_title("test images, a class a column")
    axes[0].axis("off")
    names = [data.names[k] for k in NEW]
    for axis, (name, matrix) in zip(axes[1:], matrices.items(), strict=True):
        axis.imshow(matrix, vmin=0, vmax=1, cmap="Blues")
        for i, j in np.ndindex(matrix.shape):
            colour = "white" if matrix[i, j] > 0.5 else "black"
            axis.text(j, i, f"{matrix[i, j]:.0%}", ha="center", va="center", color=colour, size=8)
        axis.set_xticks(range(len(names)), names, rotation=45)
        axis.set_yticks(range(len(names)), names)
        axis.set_title(name)
    axes[1].set_ylabel("true class")
    figure.savefig(path, dpi=120)


def main() -> int:
    """Train, compare, print the table, draw; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="CIFAR-10's folder; default: the stand-in")
    parser.add_argument("--epochs", type=int, default=60, help="on the known classes")
    parser.add_argument("--steps", type=int, default=20, help="batches of 32 an epoch")
    parser.add_argument("--labels", type=int, default=10, help="of each new class")
    parser.add_argument("--images", type=int, default=5000, help="test images at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("alexnet_cifar_output"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.data is None:
        options.data = options.out / "stand-in"
        save_cifar10(options.data, stand_in())
    data = load_cifar10(options.data)
    print(f"{len(data.train_images)} images to learn from and {len(data.test_images)} to test on")

    known = np.isin(data.train_labels, KNOWN)
    test_known = np.flatnonzero(np.isin(data.test_labels, KNOWN))[: options.images]
    test_new = np.flatnonzero(np.isin(data.test_labels, NEW))[: options.images]
    test_x, test_y = data.test_images[test_new], data.test_labels[test_new] - len(KNOWN)
    new_x, new_y = data.train_images[~known], data.train_labels[~known] - len(KNOWN)
    chosen = few_of_each(new_y, options.labels, options.seed)
    few_x, few_y = new_x[chosen], new_y[chosen]

    table, matrices = [], {}

    def judge(name: str, probabilities: np.ndarray, learnt: int, seconds: float) -> None:
        matrix = ConfusionMatrix(len(NEW), normalize="true")
        matrix.update_state(test_y, probabilities)
        matrices[name] = keras.ops.convert_to_numpy(matrix.result())
        right = np.mean(probabilities.argmax(1) == test_y)
        table.append(f"{name:<28}{learnt:>12,}{right:>10.1%}{seconds:>9.0f}")

    keras.utils.set_random_seed(options.seed)
    base = trunk(data.train_images[known], options.seed)
    model = classifier(base, len(KNOWN), options.seed)
    start = time.perf_counter()
    rate = {"rate": 1e-3, "steps": options.steps}
    train(
        model,
        data.train_images[known],
        data.train_labels[known],
        epochs=options.epochs,
        name="known classes",
        **rate,
    )
    first = time.perf_counter() - start
    found = model.predict(data.test_images[test_known], verbose=0).argmax(1)
    own = np.mean(found == data.test_labels[test_known])
    kept = base.get_weights()

    start = time.perf_counter()
    layer = base.layers[-1].name
    train_features = graph.features(base, few_x, layer)
    head = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    head.fit(train_features, few_y)
    test_features = graph.features(base, test_x, layer)
    learnt = (train_features.shape[1] + 1) * len(NEW)
    judge(
        "head on deep features",
        head.predict_proba(test_features),
        learnt,
        time.perf_counter() - start,
    )

    few_epochs = max(1, options.epochs // 2)
    for name, fine_tuned in (("fine-tuned", True), ("from scratch", False)):
        keras.utils.set_random_seed(options.seed + 1)
        base = trunk(data.train_images[known], options.seed + 1)
        start = time.perf_counter()
        if fine_tuned:
            base.set_weights(kept)
        model = classifier(base, len(NEW), options.seed)
        train(
            model,
            few_x,
            few_y,
            epochs=few_epochs,
            rate=3e-4 if fine_tuned else 1e-3,
            steps=options.steps,
            name=name,
        )
        learnt = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
        judge(name, model.predict(test_x, verbose=0), learnt, time.perf_counter() - start)

    print(f"\nknown classes: {own:.1%} of {len(found)} test images, learnt in {first:.0f} s")
    print(f"new classes, {options.labels} labels each, {len(test_y)} test images:\n")
    print(f"{'':<28}{'parameters':>12}{'right':>10}{'seconds':>9}")
    print("\n".join(table))
    draw(data, matrices, options.out / "confusion.png")
    print(f"\nthe confusion matrices are in {options.out / 'confusion.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
