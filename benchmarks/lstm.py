"""Sequences through `nn.FastLSTM`, against `keras.layers.LSTM` and `torch.nn.LSTM`.

python -m benchmarks lstm
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

# Batch, time, input, hidden.
SIZES = (
    (32, 50, 128, 256),
    (64, 100, 64, 64),
    (1, 50, 128, 256),
    (16, 200, 128, 128),
    (128, 20, 256, 512),
    (8, 35, 650, 650),
)
# What the ratio to Keras and to PyTorch should be at most.
TARGETS = {"forward": (0.5, 1.1), "forward and backward": (0.55, 1.2)}
SIDES = "benchmarks.lstm_sides"


def rows(quick: bool) -> Iterator[Row]:
    """Six sizes, the same weights and inputs."""
    torch = peers.python("torch")
    sizes = ((2, 3, 4, 5),) if quick else SIZES
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = stack.enter_context(Side(f"{SIDES}:ours", folder, sizes))
        titles = ("keras.layers.LSTM", peers.title("torch"))
        sides = [stack.enter_context(Side(f"{SIDES}:by_keras", folder, sizes))]
        if torch is not None:
            by_torch = Side(f"{SIDES}:by_torch", folder, sizes, python=torch)
            sides.append(stack.enter_context(by_torch))
        for i, (batch, steps, features, hidden) in enumerate(sizes):
            for what, targets in TARGETS.items():
                ours.use(f"{what} {i}")  # Writes the weights for the others.
                text = f"{batch} x {steps}, {features} to {hidden}, {what}"
                for title, peer, target in zip(titles, [*sides, None], targets, strict=False):
                    if peer is None:
                        why = peers.why_missing("torch")
                        yield missing("lstm", text, title, why, target=target)
                        continue
                    peer.use(f"{what} {i}")
                    note = same(ours, peer)
                    pair = compare_sides(ours, peer, quick=quick, seconds=2)
                    yield timed("lstm", text, pair, title, target=target, note=note)
