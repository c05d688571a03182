"""Two ways of doing the same thing, timed in turns in one process."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

__all__ = ["BUSY", "Pair", "clock", "compare", "summary", "threads"]

BUSY = "NNGRAPH_BENCHMARKS_BUSY"
"""Environment variable: if set, others use the machine. See `clock`."""


def clock() -> float:
    """Seconds: the clock's, or on a busy machine those that this process had of a processor."""
    return time.process_time() if os.environ.get(BUSY) else time.perf_counter()


def threads() -> int:
    """What each library may use: all cores, or one on a busy machine.

    Several threads wait for one another where others use the cores, some of them by spinning.
    """
    return 1 if os.environ.get(BUSY) else os.cpu_count() or 1


class Pair(NamedTuple):
    """Medians in seconds, and the median of the ratios of runs that stood side by side."""

    ours: float
    peer: float
    ratio: float


def compare(ours: Callable[[], Any], peer: Callable[[], Any], *, runs: int, warm: int = 1) -> Pair:
    """Time `ours` and `peer` alternately, first one, then the other leading.

    Args:
        ours: What is measured.
        peer: What it is measured against.
        runs: How many pairs count.
        warm: How many pairs run before, uncounted.
    """
    times: list[tuple[float, float]] = []
    for i in range(warm + runs):
        order = (ours, peer) if i % 2 else (peer, ours)
        taken = {}
        for function in order:
            gc.collect()
            start = clock()
            function()
            taken[function] = clock() - start
        if i >= warm:
            times.append((taken[ours], taken[peer]))
    return summary(times)


def summary(times: Sequence[tuple[float, float]]) -> Pair:
    """The medians of pairs of seconds (ours, peer)."""
    return Pair(
        statistics.median(a for a, _ in times),
        statistics.median(b for _, b in times),
        statistics.median(a / b for a, b in times),
    )
