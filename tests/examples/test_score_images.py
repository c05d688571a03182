import csv
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import scipy.stats
from example_scripts import run_example
from PIL import Image

from graph import net2net
from zoo.training import MeanCentring

needs_photographs = pytest.mark.skipif(
    importlib.util.find_spec("skimage") is None, reason="scikit-image is not installed"
)
EXAMPLES = Path(__file__).parents[2] / "examples"
ROWS = [
    *("without pre-training", "with pre-training", "with, and Net2Net"),
    *("(with, not grown, as long as Net2Net)", "larger from scratch"),
]


@pytest.fixture
def scored_images(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module("scored_images")


@pytest.fixture
def score_images(scored_images):
    return importlib.import_module("score_images")


@pytest.fixture
def folder(tmp_path):
    """Squares of one grey with noise on them; the score is the grey."""
    random = np.random.default_rng(5)
    (tmp_path / "images").mkdir()
    with open(tmp_path / "scores.csv", "w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("file", "grey"))
        for i, grey in enumerate(random.uniform(40, 210, 256)):
            pixels = grey + random.normal(0, 20, (20, 24, 3))
            image = Image.fromarray(np.clip(pixels, 0, 255).astype("uint8"))
            image.save(tmp_path / "images" / f"{i}.png")
            lines.writerow((f"{i}.png", f"{grey:.2f}"))
    return tmp_path


def run(cwd, script, *arguments):
    return run_example(script, cwd, *arguments, timeout=500)


def rows_of(text):
    row = r"^(.{38}) *([\d,]+) +(-?[\d.]+) \+- ([\d.]+) +([\d.]+)   (.*)$"
    found = re.findall(row, text, re.M)
    return {name.strip(): (size, float(mean), each) for name, size, mean, _, _, each in found}


@pytest.mark.slow
def test_a_folder_of_ones_own_is_scored_in_every_way(folder, scored_images):
    own = ("--images", "images", "--scores", "scores.csv", "--side", 16, "--width", 0.125)
    done = run(folder, "score_images.py", *own, "--epochs", 4, "--seeds", 1, "--out", "out")
    assert done.returncode == 0, done.stderr[-3000:]
    rows = rows_of(done.stdout)
    assert list(rows) == ROWS
    assert rows[ROWS[2]][0] == rows[ROWS[4]][0] != rows[ROWS[0]][0]
    assert "192 images for training, 64 for validation" in done.stdout
    kept = rows[ROWS[0]][1] < rows[ROWS[1]][1] < rows[ROWS[2]][1]
    assert f"in {int(kept)} of 1 seeds" in done.stdout
    assert (folder / "out" / "scores.png").stat().st_size > 10_000

    # What was saved, judged by SciPy, is what the table says, and gives scores in their unit.
    model: Any = keras.saving.load_model(folder / "out" / "score.keras")
    assert MeanCentring in map(type, model.layers)
    _, valid = scored_images.read(folder / "images", folder / "scores.csv", 16, 0)
    found = model.predict(valid.x, verbose=0)[:, 0]
    rho = float(np.asarray(scipy.stats.spearmanr(found, valid.y))[0])
    assert rho == pytest.approx(rows[ROWS[2]][1], abs=1e-3)
    assert rho > 0.8
    assert 70 < found.mean() < 180


@needs_photographs
@pytest.mark.slow
def test_the_generated_images_are_scored(tmp_path):
    size = ("--train", 96, "--valid", 48, "--side", 32, "--width", 0.0625)
    done = run(tmp_path, "score_images.py", *size, "--epochs", 1, "--seeds", 1)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = rows_of(done.stdout)
    assert list(rows) == ROWS
    assert "seed 0  96 images for training, 48 for validation" in done.stdout


@pytest.mark.parametrize(
    ("third", "told"),
    [(0.70, "Means: yes\n(0.500, 0.600, 0.700); in 0 of 2 seeds"), (0.50, "Means: no\n")],
)
def test_the_table_tells_means_and_whether_the_order_holds(score_images, capsys, third, told):
    values = {0: (0.4, 0.6), 1: (0.7, 0.5), 2: (third - 0.3, third + 0.3), 3: (0.1, 0.2), 4: (1, 0)}
    stories = [
        {
            row: score_images.Result(values[i][seed], 2.0 + seed, 10, None)
            for i, row in enumerate(ROWS)
        }
        for seed in (0, 1)
    ]
    score_images.print_table(stories)
    printed = capsys.readouterr().out
    rows = rows_of(printed)
    assert list(rows) == ROWS
    assert rows[ROWS[0]] == ("10", 0.5, "0.400 0.600")
    assert "0.500 +- 0.141      2.5" in printed
    assert told in printed
    assert "with pre-training less without pre-training: +0.100  (+0.300 -0.100)" in printed


def test_generated_images_worsen_with_their_amounts(scored_images):
    random = np.random.default_rng(0)
    pixels = random.uniform(0.2, 0.8, (24, 20, 3))

    def change(**amounts):
        given = [amounts.get(name, 0) for name in ("blur", "noise", "exposure", "flat")]
        return scored_images.degraded(pixels, np.array(given), np.random.default_rng(1))

    np.testing.assert_allclose(change(), pixels, atol=1e-12)
    assert change(blur=1).std() < change(blur=0.3).std() < 0.8 * pixels.std()
    noise = [(change(noise=amount) - pixels).std() for amount in (0.5, 1)]
    assert noise == pytest.approx([0.05, 0.1], rel=0.05)
    np.testing.assert_allclose(change(flat=1), 0.5 + (pixels - 0.5) / 2)
    exposed = change(exposure=1)
    assert np.allclose(exposed, pixels**2) or np.allclose(exposed, pixels**0.5)


@needs_photographs
def test_a_generated_folder_is_the_same_each_time(scored_images, tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        scored_images.generate(tmp_path / name, {"train": 33, "valid": 32}, 24, seed)
    a, b, c = ((tmp_path / name / "scores.csv").read_text() for name in "abc")
    assert a == b != c
    parts = [
        scored_images.read(tmp_path / n / "images", tmp_path / n / "scores.csv", 24, 0)
        for n in "ab"
    ]
    (train, valid), (again, _) = parts
    np.testing.assert_array_equal(train.x, again.x)
    assert len(train.y) == 33 and len(valid.y) == 32 and valid.x.shape == (32, 24, 24, 3)
    assert 0 < train.y.min() < train.y.max() < 10
    photographs = scored_images.PHOTOGRAPHS
    assert not set(photographs["train"].split()) & set(photographs["valid"].split())


def test_without_the_photographs_it_is_told_what_to_install(scored_images, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="of skimage .*\n.*pip install scikit-learn scikit-image"):
        scored_images.photograph("coffee.png")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "0.png,high",
            r"scores.csv:3: expected name,score or name,score,part: \['0.png', 'high'\]",
        ),
        ("0.png", r"scores.csv:3: expected name,score"),
        ("0.png,nan", "scores.csv:3: a score is a finite number, not nan"),
        ("0.png,1,test", r"scores.csv:3: the third column is train or valid, not \['test'\]"),
        ("none.png,1", "scores.csv:3: there is no image .*none.png"),
        ("0.png,1", "scores.csv: 2 images for training and 0 for validation; at least 32"),
    ],
)
def test_a_mistake_in_the_scores_is_told_with_its_line(scored_images, folder, line, message):
    (folder / "scores.csv").write_text(f"file,grey\n1.png,3\n{line}\n")
    with pytest.raises(SystemExit, match=message):
        scored_images.read(folder / "images", folder / "scores.csv", 16, 0)


def test_scores_that_are_all_alike_are_refused(scored_images, folder):
    (folder / "scores.csv").write_text("".join(f"{i}.png,2\n" for i in range(256)))
    with pytest.raises(SystemExit, match="all scores are 2.0"):
        scored_images.read(folder / "images", folder / "scores.csv", 16, 0)


def test_the_third_column_says_which_images_validate(scored_images, folder):
    lines = (f"{i}.png,{i},{'valid' if i % 3 == 0 else 'train'}\n" for i in range(150))
    (folder / "scores.csv").write_text("".join(lines))
    train, valid = scored_images.read(folder / "images", folder / "scores.csv", 16, 0)
    assert valid.y.tolist() == list(range(0, 150, 3)) and len(train.y) == 100


def test_the_narrow_network_is_the_selfie_network_at_another_width(score_images):
    selfie = score_images.network(32, 1)
    narrow = score_images.network(32, 0.5)
    assert net2net.double_width(narrow).count_params() == selfie.count_params() == 2_092_609


def test_help():
    done = run(None, "score_images.py", "--help")
    assert done.returncode == 0 and "--epochs" in done.stdout and "--images" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--images", "."), "--images and --scores go together"),
        (("--epochs", "0"), "--epochs and --seeds are whole numbers from 1 up"),
        (("--seeds", "0"), "--epochs and --seeds are whole numbers from 1 up"),
    ],
)
def test_arguments_that_do_not_fit(score_images, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["score_images.py", *arguments])
    with pytest.raises(SystemExit, match="^2$"):
        score_images.main()
    assert message in capsys.readouterr().err
