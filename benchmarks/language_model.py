"""A language model of characters: tokens a second, against the same in Keras and in PyTorch.

python -m benchmarks language_model

The sizes are char-rnn's: two LSTMs of 128, batches of 50 sequences of 50 characters.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator

from benchmarks import peers
from benchmarks.row import Row, missing, timed
from benchmarks.side import Side, compare_sides, same

__all__ = ["rows"]

KERAS, TORCH = "benchmarks.language_model_keras", "benchmarks.language_model_torch"


def rows(quick: bool) -> Iterator[Row]:
    """Training steps, and generation of one sequence character by character."""
    sizes = (2, 5, 8) if quick else (50, 50, 128)
    batch, length, hidden = sizes
    torch = peers.python("torch")
    with tempfile.TemporaryDirectory() as folder:
        with Side(f"{KERAS}:ours", folder, *sizes) as ours:
            ours.output()  # The weights are written now.
            what = f"training step, {batch} x {length} characters, 2 LSTMs of {hidden}"
            tokens = batch * length
            for title, maker, python in (
                ("Keras by hand", f"{KERAS}:by_hand", sys.executable),
                (peers.title("torch"), f"{TORCH}:train", torch),
            ):
                if python is None:
                    yield missing("language_model", what, title, peers.why_missing("torch"))
                    continue
                with Side(maker, folder, hidden, python=python) as peer:
                    near = same(ours, peer)
                    pair = compare_sides(ours, peer, quick=quick)
                note = f"{tokens / pair.ours:,.0f} and {tokens / pair.peer:,.0f} tokens/s; {near}"
                yield timed("language_model", what, pair, title, note=note)
        steps = 5 if quick else 200
        what = f"generate {steps} characters one by one"
        if torch is None:
            yield missing("language_model", what, "PyTorch", peers.why_missing("torch"))
            return
        with (
            Side(f"{KERAS}:generate", folder, hidden, steps) as ours,
            Side(f"{TORCH}:generate", folder, hidden, steps, python=torch) as peer,
        ):
            near = same(ours, peer)
            pair = compare_sides(ours, peer, quick=quick)
        note = f"{steps / pair.ours:,.0f} and {steps / pair.peer:,.0f} tokens/s; {near}"
        yield timed("language_model", what, pair, peers.title("torch"), note=note)
