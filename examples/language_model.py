"""A language model of LSTMs, trained as in Torch: on a permutation of items, or on any text.

    python examples/language_model.py [--epochs 40] [--items 100] [--out language_model_output]
    python examples/language_model.py --text FILE [--epochs 40] [--hidden 128] [--rho 40]

LookupTable -> FastLSTM -> Linear -> LogSoftMax learns what comes next. Its loss is ClassNLL summed
over the rho steps of a sequence, its optimiser SGD whose learning rate decays as in optim.sgd. By
default the sequence is a random permutation of items again and again, where the next item is
certain, so that the error must fall to nearly zero. Of a text the items are its characters.
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
import tensorflow as tf

from losses import ClassNLLLoss, SequenceLoss
from zoo import LSTMLanguageModel
from zoo.lstm_language_model import generate

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

EPOCH = 100  # Mini-batches; after each so many the error is printed.


def windows(sequence: np.ndarray, rho: int, batch_size: int, seed: int) -> tf.data.Dataset:
    """Endless batches of rho items from random places, and the items that follow each."""
    items = tf.constant(sequence, tf.int32)

    def batch(i: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        starts = tf.random.stateless_uniform(
            (batch_size, 1), tf.stack([seed, i]), 0, len(sequence) - rho, tf.int64
        )
        rows = tf.gather(items, starts + tf.range(rho + 1, dtype=tf.int64))
        return rows[:, :-1], rows[:, 1:]

    return tf.data.Dataset.counter().map(batch).prefetch(tf.data.AUTOTUNE)


def permutation(items: int, seed: int) -> np.ndarray:
    """All items in a random order, that order a hundred times."""
    return np.tile(np.random.default_rng(seed).permutation(items), 100)


def characters(path: Path) -> tuple[np.ndarray, list[str]]:
    """A text as numbers of characters, and the characters."""
    text = path.read_text(encoding="utf-8")
    letters = sorted(set(text))
    number = {letter: i for i, letter in enumerate(letters)}
    return np.array([number[letter] for letter in text]), letters


def sample(model: keras.Model, options: argparse.Namespace, letters: list[str] | None) -> str:
    """What the model says after the beginning of its sequence."""
    start = options.sequence[: options.rho]
    if letters is None:
        drawn = generate(model, start, 3 * options.items, seed=0)
        before = np.concatenate([start[-1:], drawn[:-1]])
        follows = dict(zip(options.sequence[:-1], options.sequence[1:], strict=True))
        right = np.mean([follows[a] == b for a, b in zip(before, drawn, strict=True)])
        first = " ".join(map(str, drawn[:12]))
        return f"after {start.tolist()}: {first} ...; {right:.1%} of {len(drawn)} items are right"
    drawn = generate(model, start, options.length, options.temperature, seed=0)
    return "".join(letters[item] for item in start) + "|" + "".join(letters[i] for i in drawn)


def draw(
    curve: list[tuple[int, float, float]], model: keras.Model, options: argparse.Namespace
) -> None:
    """The error and the learning rate; for a permutation also what follows each item."""
    batches, errors, rates = zip(*curve, strict=True)
    both = options.text is None
    figure, axes = plt.subplots(
        1, 1 + both, figsize=(6 + 5 * both, 4.2), layout="constrained", squeeze=False
    )
    axis = axes[0, 0]
    axis.semilogy(batches, errors, color="tab:blue")
    axis.set_xlabel("mini-batches")
    axis.set_ylabel("error per step (nats)", color="tab:blue")
    axis.grid(alpha=0.3)
    right = axis.twinx()
    right.plot(batches, rates, color="tab:orange", linestyle="--")
    right.set_ylabel("learning rate", color="tab:orange")
    right.set_ylim(0)
    if both:
        order = options.sequence[: options.items]
        # A sequence that begins as long before the first item as training sequences are.
        again = np.roll(np.resize(order, options.items + options.rho), options.rho)
        again[: options.rho] = np.resize(order[::-1], options.rho)[::-1]
        following = np.exp(model.predict(again[None], verbose=0))[0, options.rho :]
        image = axes[0, 1].imshow(following[:, order], vmin=0, vmax=1, cmap="viridis")
        axes[0, 1].set_title("probability of what follows\nitems in the order of the permutation")
        axes[0, 1].set_xlabel("next item")
        axes[0, 1].set_ylabel("item")
        figure.colorbar(image, ax=axes[0, 1])
    figure.savefig(options.out / "error.png", dpi=120)


def main() -> int:
    """Train, print the error and the table, sample, draw; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="a text in UTF-8; default: the permutation")
    parser.add_argument("--items", type=int, default=100, help="of the permutation")
    parser.add_argument("--epochs", type=int, default=40, help=f"each of {EPOCH} mini-batches")
    parser.add_argument("--hidden", type=int, default=64, help="features of the LSTM's state")
    parser.add_argument("--rho", type=int, default=5, help="steps of a training sequence")
    parser.add_argument("--batch", type=int, default=8, help="sequences of a mini-batch")
    parser.add_argument("--rate", type=float, default=0.5, help="learning rate at the start")
    parser.add_argument("--decay", type=float, default=2e-4, help="learningRateDecay")
    parser.add_argument("--clip", type=float, default=5.0, help="of the gradients' norm")
    parser.add_argument("--length", type=int, default=300, help="characters to sample")
    parser.add_argument("--temperature", type=float, default=0.7, help="of sampling a text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("language_model_output"), help="folder")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)
    letters = None
    if options.text is None:
        options.sequence = permutation(options.items, options.seed)
    else:
        options.sequence, letters = characters(options.text)
    if len(options.sequence) <= options.rho:
        parser.error(
            f"the text has {len(options.sequence)} characters, no {options.rho} and a next"
        )
    options.out.mkdir(parents=True, exist_ok=True)

    vocabulary = options.items if letters is None else len(letters)
    model = LSTMLanguageModel(vocabulary, options.hidden)
    # lr / (1 + steps * decay): optim.sgd's learningRateDecay.
    rate = keras.optimizers.schedules.InverseTimeDecay(options.rate, 1, options.decay)
    model.compile(
        keras.optimizers.SGD(rate, global_clipnorm=options.clip), SequenceLoss(ClassNLLLoss())
    )
    curve: list[tuple[int, float, float]] = []

    def tell(epoch: int, logs: dict[str, float]) -> None:
        batches, error = (epoch + 1) * EPOCH, logs["loss"] / options.rho
        curve.append((batches, error, float(rate(batches))))
        print(f"mini-batch {batches:6d}  error {error:.5f}  learning rate {curve[-1][2]:.4f}")

    data = windows(options.sequence, options.rho, options.batch, options.seed)
    start = time.perf_counter()
    model.fit(
        data,
        steps_per_epoch=EPOCH,
        epochs=options.epochs,
        verbose=0,
        shuffle=False,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=tell)],
    )
    seconds = time.perf_counter() - start

    print(f"\n{'items':>8}{'parameters':>12}{'mini-batches':>14}{'error':>10}{'chance':>9}{'s':>7}")
    print(
        f"{vocabulary:>8}{model.count_params():>12,}{curve[-1][0]:>14,}{curve[-1][1]:>10.5f}"
        f"{np.log(vocabulary):>9.3f}{seconds:>7.0f}"
    )
    print(f"\n{sample(model, options, letters)}")
    draw(curve, model, options)
    model.save(options.out / "model.keras")
    print(f"\nthe error's curve and the model are in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
