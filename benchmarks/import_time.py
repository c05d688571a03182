"""What importing ours costs a script that imports Keras anyway, against `import keras`.

python -m benchmarks import_time

Both imports are timed inside one process, ours second; bytecode is written first, as an installed
package has it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.paired import summary
from benchmarks.row import Row, timed

ROOT = Path(__file__).parents[1]
STATEMENTS = (
    "import graph",
    "from zoo import LeNet5",
    "from zoo import AlexNet, load_weights",
    "import losses",
)
_TIMED = """
from benchmarks.paired import clock
start = clock()
import keras
middle = clock()
{}
print(clock() - middle, middle - start)
"""


def seconds(statement: str, cache: str) -> tuple[float, float]:
    """Seconds of one import after ``import keras``, and of that one, in a process of its own."""
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
    ours, keras = map(float, run.stdout.split()[-2:])
    return ours, keras


def rows(quick: bool) -> Iterator[Row]:
    """One for each statement."""
    statements = STATEMENTS[:1] if quick else STATEMENTS
    with tempfile.TemporaryDirectory() as cache:
        for statement in statements:
            seconds(statement, cache)  # Writes the bytecode.
        for statement in statements:
            pair = summary([seconds(statement, cache) for _ in range(1 if quick else 5)])
            yield timed("import_time", statement, pair, "import keras")
