"""Activations of more data than memory: peak memory, and runs that are killed again and again.

python -m benchmarks.streaming [--images 50000] [--kills 10]

Three layers of a small network go into an HDF5 file. Peak memory is that of a process that writes
the file, beside that of the same model only predicting. Then another process writes the same
file, is killed with SIGKILL at random moments and started again, and the two are compared.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import graph
from benchmarks.machine import description, facts, peak

LAYERS = ["conv1", "conv2", "fc"]


def network() -> keras.Model:
    """Two convolutions and a dense layer over 32 x 32 pixels."""
    keras.utils.set_random_seed(0)
    x = keras.Input((32, 32, 3))
    y = keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="conv1")(x)
    y = keras.layers.Conv2D(32, 3, strides=2, activation="relu", name="conv2")(y)
    y = keras.layers.Dense(64, name="fc")(keras.layers.Flatten()(y))
    return keras.Model(x, y, name="streamed")


def batches(images: int) -> Iterator[Any]:
    """Random images, never all in memory."""
    generator = np.random.default_rng(1)
    for start in range(0, images, 32):
        yield generator.normal(size=(min(32, images - start), 32, 32, 3)).astype("float32")


def write(path: str, images: int) -> None:
    """Write the file; print the peak of predicting, the peak of writing, and the seconds."""
    model = network()
    for batch in batches(1600):
        model.predict_on_batch(batch)
    own = peak()
    begin = time.perf_counter()
    print("ready", flush=True)
    graph.activations(model, batches(images), LAYERS, to=path)
    print(own, peak(), time.perf_counter() - begin)


def start(path: Path, images: int) -> subprocess.Popen[str]:
    """Another process that writes the file."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--write", str(path)]
    return subprocess.Popen(
        [*command, "--images", str(images)], stdout=subprocess.PIPE, text=True, bufsize=1
    )


def finish(process: subprocess.Popen[str]) -> list[float]:
    """What it printed at its end.

    Raises:
        RuntimeError: it failed.
    """
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"the writer ended with status {process.returncode}")
    return list(map(float, out.split()[-3:]))


def main() -> None:
    """Run what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--kills", type=int, default=10, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--write", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write(options.write, options.images)
        return
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole.h5", Path(folder) / "killed.h5"
        own, most, seconds = finish(start(whole, options.images))
        full = options.images * 4 * (15 * 15 * 16 + 7 * 7 * 32 + 64) / 1e6
        print(description(facts()))
        print(
            f"{options.images:,} images, 3 layers, {full:,.0f} MB of activations, file "
            f"{whole.stat().st_size / 1e6:,.0f} MB, {seconds:.0f} s"
        )
        print(f"peak {most:.0f} MB, the model alone {own:.0f} MB, {most - own:.0f} MB more")
        moments = random.Random(options.seed)
        for number in range(options.kills):
            process = start(killed, options.images)
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(moments.uniform(0.05, 1.5 * seconds / (options.kills + 1)))
            process.send_signal(signal.SIGKILL)
            process.wait()
            pieces = list(killed.with_name("killed.h5.partial").glob("[0-9]*-*.h5"))
            print(f"kill {number + 1}: {len(pieces)} pieces are complete", flush=True)
        finish(start(killed, options.images))
        same = whole.read_bytes() == killed.read_bytes()
        print(f"killed {options.kills} times: {'the same file, byte for byte' if same else 'NO'}")
        if not same:
            sys.exit(1)


if __name__ == "__main__":
    main()
