"""The sections of the page on what a model answers to data."""

from __future__ import annotations

import html

import keras
import numpy as np

from ..health import layer_statistics
from ..pictures import to_display_tensor
from .drawing import picture
from .elements import section, table

__all__ = ["example_sections", "matrix_section", "statistics_section"]

_EXAMPLES, _CLASSES = 8, 40


def matrix_section(found: np.ndarray, labels: np.ndarray, names: list[str]) -> str:
    """The confusion matrix; empty where there are too many classes to read one."""
    if len(names) > _CLASSES:
        return ""
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (labels, found), 1)
    rows = ["<tr><th></th>" + "".join(f"<th>{html.escape(n)}</th>" for n in names) + "</tr>"]
    for name, line in zip(names, counts, strict=True):
        share = line / max(line.sum(), 1)
        cells = "".join(
            f'<td style="background:rgba(var(--heat),{s * 0.6:.2f})">{n or ""}</td>'
            for n, s in zip(line, share, strict=True)
        )
        rows.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    return section(
        "Confusion matrix",
        "Rows: the true class. Columns: what the model says.",
        f'<table class="matrix">{"".join(rows)}</table>',
    )


def example_sections(
    x: np.ndarray, labels: np.ndarray, answers: np.ndarray, names: list[str]
) -> list[str]:
    """The samples whose true class scored lowest, and highest."""
    sure = answers[np.arange(len(labels)), labels]
    order = np.argsort(sure, kind="stable")
    return [
        section(title, "By the score of the true class.", f'<div class="examples">{body}</div>')
        for title, chosen in (
            ("Worst examples", order[:_EXAMPLES]),
            ("Best examples", order[::-1][:_EXAMPLES]),
        )
        for body in ["".join(_example(x, labels, answers, names, int(k)) for k in chosen)]
    ]


def _example(
    x: np.ndarray, labels: np.ndarray, answers: np.ndarray, names: list[str], k: int
) -> str:
    said = int(answers[k].argmax())
    image = ""
    if x.ndim == 4 and x.shape[-1] in (1, 3):
        image = picture(to_display_tensor(x[k]), f"sample {k}")
    word = html.escape(f"is {names[labels[k]]} ({answers[k, labels[k]]:.2f})")
    more = html.escape(f"said {names[said]} ({answers[k, said]:.2f})")
    mark = "" if said == labels[k] else ' class="bad"'
    return f"<div>{image}<b>sample {k}</b><br>{word}<br><span{mark}>{more}</span></div>"


def statistics_section(model: keras.Model, x: np.ndarray) -> str:
    """`graph.layer_statistics` as a section."""
    found = layer_statistics(model, x)
    head = ["layer", "mean", "std", "zeros", "never fire", "saturated", "not finite"]
    rows = [
        [
            row.name,
            f"{row.mean:.3g}",
            f"{row.std:.3g}",
            f"{row.sparsity:.0%}",
            "" if row.dead is None else f"{row.dead} of {row.units}",
            "" if row.saturated is None else f"{row.saturated:.0%}",
            row.not_finite or "",
        ]
        for row in found.rows
    ]
    alarms = "".join(f'<p class="bad">{html.escape(text)}</p>' for text in found.warnings())
    note = f"What each layer answers to {len(x)} samples."
    return section("Statistics of the layers", note, alarms + table(head, rows))
