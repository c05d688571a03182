"""Reading .t7 files, against `numpy.load` on the same bytes and against torchfile.

python -m benchmarks torch7_read
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers
from benchmarks.paired import compare
from benchmarks.row import Row, missing, timed
from graph import torch7
from graph.torch7 import TorchObject

# Reads a file in a process of its own and tells how many bytes of memory that added.
MEMORY = """
import sys
from graph import torch7
def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * 4096
torch7.load(sys.argv[1])
before = resident()
kept = torch7.load(sys.argv[2])
print(resident() - before)
"""


def linear(megabytes: int) -> TorchObject:
    """A trained `nn.Linear` whose weight has so many million bytes."""
    rng = np.random.default_rng(0)
    weight = rng.random((megabytes * 250, 1000), dtype="float32")
    bias = rng.random(megabytes * 250, dtype="float32")
    return TorchObject("nn.Linear", {"weight": weight, "bias": bias, "train": False})


def sequential(modules: int) -> TorchObject:
    """An `nn.Sequential` of many small modules, each with the fields that Torch writes."""
    rng = np.random.default_rng(0)
    children = []
    for i in range(modules // 2):
        fields = {
            "weight": rng.random((4, 4)),
            "bias": rng.random(4),
            "gradWeight": np.zeros((4, 4)),
            "gradBias": np.zeros(4),
            "output": np.zeros(0),
            "gradInput": np.zeros(0),
            "_type": "torch.DoubleTensor",
            "train": False,
        }
        children.append(TorchObject("nn.Linear", fields))
        fields = {"output": np.zeros(0), "gradInput": np.zeros(0), "inplace": bool(i % 2)}
        children.append(TorchObject("nn.Tanh", {**fields, "_type": "torch.DoubleTensor"}))
    return TorchObject("nn.Sequential", {"modules": children, "train": False})


def added_memory(path: Path, small: Path) -> float:
    """Bytes that reading `path` adds, as a part of its size."""
    command = [sys.executable, "-c", MEMORY, str(small), str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(out) / path.stat().st_size


def row(what: str, peer: str, ours: Any, theirs: Any, runs: int, note: str = "") -> Row:
    """One comparison."""
    return timed("torch7_read", what, compare(ours, theirs, runs=runs), peer, note=note)


def rows(quick: bool) -> Iterator[Row]:
    """A large tensor against NumPy and torchfile, and many small modules against torchfile."""
    size, less, modules, runs = (4, 4, 60, 2) if quick else (500, 100, 6000, 11)
    with tempfile.TemporaryDirectory() as folder:
        big, same = Path(folder, "big.t7"), Path(folder, "same.npy")
        small = Path(folder, "small.t7")
        torch7.save(small, linear(2))
        model = linear(size)
        torch7.save(big, model)
        np.save(same, model["weight"])

        def weight() -> np.ndarray:
            return torch7.load(big)["weight"]

        assert np.array_equal(weight(), model["weight"])
        del model
        what = f"{size} MB Linear"
        note = f"adds {added_memory(big, small):.2%} of its size to memory"
        yield row(what, "numpy.load", weight, lambda: np.load(same), runs, note)
        mapped = lambda: np.load(same, mmap_mode="c")  # noqa: E731
        yield row(what, "numpy.load(mmap_mode='c')", weight, mapped, runs)
        total = f"{what}, and sum its weight"
        yield row(total, "numpy.load", lambda: weight().sum(), lambda: np.load(same).sum(), runs)
        what, many = f"{less} MB Linear", f"Sequential of {modules:,} modules"
        if peers.version("torchfile") is None:
            for each in (what, many):
                yield missing("torch7_read", each, "torchfile", peers.why_missing("torchfile"))
            return
        title, read = peers.title("torchfile"), importlib.import_module("torchfile").load
        torch7.save(big, linear(less))
        assert np.array_equal(torch7.load(big)["weight"], read(big)[b"weight"])
        total = f"{what}, and sum its weight"
        summed = lambda: read(big)[b"weight"].sum()  # noqa: E731
        yield row(total, title, lambda: weight().sum(), summed, runs)
        yield row(what, title, weight, lambda: read(big), runs)
        torch7.save(big, sequential(modules))
        ours, theirs = torch7.load(big)["modules"], read(big)[b"modules"]
        assert len(ours) == len(theirs) == modules
        assert np.array_equal(ours[-2]["weight"], theirs[-2][b"weight"])
        yield row(many, title, lambda: torch7.load(big), lambda: read(big), runs)
