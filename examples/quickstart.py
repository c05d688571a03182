"""Train LeNet-5 on real handwritten digits, look inside it, export it, and read the export back.

    python examples/quickstart.py [--epochs 20] [--out quickstart_output]

The digits are the 1,797 of scikit-learn (UCI "Optical Recognition of Handwritten Digits").
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import graph
from zoo import LeNet5, lenet

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

READ_BACK = """
import sys, numpy as np, tensorflow as tf
images = np.load(sys.argv[2])
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
np.save(sys.argv[3], serve(image=tf.constant(images))["predictions"].numpy())
print("packages of this project loaded there:", sorted({"graph", "zoo"} & set(sys.modules)))
"""


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images ``(1797, 32, 32, 1)`` in -1..1 and labels 0..9."""
    data = load_digits()
    pixels = data.images[..., None] * (255 / 16)
    large = keras.ops.image.resize(pixels, (32, 32), interpolation="bilinear")
    return lenet.preprocess_input(np.asarray(large, "float32")), data.target


def print_activations(activations: dict[str, np.ndarray]) -> None:
    """One line a layer: shape, mean, spread, share of zeros."""
    print(f"\n{'layer':<22}{'output':>18}{'mean':>9}{'std':>8}{'zeros':>8}")
    for name, values in activations.items():
        shape = " x ".join(map(str, values.shape[1:]))
        zeros = f"{np.mean(values == 0):.0%}"
        print(f"{name:<22}{shape:>18}{values.mean():>9.3f}{values.std():>8.3f}{zeros:>8}")


def draw_features(model: keras.Model, image: np.ndarray, maps: np.ndarray, path: Path) -> None:
    """First-layer filters and what they make of one image."""
    filters = np.asarray(model.get_layer("conv1").kernel)[..., 0, :]
    count = filters.shape[-1]
    figure, axes = plt.subplots(2, count + 1, figsize=(1.5 * count + 2, 3.8), layout="constrained")
    limit = np.abs(filters).max()
    for i in range(count):
        axes[0, i + 1].imshow(filters[..., i], cmap="RdBu_r", vmin=-limit, vmax=limit)
        axes[0, i + 1].set_title(f"filter {i + 1}", fontsize=9)
        axes[1, i + 1].imshow(maps[..., i], cmap="RdBu_r", vmin=-1, vmax=1)
        axes[1, i + 1].set_title(f"map {i + 1}", fontsize=9)
    axes[1, 0].imshow(image[..., 0], cmap="gray")
    axes[1, 0].set_title("input", fontsize=9)
    for axis in axes.flat:
        axis.axis("off")
    figure.suptitle(
        "LeNet-5, first layer: 5x5 filters, and what each makes of one digit (tanh)\n"
        "red is positive, blue negative, white zero"
    )
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> int:
    """Run the whole story; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="passes over the training set")
    parser.add_argument("--out", type=Path, default=Path("quickstart_output"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    start = time.perf_counter()

    images, labels = digits()
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=1 / 3, stratify=labels, random_state=0
    )
    model = LeNet5()
    model.compile(
        optimizer=keras.optimizers.Adam(2e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(train_x, train_y, batch_size=32, epochs=options.epochs)
    _, accuracy = model.evaluate(test_x, test_y, verbose=0)
    seconds = time.perf_counter() - start
    print(f"\naccuracy on the held-out {len(test_x)} digits: {accuracy:.1%} after {seconds:.0f} s")

    activations = graph.activations(model, test_x)
    print_activations(activations)
    draw_features(model, test_x[0], activations["tanh1"][0], options.out / "features.png")
    graph.dot(model, "LeNet-5", options.out / "lenet5.svg")
    print(f"\npictures in {options.out}: {', '.join(sorted(os.listdir(options.out)))}")

    exported = graph.export(
        model, options.out / "lenet5_saved_model", activations=["conv*"], overwrite=True
    )
    np.save(options.out / "images.npy", test_x)
    answer = options.out / "answer.npy"
    print(f"exported to {exported}; reading it back in a fresh process with plain TensorFlow")
    subprocess.run(
        [sys.executable, "-c", READ_BACK, exported, options.out / "images.npy", answer], check=True
    )
    gap = np.abs(np.load(answer) - model.predict(test_x, verbose=0)).max()
    print(f"largest difference between the two processes' predictions: {gap:.1e}")
    return 0 if gap < 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
