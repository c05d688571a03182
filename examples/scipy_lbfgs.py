"""Train one small network twice: with SciPy's L-BFGS through graph.feval, and with SGD.

    python examples/scipy_lbfgs.py [--passes 100] [--out scipy_lbfgs_output]

The network reads scikit-learn's 1,797 handwritten digits. "Passes" counts how often all training
digits were looked at: once per epoch of SGD, once per call of the closure for L-BFGS.
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
import scipy.optimize
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import graph
from graph import gModule, nn

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def network() -> graph.GModule:
    """64 - 32 tanh - 10, the same weights each time."""
    keras.utils.set_random_seed(0)
    pixels = nn.Linear(64, 32)()
    scores = pixels - nn.Tanh() - nn.Linear(32, 10)
    return gModule([pixels], [scores])


def with_lbfgs(x: np.ndarray, y: np.ndarray, passes: int) -> tuple[graph.GModule, list[float]]:
    """All the data at once, and a line search instead of a learning rate."""
    model = network()
    f = graph.feval(model, LOSS, x, y)
    losses: list[float] = []

    def watched(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = f(theta)
        losses.append(value)
        print(f"\rL-BFGS  pass {len(losses):4d}  loss {value:.5f}", end="", flush=True)
        return value, slope

    start, _ = model.getParameters()
    options = {"maxfun": passes, "maxiter": passes}
    found = scipy.optimize.minimize(watched, start, jac=True, method="L-BFGS-B", options=options)
    model.setParameters(found.x)
    print(f"\n        {found.message}")
    return model, losses


def with_sgd(x: np.ndarray, y: np.ndarray, passes: int) -> tuple[graph.GModule, list[float]]:
    """Small batches, momentum, one learning rate."""
    model = network()
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), LOSS)
    losses: list[float] = []

    def watch(epoch: int, logs: dict[str, float]) -> None:
        losses.append(logs["loss"])
        print(f"\rSGD     pass {epoch + 1:4d}  loss {logs['loss']:.5f}", end="", flush=True)

    watcher = keras.callbacks.LambdaCallback(on_epoch_end=watch)
    model.fit(x, y, batch_size=32, epochs=passes, verbose=0, callbacks=[watcher])
    print()
    return model, losses


def main() -> int:
    """Train both ways, print the table, draw the curves; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=100, help="passes over the training set")
    parser.add_argument("--out", type=Path, default=Path("scipy_lbfgs_output"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data / 16, digits.target, test_size=1 / 3, stratify=digits.target, random_state=0
    )
    rows, curves = [], {}
    for name, train in (("L-BFGS", with_lbfgs), ("SGD", with_sgd)):
        start = time.perf_counter()
        model, losses = train(train_x, train_y, options.passes)
        seconds = time.perf_counter() - start
        final = float(LOSS(train_y, model.predict(train_x, verbose=0)))
        right = model.predict(test_x, verbose=0).argmax(1) == test_y
        rows.append((name, len(losses), final, right.mean(), seconds))
        curves[name] = losses

    print(
        f"\n{'optimiser':<12}{'passes':>8}{'training loss':>15}{'test accuracy':>15}{'seconds':>9}"
    )
    for name, passes, final, accuracy, seconds in rows:
        print(f"{name:<12}{passes:>8}{final:>12.6f}{accuracy:>15.1%}{seconds:>9.1f}")

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, losses in curves.items():
        axis.semilogy(range(1, len(losses) + 1), losses, label=name)
    axis.set_xlabel("passes over the training digits")
    axis.set_ylabel("training loss (cross-entropy)")
    axis.set_title("One network, two optimisers")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(options.out / "loss.png", dpi=150)
    print(f"curves in {options.out / 'loss.png'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
