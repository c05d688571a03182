"""LeNet5, AlexNet and TinyDarknet against PyTorch and the machine's matrix product.

python -m benchmarks networks
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

# Network -> batch, and what the ratio to PyTorch and to the peak should be at most.
NETWORKS = {
    "LeNet5": (64, None, None),
    "AlexNet": (16, 1.0, 1 / 0.8),
    "TinyDarknet": (8, None, None),
}
OURS, PEER = "benchmarks.networks_keras", "benchmarks.networks_torch"


def rows(quick: bool) -> Iterator[Row]:
    """Forward and a training step of each, on the same weights and images."""
    torch = peers.python("torch")
    for network, (batch, target, of_peak) in NETWORKS.items():
        batch = 2 if quick else batch
        with tempfile.TemporaryDirectory() as folder:
            with Side(f"{OURS}:forward", network, batch, folder) as ours:
                ours.output()  # The weights are written now.
                what = f"{network}, batch {batch}, forward"
                with Side(f"{OURS}:matmul", 512 if quick else 3072) as product:
                    work = json.loads(Path(folder, "work.json").read_text())
                    scale = work["multiply_adds"] / (512 if quick else 3072) ** 3
                    pair = compare_sides(ours, product, quick=quick)
                pair = pair._replace(peer=pair.peer * scale, ratio=pair.ratio / scale)
                rate = 2e-9 * work["multiply_adds"] / pair.peer
                note = f"{1 / pair.ratio:.0%} of {rate:.0f} GFLOP/s"
                yield timed("networks", what, pair, "matmul peak", target=of_peak, note=note)
                if torch is None:
                    why = peers.why_missing("torch")
                    yield missing("networks", what, "PyTorch", why, target=target)
                else:
                    with Side(f"{PEER}:forward", network, folder, python=torch) as peer:
                        note = same(ours, peer)
                        pair = compare_sides(ours, peer, quick=quick)
                    yield timed(
                        "networks", what, pair, peers.title("torch"), target=target, note=note
                    )
            what = f"{network}, batch {batch}, training step"
            if torch is None:
                yield missing("networks", what, "PyTorch", peers.why_missing("torch"))
                continue
            with (
                Side(f"{OURS}:train", network, folder, False) as ours,
                Side(f"{PEER}:train", network, folder, python=torch) as peer,
            ):
                # Two planes that are nearly equal in a pooling's window may go either way.
                note = same(ours, peer, 2e-2)
                pair = compare_sides(ours, peer, quick=quick)
                yield timed("networks", what, pair, peers.title("torch"), note=f"gradient: {note}")
                # Keras chooses XLA unless it is told not to.
                with Side(f"{OURS}:train", network, folder, True) as compiled:
                    pair = compare_sides(compiled, peer, quick=quick)
                    what += ", jit_compile=True"
                    yield timed("networks", what, pair, peers.title("torch"))
