"""All layers of ResNet50: `graph.activations` against keract and a hand-made model.

python -m benchmarks activations

Streaming into a file, memory and kills: python -m benchmarks.streaming
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
    """All images in one batch, as keract has it, and in batches of 32."""
    images, size = (2, 32) if quick else (256, 64)
    keract = peers.python("keract")
    for batch in (images,) if quick else (images, 32):
        what = f"ResNet50, all layers, {images} images {size} x {size}, batches of {batch}"
        with (
            tempfile.TemporaryDirectory() as folder,
            Side(f"{SIDES}:ours", folder, images, size, batch) as ours,
        ):
            ours.output()  # The weights are written now.
            for title, maker, python, target in (
                ("one multi-output Keras model", "by_hand", sys.executable, 1.05),
                (peers.title("keract"), "keract", keract, 1 / 3),
            ):
                if python is None:
                    why = peers.why_missing("keract")
                    yield missing("activations", what, title, why, target=target)
                    continue
                arguments = (folder,) if maker == "keract" else (folder, batch)
                with Side(f"{SIDES}:{maker}", *arguments, python=python) as peer:
                    note = same(ours, peer, 1e-3)
                    pair = compare_sides(ours, peer, quick=quick)
                yield timed("activations", what, pair, title, target=target, note=note)
