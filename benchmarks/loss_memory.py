"""The memory that triplet losses need, forward and backward, at a batch of 4,096 x 128.

python -m benchmarks.loss_memory

Each runs in a process of its own, first on 64 rows: what that has needed is not counted.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.losses_sides import data, ours
from benchmarks.machine import peak
from benchmarks.paired import threads

BATCH = 4096


def measure(loss: str, how: str) -> None:
    """Print the MB above a small batch."""
    step = ours(loss, threads(), how == "XLA")
    x, y = data(BATCH)
    step(y[:64], x[:64])
    before = peak()
    step(y, x)
    print(round(peak() - before))


def main() -> None:
    """Print a table in Markdown."""
    if len(sys.argv) > 1:
        measure(*sys.argv[1:])
        return
    print("| loss | graph | XLA |\n|---|---|---|")
    for loss in ("hard", "semi-hard", "batch-all"):
        found = []
        for how in ("graph", "XLA"):
            command = [sys.executable, "-m", "benchmarks.loss_memory", loss, how]
            run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(run.stdout.split()[-1])
        print(f"| {loss} | {found[0]} MB | {found[1]} MB |", flush=True)


if __name__ == "__main__":
    main()
