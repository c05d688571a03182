"""The sides of `benchmarks.losses_peers`."""

from __future__ import annotations

import os

import numpy as np

from benchmarks import loss_worker
from benchmarks.side import Step

__all__ = ["step"]


def step(library: str, loss: str, batch: int) -> Step:
    """Forward and backward of a loss of one library; the output is the loss alone."""
    threads = os.cpu_count() or 1
    call = {
        "ours": lambda: loss_worker.ours(loss, threads, False),
        "tensorflow-addons": lambda: loss_worker.tfa(loss, threads),
        "pytorch-metric-learning": lambda: loss_worker.pml(loss, threads),
    }[library]()
    x, y = loss_worker.data(batch)
    return Step(lambda: call(y, x), lambda: np.array(call(y, x)[:1]))
