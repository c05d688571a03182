"""One side of a comparison in a process of its own, timed whenever it is asked.

Libraries that cannot share a process, or would share its threads, are compared this way: each
stands ready, and they run in turns. This file needs the standard library and NumPy alone, since a
peer may run under another interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.paired import Pair, clock, summary

__all__ = ["Side", "Step", "compare_sides", "same"]

ROOT = Path(__file__).parents[1]


class Step(NamedTuple):
    """What a side is asked for: to run, which is timed, and what it computed.

    Attributes:
        run: One call of what is measured.
        output: An array that both sides must agree on.
    """

    run: Callable[[], Any]
    output: Callable[[], np.ndarray] | None = None


class Side:
    """A process with one `Step`.

    Args:
        maker: ``"module:function"``; the function gives the step, or a dict of functions that do,
            of which `use` takes one.
        *arguments: For it, of JSON's types.
        python: The interpreter. Default: this one.
    """

    def __init__(self, maker: str, *arguments: Any, python: str = sys.executable) -> None:
        self.maker = maker
        # Another interpreter has its own libraries, which ours must not hide.
        path = [str(ROOT)]
        if python == sys.executable:
            path += [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [python, "-W", "ignore", "-m", __name__, maker, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env=environment,
            text=True,
        )
        self.ready = False

    def _ask(self, line: str) -> str:
        assert self.process.stdin and self.process.stdout
        # Both sides are started before one is waited for.
        if not self.ready and self.process.stdout.readline() != "ready\n":
            raise self._failure()
        self.ready = True
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise self._failure()
        return answer.strip()

    def _failure(self) -> RuntimeError:
        self.process.wait()
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return RuntimeError(f"{self.maker} ended: {lines[-1] if lines else 'no message'}")

    def run(self, times: int) -> float:
        """Seconds of one call, the mean of so many."""
        return float(self._ask(f"run {times}"))

    def output(self) -> np.ndarray:
        """What the step computed."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "output.npy")
            self._ask(f"output {path}")
            return np.load(path)

    def use(self, name: str) -> None:
        """Take this step from now on."""
        self._ask(f"use {name}")

    def spent(self) -> float:
        """Seconds of a processor that the process has had since it began."""
        return float(self._ask("spent"))

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            if self.process.stdin:
                self.process.stdin.close()
        self.process.wait()
        self.errors.close()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def same(ours: Side, peer: Side, tolerance: float = 1e-4) -> str:
    """See that two sides computed the same, and say how near they are.

    Args:
        ours: A side with an output.
        peer: Another.
        tolerance: Largest difference, in parts of the largest value.
    """
    a, b = ours.output(), peer.output()
    if a.shape != b.shape:
        raise RuntimeError(f"outputs of shapes {a.shape} and {b.shape}")
    gap = float(np.abs(a - b).max() / np.abs(b).max())
    if not gap <= tolerance:
        raise RuntimeError(f"the outputs differ by {gap:.1e} of the largest, over {tolerance:g}")
    return f"outputs within {gap:.0e}"


def compare_sides(
    ours: Side, peer: Side, *, quick: bool, seconds: float = 5, least: int = 5, most: int = 41
) -> Pair:
    """Time two sides in turns, first one, then the other leading.

    A turn is as many calls as take a twentieth of a second.

    Args:
        ours: What is measured.
        peer: What it is measured against.
        quick: Whether to run but two pairs, to see that it works.
        seconds: How long to go on, once `least` pairs are there.
        least: How many pairs count at least.
        most: How many pairs count at most.
    """
    sides = ours, peer
    # The first call compiles, the second still allocates.
    calls = [max(1, round(0.05 / min(side.run(1), side.run(1)))) for side in sides]
    if quick:
        seconds, least, most, calls = 0, 2, 2, [1, 1]
    times: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(times) < least or (len(times) < most and time.perf_counter() - begin < seconds):
        taken = [0.0, 0.0]
        for i in (0, 1) if len(times) % 2 else (1, 0):
            taken[i] = sides[i].run(calls[i])
            # The threads of some libraries spin for a while after they have worked.
            time.sleep(0.01)
        times.append((taken[0], taken[1]))
    return summary(times)


def main() -> None:
    """Make the step, then answer each line."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print is no answer.
    maker, arguments = sys.argv[1:]
    module, _, function = maker.partition(":")
    made: Any = getattr(importlib.import_module(module), function)(*json.loads(arguments))
    step: Step = made
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "use":
            step = made[argument]()
            print("used", file=answers, flush=True)
            continue
        if command == "output":
            assert step.output
            np.save(argument, step.output())
            print("saved", file=answers, flush=True)
            continue
        if command == "spent":
            print(time.process_time(), file=answers, flush=True)
            continue
        gc.collect()
        times = int(argument)
        start = clock()
        for _ in range(times):
            step.run()
        print((clock() - start) / times, file=answers, flush=True)


if __name__ == "__main__":
    main()
