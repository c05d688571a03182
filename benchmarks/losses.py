"""Triplet losses with their gradients, against tensorflow-addons and pytorch-metric-learning.

python -m benchmarks losses

The memory that they need: python -m benchmarks.loss_memory
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

TFA, PML = "tensorflow-addons", "pytorch-metric-learning"
# Loss, batch, peer, the ratio that is aimed at. tensorflow-addons needs over 16 GB for semi-hard
# triplets of 1,024.
RUNS = (
    ("hard", 1024, TFA, 0.2),
    ("hard", 1024, PML, 1.0),
    ("semi-hard", 512, TFA, 0.2),
    ("semi-hard", 1024, PML, 1.0),
    ("batch-all", 1024, PML, None),
)


def rows(quick: bool) -> Iterator[Row]:
    """The losses that the peers have too, on embeddings of 128, 8 a class."""
    for loss, batch, name, target in RUNS[:2] if quick else RUNS:
        batch = 32 if quick else batch
        for how in ("ours", "ours, XLA"):
            what = f"triplet {loss}, batch {batch}{how.removeprefix('ours')}"
            python = peers.python(name)
            if python is None:
                yield missing("losses", what, name, peers.why_missing(name), target=target)
                continue
            with (
                Side("benchmarks.losses_sides:step", how, loss, batch) as ours,
                Side("benchmarks.losses_sides:step", name, loss, batch, python=python) as peer,
            ):
                # pytorch-metric-learning takes the mean over other triplets.
                note = same(ours, peer, 1e-3) if name == TFA else ""
                pair = compare_sides(ours, peer, quick=quick)
            yield timed("losses", what, pair, peers.title(name), target=target, note=note)
