"""All layers of ResNet50: `graph.activations` against keract and a hand-made model.

python -m benchmarks activations_peers

Memory, and more images: python -m benchmarks.activations
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

SIDES = "benchmarks.activations_sides"


def rows(quick: bool) -> Iterator[Row]:
    """All images in one batch, as keract has it."""
    images, size = (2, 32) if quick else (64, 64)
    what = f"ResNet50, all layers, {images} images {size} x {size}"
    keract = peers.python("keract")
    with (
        tempfile.TemporaryDirectory() as folder,
        Side(f"{SIDES}:ours", folder, images, size) as ours,
    ):
        ours.output()  # The weights are written now.
        for title, maker, python in (
            ("one multi-output Keras model", "by_hand", sys.executable),
            (peers.title("keract"), "keract", keract),
        ):
            if python is None:
                yield missing("activations_peers", what, title, peers.why_missing("keract"))
                continue
            with Side(f"{SIDES}:{maker}", folder, python=python) as peer:
                note = same(ours, peer, 1e-3)
                pair = compare_sides(ours, peer, quick=quick)
            yield timed("activations_peers", what, pair, title, note=note)
