"""A folder of scored images, made and read: crops of photographs, worse by hidden amounts.

    python examples/scored_images.py FOLDER [--train 800] [--valid 600] [--side 48] [--seed 0]

The photographs are those that scikit-learn and scikit-image ship; training and validation have
different ones. FOLDER/images holds the crops, FOLDER/scores.csv a line `name,score,part` for each.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import sys
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

PHOTOGRAPHS = {
    "train": "china.jpg coffee.png chelsea.png motorcycle_left.png brick.png grass.png gravel.png "
    "coins.png ihc.png",
    "valid": "flower.jpg astronaut.png rocket.jpg camera.png",
}
SCIKIT_LEARN = ("china.jpg", "flower.jpg")
WEIGHTS = np.array([0.35, 0.35, 0.15, 0.15])  # of blur, noise, exposure and lost contrast
LEAST = 32  # images for training, and for validation


def photograph(name: str) -> Image.Image:
    """A photograph out of an installed package."""
    of_learn = name in SCIKIT_LEARN
    package, inside = ("sklearn", "datasets/images") if of_learn else ("skimage", "data")
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        sys.exit(
            f"the photographs of {package} are needed, which is not installed\n"
            f"  fix: pip install scikit-learn scikit-image, or give images of your own"
        )
    return Image.open(Path(spec.origin).parent / inside / name).convert("RGB")


def crop(photo: Image.Image, side: int, random: np.random.Generator) -> np.ndarray:
    """Somewhere in a photograph, 1.5 to 3 times as large, mirrored or not, of another tint."""
    while True:
        size = min(round(side * random.uniform(1.5, 3)), *photo.size)
        x, y = (int(random.integers(whole - size + 1)) for whole in photo.size)
        part = photo.resize((side, side), Image.Resampling.LANCZOS, (x, y, x + size, y + size))
        pixels = np.asarray(part, "float32") / 255
        if pixels.mean(axis=-1).std() > 0.08:  # In an empty sky nobody sees a blur.
            break
    pixels = pixels[:, :: random.choice([-1, 1])]
    return np.clip(pixels * random.uniform(0.85, 1.15, 3), 0, 1)


def degraded(pixels: np.ndarray, amounts: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Worse by amounts of 0..1: blur to 2 pixels, noise to 0.1, a gamma of 2 or 1/2, grey."""
    blur, noise, exposure, flat = amounts
    y = gaussian_filter(pixels, (2 * blur, 2 * blur, 0))
    y = 0.5 + (y - 0.5) * (1 - flat / 2)
    y = np.clip(y, 0, 1) ** (2.0 ** (exposure * random.choice([-1, 1])))
    return np.clip(y + random.normal(0, 0.1 * noise, y.shape), 0, 1)


def generate(folder: Path, count: dict[str, int], side: int, seed: int) -> tuple[Path, Path]:
    """Write a folder of images and its CSV: score = 10 (1 - weights . amounts)."""
    random = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with open(folder / "scores.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("name", "score", "part"))
        for part, number in count.items():
            photos = [photograph(name) for name in PHOTOGRAPHS[part].split()]
            for i in range(number):
                amounts = random.random(4)
                photo = photos[int(random.integers(len(photos)))]
                pixels = degraded(crop(photo, side, random), amounts, random)
                name = f"{part}{i:04}.png"
                Image.fromarray((pixels * 255).round().astype("uint8")).save(
                    folder / "images" / name
                )
                lines.writerow((name, f"{10 * (1 - WEIGHTS @ amounts):.3f}", part))
    return folder / "images", folder / "scores.csv"


class Part(NamedTuple):
    """Images (items, side, side, 3) of 0..1 and their scores (items,)."""

    x: np.ndarray
    y: np.ndarray


def read(images: Path, scores: Path, side: int, seed: int) -> tuple[Part, Part]:
    """Training and validation images; without a third column a quarter, by chance, validates."""
    rows = []
    with open(scores, newline="") as file:
        for number, line in enumerate(csv.reader(file), 1):
            try:
                name, score, *part = (cell.strip() for cell in line)
                rows.append((name, float(score), *part))
                if not np.isfinite(rows[-1][1]):
                    sys.exit(f"{scores}:{number}: a score is a finite number, not {score}")
            except ValueError:
                if line and number > 1:  # The first may be a heading.
                    sys.exit(f"{scores}:{number}: expected name,score or name,score,part: {line}")
            else:
                if part not in ([], ["train"], ["valid"]):
                    sys.exit(f"{scores}:{number}: the third column is train or valid, not {part}")
                if not (images / name).is_file():
                    sys.exit(f"{scores}:{number}: there is no image {images / name}")
    by_chance = np.random.default_rng(seed).permutation(len(rows)) < len(rows) // 4
    told = zip(rows, by_chance, strict=True)
    valid = np.array([c if len(row) < 3 else row[2] == "valid" for row, c in told], bool)
    if min(valid.sum(), (~valid).sum()) < LEAST:
        sys.exit(
            f"{scores}: {(~valid).sum()} images for training and {valid.sum()} for validation; "
            f"at least {LEAST} of each are needed"
        )
    if len({row[1] for row in rows}) < 2:
        sys.exit(f"{scores}: all scores are {rows[0][1]}")
    load = keras.utils.load_img
    x = np.stack([load(images / row[0], target_size=(side, side)) for row in rows]) / 255
    x, y = x.astype("float32"), np.array([row[1] for row in rows], "float32")
    return Part(x[~valid], y[~valid]), Part(x[valid], y[valid])


def main() -> int:
    """Write the folder; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--train", type=int, default=800, help="images for training")
    parser.add_argument("--valid", type=int, default=600, help="images for validation")
    parser.add_argument("--side", type=int, default=48, help="pixels")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    count = {"train": options.train, "valid": options.valid}
    images, scores = generate(options.folder, count, options.side, options.seed)
    print(f"{sum(count.values())} images in {images}, their scores in {scores}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
