"""What every section of the page is made of."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

__all__ = ["section", "table"]


def section(title: str, note: str, body: str) -> str:
    """A titled part of the page; `note` and `body` are HTML."""
    return f'<section><h2>{title}</h2><p class="dim">{note}</p>{body}</section>'


def table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    """A table of cells of plain text."""
    lines = ["<tr>" + "".join(f"<th>{html.escape(str(c))}</th>" for c in head) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows
    ]
    return f"<table>{''.join(lines)}</table>"
