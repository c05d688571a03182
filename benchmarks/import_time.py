"""What importing a network costs a script that imports Keras anyway.

python -m benchmarks.import_time [RUNS]: processes of ``import keras`` and of ``import keras``
followed by ours, in turns. Only the second import is timed, inside the process; bytecode is
written first, as an installed package has it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
STATEMENTS = (
    "pass",
    "import graph",
    "from zoo import LeNet5",
    "from zoo import AlexNet",
    "from zoo import AlexNet, load_weights",
)
_TIMED = """
import time, keras
start = time.perf_counter()
{}
print(time.perf_counter() - start)
"""


def seconds(statement: str, cache: str) -> float:
    """Seconds of one import after ``import keras``, in a process of its own."""
    environment = {
        **os.environ,
        "PYTHONPYCACHEPREFIX": cache,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    code = _TIMED.format(statement)
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return float(run.stdout.split()[-1])


def main(runs: int = 7) -> None:
    with tempfile.TemporaryDirectory() as cache:
        for statement in STATEMENTS:
            seconds(statement, cache)  # Writes the bytecode.
        times: dict[str, list[float]] = {statement: [] for statement in STATEMENTS}
        for _ in range(runs):
            for statement in STATEMENTS:
                times[statement].append(seconds(statement, cache))
    print(f"milliseconds after `import keras`, {runs} processes each: median (least to most)")
    for statement, taken in times.items():
        least, middle, most = min(taken), statistics.median(taken), max(taken)
        print(f"  {statement:<40} {middle * 1e3:6.1f} ({least * 1e3:.1f} to {most * 1e3:.1f})")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
