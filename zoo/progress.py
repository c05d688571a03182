"""Progress of long work, on a terminal or in a log."""

from __future__ import annotations

import time
from typing import TextIO

__all__ = ["Progress"]


class Progress:
    """Says how far something is, if it takes longer than a moment.

    On a terminal one line is written over; elsewhere a line comes with every tenth.

    Args:
        stream: Where to write.
        what: What is counted, e.g. ``"modules converted"``.
        after: Seconds before the first word.
    """

    def __init__(self, stream: TextIO, what: str, *, after: float = 1.0) -> None:
        self._stream = stream
        self._what = what
        self._start = time.monotonic()
        self._after = after
        self._last = 0.0
        self._tenth = 0
        self._open = False

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` is done."""
        now = time.monotonic()
        if now - self._start < self._after:
            return
        text = f"{done:,} of {total:,} {self._what}"
        if self._stream.isatty():
            if now - self._last > 0.2 or done == total:
                self._last = now
                self._open = True
                self._stream.write(f"\r{text}")
                self._stream.flush()
        elif 10 * done // max(total, 1) > self._tenth:
            self._tenth = 10 * done // total
            print(text, file=self._stream, flush=True)

    def end(self) -> None:
        """Leave the line, if one was written over."""
        if self._open:
            self._open = False
            print(file=self._stream)
