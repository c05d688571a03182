import re

import numpy as np
import pytest
from example_scripts import finished_example

from zoo.training import Cifar10, load_cifar10, save_cifar10


def run(folder, *arguments):
    done = finished_example("alexnet_cifar.py", folder, *arguments, "--out", "out", timeout=500)
    rows = re.findall(r"^(\w[\w -]+?) +([\d,]+) +([\d.]+)% +\d+$", done.stdout, re.M)
    return done.stdout, {name: (int(n.replace(",", "")), float(v)) for name, n, v in rows}


def test_the_stand_in_in_smoke_size(tmp_path):
    out, rows = run(tmp_path, "--epochs", 2, "--steps", 3, "--labels", 4)
    assert set(rows) == {"head on deep features", "fine-tuned", "from scratch"}
    parameters = [rows[name][0] for name in rows]
    assert parameters == [257 * 5, 2_469_696 + 257 * 5, 2_469_696 + 257 * 5]
    assert all(0 <= right <= 100 for _, right in rows.values())
    assert "1300 images to learn from and 497 to test on" in out
    assert "new classes, 4 labels each" in out
    assert (tmp_path / "out" / "confusion.png").stat().st_size > 20_000
    data = load_cifar10(tmp_path / "out" / "stand-in")  # in CIFAR-10's own format
    assert data.train_images.shape == (1300, 32, 32, 3) and len(data.names) == 10
    assert len(np.unique(data.train_images.reshape(1300, -1), axis=0)) == 1300


@pytest.mark.slow
def test_files_of_cifar_10(tmp_path):
    """Classes that differ in colour are learnt, from files in the folder given."""
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (10, 1, 1, 3))

    def images(count):
        labels = np.arange(count) % 10
        noise = rng.integers(-20, 21, (count, 32, 32, 3))
        return np.clip(colours[labels] + noise, 0, 255).astype("uint8"), labels

    save_cifar10(tmp_path / "cifar", Cifar10(*images(200), *images(100), list("abcdefghij")))
    out, rows = run(tmp_path, "--data", "cifar", "--epochs", 4, "--steps", 10, "--labels", 8)
    assert "200 images to learn from and 100 to test on" in out
    assert rows["head on deep features"][1] > 80
    assert not (tmp_path / "out" / "stand-in").exists()
