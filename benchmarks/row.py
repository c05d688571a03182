"""One line of the table of benchmarks, and the table as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.paired import Pair

__all__ = ["HEAD", "Row", "line", "markdown", "missing", "timed"]

HEAD = ("benchmark", "what", "ours ms", "peer", "peer ms", "ratio", "at most", "note")
_WIDTHS = ("<17", "<58", ">8", "<29", ">8", ">7", "<12", "")


class Row(NamedTuple):
    """What one comparison gave.

    Attributes:
        name: Of the benchmark: the module of this package.
        what: What was done, with its sizes.
        ours_ms: Median of our times in milliseconds; None where nothing could be compared.
        peer: What it is measured against.
        peer_ms: Median of the peer's times.
        ratio: Median of ours / peer of runs that stood side by side.
        target: The ratio that is aimed at, at most; None for none.
        note: What else belongs to it: a rate, how near the outputs are, why it is missing.
    """

    name: str
    what: str
    ours_ms: float | None
    peer: str
    peer_ms: float | None
    ratio: float | None
    target: float | None = None
    note: str = ""


def timed(
    name: str, what: str, pair: Pair, peer: str, *, target: float | None = None, note: str = ""
) -> Row:
    """The row of a comparison."""
    return Row(name, what, 1e3 * pair.ours, peer, 1e3 * pair.peer, pair.ratio, target, note)


def missing(name: str, what: str, peer: str, why: str, *, target: float | None = None) -> Row:
    """The row of a comparison whose peer is not there."""
    return Row(name, what, None, peer, None, None, target, f"missing: {why}")


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.{0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 3}f}"


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "-" if row.ratio is None else f"{row.ratio:.{2 if row.ratio >= 0.1 else 4}f}"
    target = "" if row.target is None else f"{row.target:.3g}"
    if row.ratio is not None and row.target is not None:
        target += " met" if row.ratio <= row.target else " missed"
    times = _time(row.ours_ms), row.peer, _time(row.peer_ms)
    return (row.name, row.what, *times, ratio, target, row.note)


def line(cells: Row | tuple[str, ...] = HEAD) -> str:
    """A row for a terminal, or the heads of the columns. Widths are fixed: rows come one by one."""
    texts = _cells(cells) if isinstance(cells, Row) else cells
    return "  ".join(f"{cell:{width}}" for cell, width in zip(texts, _WIDTHS, strict=True)).rstrip()


def markdown(rows: Iterable[Row]) -> str:
    """The table in Markdown; the name of a benchmark stands in its first row alone."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|--:|---|--:|--:|---|---|"]
    before = None
    for row in rows:
        name, *cells = (cell.replace("|", r"\|") for cell in _cells(row))
        lines.append("| " + " | ".join(["" if name == before else f"`{name}`", *cells]) + " |")
        before = name
    return "\n".join(lines)
