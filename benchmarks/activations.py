"""All layers of ResNet50 against one hand-made multi-output model and keract, in turns.

python -m benchmarks.activations [--images 256] [--size 64] [--runs 5] [--keract PYTHON]

Each has a process of its own, which does nothing while another runs. keract 4.5 runs on Keras 2
only: PYTHON is an interpreter that has keract and tf-keras.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.paired import machine

WORKER = Path(__file__).with_name("activation_worker.py")


class Worker:
    """A process that computes when it is told to."""

    def __init__(self, python: str, library: str, images: int, size: int, batch: int) -> None:
        command = [python, "-P", str(WORKER), library, str(images), str(size), str(batch)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        if self._line() != "ready":
            raise RuntimeError(f"{library} does not run under {python}")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def seconds(self) -> float:
        """Run once."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        return float(self._line())

    def end(self) -> None:
        """Let the process go."""
        self._process.communicate()


def compare(first: Worker, other: Worker, runs: int) -> str:
    """Medians, and the median ratio of runs side by side."""
    pairs = []
    for i in range(runs):
        if i % 2:
            second = other.seconds()
            pairs.append((first.seconds(), second))
        else:
            pairs.append((first.seconds(), other.seconds()))
    medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
    ratios = sorted(a / b for a, b in pairs)
    return (
        f"{medians[0]:.2f} s, {medians[1]:.2f} s, ratio {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    """Run what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=64, help="side of an image in pixels")
    parser.add_argument("--runs", type=int, default=5, help="pairs that count")
    parser.add_argument("--keract", metavar="PYTHON", help="an interpreter that has keract")
    options = parser.parse_args()
    print(machine())
    print(f"all layers of ResNet50 without its top, {options.images} images of {options.size}^2")
    for batch in (32, options.images):
        ours = Worker(sys.executable, "ours", options.images, options.size, batch)
        peers = {"one multi-output model": (sys.executable, "hand")}
        if options.keract:
            peers["keract, all at once"] = (options.keract, "keract")
        for name, (python, library) in peers.items():
            peer = Worker(python, library, options.images, options.size, batch)
            print(f"in batches of {batch}, {name}: {compare(ours, peer, options.runs)}", flush=True)
            peer.end()
        ours.end()


if __name__ == "__main__":
    main()
