"""Triplet losses with their gradients, against tensorflow-addons and pytorch-metric-learning.

python -m benchmarks losses_peers

More sizes, XLA and memory: python -m benchmarks.losses
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

TFA, PML = "tensorflow-addons", "pytorch-metric-learning"
RUNS = (
    ("hard", 1024, TFA),
    ("hard", 1024, PML),
    ("semi-hard", 512, TFA),
    ("semi-hard", 512, PML),
    ("batch-all", 512, PML),
)


def rows(quick: bool) -> Iterator[Row]:
    """The losses that the peers have too, on embeddings of 128, 8 a class."""
    for loss, batch, name in RUNS[:2] if quick else RUNS:
        batch = 32 if quick else batch
        what, python = f"triplet {loss}, batch {batch}", peers.python(name)
        if python is None:
            yield missing("losses_peers", what, name, peers.why_missing(name))
            continue
        with (
            Side("benchmarks.losses_sides:step", "ours", loss, batch) as ours,
            Side("benchmarks.losses_sides:step", name, loss, batch, python=python) as peer,
        ):
            # pytorch-metric-learning takes the mean over other triplets.
            note = same(ours, peer, 1e-3) if name == TFA else ""
            pair = compare_sides(ours, peer, quick=quick)
        yield timed("losses_peers", what, pair, peers.title(name), note=note)
