"""A progress bar on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["shown_progress"]

_WIDTH = 30
_EVERY = 0.2  # seconds


def shown_progress(
    batches: Iterator[tuple[int, list[Any]]], done: int, total: int | None, shown: bool | None
) -> Iterator[tuple[int, list[Any]]]:
    """Pass batches on, drawing how far they are.

    Args:
        batches: `(first row, outputs)` of each batch.
        done: Rows that were there before.
        total: Rows in all, None where unknown.
        shown: Whether to draw; None draws if stderr is a terminal.
    """
    if not (sys.stderr.isatty() if shown is None else shown):
        yield from batches
        return
    begin = last = time.monotonic()
    row = done
    for start, values in batches:
        yield start, values
        first = values[0]
        while isinstance(first, list):
            first = first[0]
        row = start + len(first)
        if time.monotonic() - last >= _EVERY:
            last = time.monotonic()
            _draw(row, done, total, last - begin, "\r")
    _draw(row, done, total, max(time.monotonic() - begin, 1e-9), "\r", end="\n")


def _draw(
    row: int, done: int, total: int | None, seconds: float, start: str, end: str = ""
) -> None:
    rate = (row - done) / seconds
    if total:
        filled = _WIDTH * row // total
        left = (total - row) / rate if rate else 0
        bar = f"[{'=' * filled}{' ' * (_WIDTH - filled)}] {row:,}/{total:,} rows, {rate:,.0f}/s"
        text = f"{bar}, {left:,.0f} s left  "
    else:
        text = f"{row:,} rows, {rate:,.0f}/s  "
    sys.stderr.write(start + text + end)
    sys.stderr.flush()
