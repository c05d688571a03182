"""Score images: siamese pre-training, Net2Net growth and Huber regression on few labelled images.

    python examples/score_images.py [--epochs 8] [--seeds 3] [--out score_images_output]
    python examples/score_images.py --images FOLDER --scores SCORES.csv

The CSV has a line `name,score` for each image of the folder; a third column may say `train` or
`valid`. Without a folder one is made for each seed: crops of photographs that scikit-learn and
scikit-image ship, blurred, noisy, ill exposed and flat by hidden amounts, which make the score.
Training and validation have different photographs.

All ways of training see images equally often. With E = --epochs: without pre-training 2 E passes
of regression; with it E passes of pairs, then E of regression; after growing E / 2 more, at a
third of the rate; the larger network from scratch 2.5 E.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib
import numpy as np
from scored_images import Part, generate, read

import graph
from graph import gModule, net2net, nn
from losses import HingeEmbeddingLoss, SmoothL1Loss, SpearmanCorrelation
from zoo import SiameseNet, TinyDarknet
from zoo.training import MeanCentring, augmentation, balanced_batches, initialise, pair_batches

matplotlib.use("Agg")
logging.getLogger("tensorflow").setLevel("ERROR")  # It warns of each network that it compiles.
from matplotlib import pyplot as plt  # noqa: E402

ROWS = ("without pre-training", "with pre-training", "with, and Net2Net", "larger from scratch")
CONTROL = "(with, not grown, as long as Net2Net)"
BATCH = 32
# The selfie network, (maps, size of the window); "pool" halves the sides.
LAYERS = ((16, 3), "pool", (32, 3), "pool", *((16, 1), (128, 3)) * 2, "pool")
LAYERS = (*LAYERS, *((32, 1), (256, 3)) * 2, "pool", *((64, 1), (512, 3)) * 2, (128, 1), (1024, 3))


class Result(NamedTuple):
    """What one way of training came to."""

    rho: float
    seconds: float
    size: int
    model: keras.Model


def network(side: int, width: float) -> graph.GModule:
    """The selfie network: 3x3 and 1x1 convolutions, ELU, mean over the map, dropout, one output."""
    if width == 1:
        return TinyDarknet(variant="selfie", input_shape=(side, side, 3))
    image = y = graph.Input((side, side, 3), name="image")
    planes = 3
    for layer in LAYERS:
        if isinstance(layer, str):
            y = y - nn.SpatialMaxPooling(2, 2)
            continue
        maps, size = max(1, round(layer[0] * width)), layer[1]
        half = size // 2
        y = y - nn.SpatialConvolution(planes, maps, size, size, 1, 1, half, half) - nn.ELU()
        planes = maps
    pooled = (y - keras.layers.GlobalAveragePooling2D()).annotate(name="avgpool")
    score = (pooled - nn.Dropout(0.5) - nn.Linear(planes, 1)).annotate(name="fc")
    return gModule([image], [score], name="scorer")


class Recipe:
    """The steps of the recipe on one training set. Each returns its seconds, of all processors."""

    def __init__(self, train: Part, options: argparse.Namespace, seed: int) -> None:
        self.options, self.seed = options, seed
        self.steps = len(train.y) // BATCH
        self.centre = MeanCentring("channel")
        self.centre.adapt(train.x)
        self.x = np.asarray(self.centre(train.x))
        self.units = float(train.y.mean()), float(train.y.std())
        self.y = ((train.y - self.units[0]) / self.units[1])[:, None]
        # Scores crowd in the middle: classes of equal width make the rare ones as likely.
        low, high = np.quantile(train.y, [0.05, 0.95])
        self.bins = np.digitize(train.y, np.linspace(low, high, options.bins - 1))
        self.augment = augmentation(flip=options.flip, seed=seed)

    def fresh(self, larger: bool = False) -> graph.GModule:
        """A network of random weights; the larger one is of the shape that growing gives."""
        model = network(self.options.side, self.options.width)
        model = net2net.double_width(model) if larger else model
        # Variance 1 / in: through 16 layers of ELU the signal keeps its size.
        initialise(model, "xavier_caffe", seed=self.seed)
        return model

    def pretrain(self, scorer: graph.GModule, passes: float) -> float:
        """Images of like score near each other, of unlike score far: L1 distance, hinge loss."""
        embedding = keras.Model(scorer.inputs, scorer.get_layer("avgpool").output)
        pairs = pair_batches(
            self.x, self.bins, targets=(-1, 1), batch_size=BATCH, seed=self.seed
        ).map(lambda two, y: (tuple(self.augment(x, training=True) for x in two), y))
        net = SiameseNet(embedding, distance="l1", single_pass=True)
        return self._fit(net, HingeEmbeddingLoss(), pairs, passes, self.options.rate, "pairs")

    def regress(
        self, scorer: graph.GModule, passes: float, what: str, grown: bool = False
    ) -> float:
        """The score itself: Huber's loss, every class of scores as often as every other."""
        items = balanced_batches((self.x, self.y), self.bins, batch_size=BATCH, seed=self.seed)
        items = items.map(lambda x, y: (self.augment(x, training=True), y))
        rate = self.options.rate / 3 if grown else self.options.rate
        return self._fit(scorer, SmoothL1Loss(), items, passes, rate, what)

    def complete(self, scorer: graph.GModule) -> keras.Sequential:
        """From pixels of 0..1 to scores in their own unit."""
        mean, deviation = self.units
        side = self.options.side
        # The plain copy was never compiled: who loads it needs no loss of ours.
        layers = [keras.Input((side, side, 3)), self.centre, scorer.to_keras()]
        return keras.Sequential([*layers, keras.layers.Rescaling(deviation, mean)], name="score")

    def _fit(
        self,
        model: keras.Model,
        loss: keras.losses.Loss,
        data: Iterable[Any],
        passes: float,
        rate: float,
        what: str,
    ) -> float:
        """Adam, its rate falling to 0 along a cosine."""
        steps = max(1, round(passes * self.steps))
        schedule = keras.optimizers.schedules.CosineDecay(rate, steps)
        model.compile(keras.optimizers.Adam(schedule), loss)
        start = time.process_time()

        def tell(step: int, logs: dict[str, float]) -> None:
            if step % 10 == 9 or step == steps - 1:
                told = f"step {step + 1:4d} of {steps}  loss {logs['loss']:.4f}"
                print(f"\rseed {self.seed}  {what:<38} {told}", end="", flush=True)

        watcher = keras.callbacks.LambdaCallback(on_train_batch_end=tell)
        model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[watcher])
        seconds = time.process_time() - start
        print(f"  {seconds:.0f} s")
        return seconds


def predictions(model: keras.Model, x: np.ndarray) -> np.ndarray:
    """Scores (items,); without compiling, which takes longer than these few images."""
    parts = [model(x[i : i + 100], training=False) for i in range(0, len(x), 100)]
    return np.concatenate([keras.ops.convert_to_numpy(part)[:, 0] for part in parts])


def story(train: Part, valid: Part, options: argparse.Namespace, seed: int) -> dict[str, Result]:
    """Train in every way of the table, on one seed."""
    recipe, epochs = Recipe(train, options, seed), options.epochs
    results = {}

    def judge(row: str, scorer: graph.GModule, seconds: float) -> None:
        model = recipe.complete(scorer)
        metric = SpearmanCorrelation()
        metric.update_state(valid.y, predictions(model, valid.x))
        results[row] = Result(float(metric.result()), seconds, scorer.count_params(), model)

    without, with_, grown, larger = ROWS
    scorer = recipe.fresh()
    judge(without, scorer, recipe.regress(scorer, 2 * epochs, without))

    scorer = recipe.fresh()
    seconds = recipe.pretrain(scorer, epochs) + recipe.regress(scorer, epochs, with_)
    judge(with_, scorer, seconds)

    wide = net2net.double_width(scorer, noise=0.01, seed=seed)
    judge(grown, wide, seconds + recipe.regress(wide, epochs / 2, grown, grown=True))
    judge(CONTROL, scorer, seconds + recipe.regress(scorer, epochs / 2, CONTROL, grown=True))

    scorer = recipe.fresh(larger=True)
    judge(larger, scorer, recipe.regress(scorer, 2.5 * epochs, larger))
    return results


def print_table(stories: list[dict[str, Result]]) -> None:
    """Mean and spread over the seeds, and whether the order is that of the story."""
    rho = {row: np.array([story[row].rho for story in stories]) for row in stories[0]}
    print(f"\n{'':<38}{'parameters':>11}{'Spearman':>17}{'CPU s':>9}   each seed")
    for row, values in rho.items():
        seconds = np.mean([story[row].seconds for story in stories])
        each = " ".join(f"{value:.3f}" for value in values)
        spread = f"{values.mean():.3f} +- {values.std(ddof=1) if len(values) > 1 else 0:.3f}"
        print(f"{row:<38}{stories[0][row].size:>11,}{spread:>17}{seconds:>9.1f}   {each}")
    print(
        "\n+- is the standard deviation over the seeds; CPU seconds are a mean, with pre-training."
    )
    means = [float(rho[row].mean()) for row in ROWS[:3]]
    kept = sum(bool(a < b < c) for a, b, c in zip(*(rho[row] for row in ROWS[:3]), strict=True))
    verdict = "yes" if means[0] < means[1] < means[2] else "no"
    print(f"without < with < with and Net2Net (the story: 0.68 < 0.82 < 0.84)? Means: {verdict}")
    print(f"({', '.join(f'{mean:.3f}' for mean in means)}); in {kept} of {len(stories)} seeds.")
    for one, other in ((ROWS[1], ROWS[0]), (ROWS[2], ROWS[1]), (ROWS[2], CONTROL)):
        gain = rho[one] - rho[other]
        each = " ".join(f"{value:+.3f}" for value in gain)
        print(f"  {one} less {other}: {gain.mean():+.3f}  ({each})")


def draw(model: keras.Model, valid: Part, path: Path) -> None:
    """Predicted against true scores, and the images that were put last and first."""
    found = predictions(model, valid.x)
    figure = plt.figure(figsize=(11, 4.6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.5))
    axis = left.subplots()
    axis.scatter(valid.y, found, s=9, alpha=0.5, linewidths=0)
    ends = [float(valid.y.min()), float(valid.y.max())]
    axis.plot(ends, ends, color="0.5", linewidth=1)
    axis.set_xlabel("score")
    axis.set_ylabel("predicted")
    order = np.argsort(found)
    columns = min(8, len(found) // 2)
    axes = right.subplots(4, columns, squeeze=False)
    shown = [*order[: 2 * columns], *order[-2 * columns :]]
    for place, i in zip(axes.flat, shown, strict=False):
        place.imshow(valid.x[i])
        place.set_title(f"{found[i]:.1f} ({valid.y[i]:.1f})", fontsize=8)
    for place in axes.flat:
        place.axis("off")
    right.suptitle("Predicted (true): lowest two rows first, then the highest two", fontsize=10)
    left.suptitle("Validation images", fontsize=10)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> int:
    """Run the story on every seed, print the table, draw the picture; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=8, help="E, see the top of this file")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from --seed on")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--images", type=Path, help="a folder of your own images")
    parser.add_argument("--scores", type=Path, help="their scores: name,score or name,score,part")
    parser.add_argument("--train", type=int, default=800, help="generated images for training")
    parser.add_argument("--valid", type=int, default=600, help="generated images for validation")
    parser.add_argument("--side", type=int, default=48, help="pixels to which images are read")
    parser.add_argument("--width", type=float, default=0.25, help="1 is the selfie network itself")
    parser.add_argument("--full", action="store_true", help="the same as --side 224 --width 1")
    parser.add_argument("--bins", type=int, default=5, help="classes of scores, for balance")
    parser.add_argument("--flip", default="horizontal_and_vertical", help="of the augmentation")
    parser.add_argument("--rate", type=float, default=1e-3, help="Adam's learning rate")
    parser.add_argument("--out", type=Path, default=Path("score_images_output"), help="folder")
    options = parser.parse_args()
    if (options.images is None) != (options.scores is None):
        parser.error("--images and --scores go together")
    if min(options.epochs, options.seeds) < 1:
        parser.error("--epochs and --seeds are whole numbers from 1 up")
    if options.full:
        options.side, options.width = 224, 1.0
    options.out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()

    stories = []
    for seed in range(options.seed, options.seed + options.seeds):
        keras.utils.set_random_seed(seed)
        images, scores = options.images, options.scores
        if images is None:
            count = {"train": options.train, "valid": options.valid}
            images, scores = generate(options.out / f"seed{seed}", count, options.side, seed)
        train, valid = read(images, scores, options.side, seed)
        print(f"seed {seed}  {len(train.y)} images for training, {len(valid.y)} for validation")
        stories.append(story(train, valid, options, seed))
    print_table(stories)

    best = stories[-1][ROWS[2]].model
    best.save(options.out / "score.keras")
    draw(best, valid, options.out / "scores.png")
    print(
        f"\nthe last seed's Net2Net network and its scores: {options.out}/score.keras, scores.png"
    )
    wall, cpu = time.perf_counter() - start, time.process_time()
    print(f"{wall:.0f} s in all, {cpu:.0f} CPU s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
