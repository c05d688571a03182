"""Reading .t7 files, against `numpy.load` on the same bytes and against torchfile.

python -m benchmarks.torch7_read
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paired import compare
from graph import torch7
from graph.torch7 import TorchObject

try:
    import torchfile
except ImportError:
    torchfile = None

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


def row(what: str, peer: str, ours: Any, theirs: Any, runs: int) -> None:
    """One line of the table."""
    pair = compare(ours, theirs, runs=runs)
    print(
        f"{what:<34}{peer:<28}{1000 * pair.ours:>10.2f}{1000 * pair.peer:>10.2f}{pair.ratio:>9.4f}",
        flush=True,
    )


def added_memory(path: Path, small: Path) -> float:
    """Bytes that reading `path` adds, as a part of its size."""
    command = [sys.executable, "-c", MEMORY, str(small), str(path)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(out) / path.stat().st_size


def main() -> None:
    """Print a table: milliseconds, the ratio to the peer, and the memory that reading adds."""
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, torchfile 0.1.0")
    print(f"{'what':<34}{'peer':<28}{'ours ms':>10}{'peer ms':>10}{'ratio':>9}")
    with tempfile.TemporaryDirectory() as folder:
        big, same = Path(folder, "big.t7"), Path(folder, "same.npy")
        small = Path(folder, "small.t7")
        torch7.save(small, linear(2))
        model = linear(500)
        torch7.save(big, model)
        np.save(same, model["weight"])

        def weight() -> np.ndarray:
            return torch7.load(big)["weight"]

        row("500 MB Linear", "numpy.load", weight, lambda: np.load(same), 11)
        mapped = lambda: np.load(same, mmap_mode="c")  # noqa: E731
        row("500 MB Linear", "numpy.load(mmap_mode='c')", weight, mapped, 11)
        assert np.array_equal(weight(), model["weight"])
        del model
        row(
            "500 MB Linear, and sum its weight",
            "numpy.load",
            lambda: weight().sum(),
            lambda: np.load(same).sum(),
            11,
        )
        print(f"memory that reading the 500 MB adds: {added_memory(big, small):.2%} of its size")

        if torchfile is None:
            print("torchfile is not installed: not compared")
            return
        read = torchfile.load
        torch7.save(big, linear(100))
        assert np.array_equal(torch7.load(big)["weight"], read(big)[b"weight"])
        row(
            "100 MB Linear, and sum its weight",
            "torchfile",
            lambda: weight().sum(),
            lambda: read(big)[b"weight"].sum(),
            21,
        )
        row("100 MB Linear", "torchfile", weight, lambda: read(big), 21)
        torch7.save(big, sequential(6000))
        ours, theirs = torch7.load(big)["modules"], read(big)[b"modules"]
        assert len(ours) == len(theirs) == 6000
        assert np.array_equal(ours[-2]["weight"], theirs[-2][b"weight"])
        row("6,000-module Sequential", "torchfile", lambda: torch7.load(big), lambda: read(big), 21)


if __name__ == "__main__":
    main()
