"""A model that serves: cold start and single requests, against LiteRT and ONNX Runtime.

python -m benchmarks serving

One model, written by `graph.export` as a SavedModel and by `zoo.converting` as a LiteRT and an
ONNX file. A cold start is a new process up to its first answer, the import of the runtime
included. A request is one image.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers
from benchmarks.paired import BUSY, Pair, summary
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

SIDES = "benchmarks.serving_sides"
# Peer -> how `zoo.converting` calls its format, the file's ending, what else writing it needs.
RUNTIMES = {
    "litert": ("litert", ".tflite", None),
    "onnxruntime": ("onnx", ".onnx", "tf2onnx"),
}
_WRITE = """
import sys
from pathlib import Path
import zoo
from zoo.converting import write
name, folder, format, path = sys.argv[1:]
model = getattr(zoo, name)(weights=f"{folder}/model.weights.h5")
write(model, Path(path), format)
"""
_PREPARE = """
import sys
import keras, numpy as np
import graph, zoo
name, folder = sys.argv[1:]
keras.utils.set_random_seed(0)
model = getattr(zoo, name)()
model.save_weights(f"{folder}/model.weights.h5")
graph.export(model, f"{folder}/saved_model")
x = np.random.default_rng(0).random((1, *model.input_shape[1:]), "float32")
np.save(f"{folder}/request.npy", x)
"""


def _process(code: str, *arguments: str) -> None:
    """Run Python."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError((run.stderr.strip().splitlines() or ["no message"])[-1])


def _cold(maker: str, folder: str) -> float:
    """Seconds from nothing to the first answer."""
    start = time.perf_counter()
    with Side(f"{SIDES}:{maker}", folder) as side:
        side.run(1)
        return side.spent() if os.environ.get(BUSY) else time.perf_counter() - start


def _cold_starts(maker: str, folder: str, runs: int) -> Pair:
    pairs = []
    for i in range(runs):
        order = ("saved_model", maker) if i % 2 else (maker, "saved_model")
        taken = {side: _cold(side, folder) for side in order}
        pairs.append((taken["saved_model"], taken[maker]))
    return summary(pairs)


def rows(quick: bool) -> Iterator[Row]:
    """Both runtimes, on a small and on a middling network."""
    for name in ("LeNet5",) if quick else ("LeNet5", "TinyDarknet"):
        with tempfile.TemporaryDirectory() as folder:
            _process(_PREPARE, name, folder)
            for peer, (format, ending, tool) in RUNTIMES.items():
                title, what = peers.title(peer), f"{name} as SavedModel"
                absent = [p for p in (peer, tool) if p and peers.python(p) is None]
                if absent:
                    for each in ("one request", "cold start"):
                        why = peers.why_missing(absent[0])
                        yield missing("serving", f"{what}, {each}", title, why)
                    continue
                _process(_WRITE, name, folder, format, str(Path(folder, f"model{ending}")))
                with (
                    Side(f"{SIDES}:saved_model", folder) as ours,
                    Side(f"{SIDES}:{peer}", folder) as other,
                ):
                    note = same(ours, other)
                    pair = compare_sides(ours, other, quick=quick, seconds=3)
                yield timed("serving", f"{what}, one request", pair, title, note=note)
                pair = _cold_starts(peer, folder, 1 if quick else 3)
                yield timed("serving", f"{what}, cold start", pair, title)
