"""The sides of `benchmarks.losses_peers`."""

from __future__ import annotations

import numpy as np

from benchmarks import loss_worker
from benchmarks.paired import threads
from benchmarks.side import Step

__all__ = ["step"]


def step(library: str, loss: str, batch: int) -> Step:
    """Forward and backward of a loss of one library; the output is the loss alone."""
    count = threads()
    call = {
        "ours": lambda: loss_worker.ours(loss, count, False),
        "tensorflow-addons": lambda: loss_worker.tfa(loss, count),
        "pytorch-metric-learning": lambda: loss_worker.pml(loss, count),
    }[library]()
    x, y = loss_worker.data(batch)
    return Step(lambda: call(y, x), lambda: np.array(call(y, x)[:1]))
