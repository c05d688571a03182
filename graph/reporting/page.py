"""The page: what a stranger wants to know of a trained model."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..calls import require_graph, walk
from ..health import layer_statistics
from ..pictures import to_display_tensor
from ..whole_file import write_whole
from .drawing import curves, picture
from .style import STYLE

__all__ = ["report"]

_EXAMPLES, _CLASSES, _FILTERS, _LOOKED_AT = 8, 40, 64, 256


def report(
    model: keras.Model,
    history: Any,
    data: tuple[Any, Any],
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
) -> None:
    """Write one HTML page about a classifier: it opens from disk and needs nothing else.

    Learning curves, confusion matrix, best and worst examples, filters of the first convolution,
    the statistics of each layer (on at most 256 samples), the table of layers, configuration.
    The file appears whole or not at all.

    Args:
        model: a built model with a graph, one input and one output `(batch, classes)` of
            probabilities.
        history: what `fit` returned, or name -> one value an epoch, or None.
        data: `(x, labels)`: inputs `(samples, ...)`, best not trained on, and whole numbers
            `(samples,)`. Inputs `(samples, H, W, 1 or 3)` are shown.
        path: the file to write.
        class_names: one for each class. Default: their numbers.

    Raises:
        TypeError: `history` is none of these.
        ValueError: `data` or the model's output is not as above, or `class_names` are too few
            or too many.
        OSError: the file cannot be written; what was there stays.
    """
    curves_of = _history(history)
    x, labels = _data(data)
    answers = np.asarray(model.predict(x, verbose=0), "float64")
    if answers.ndim != 2 or len(answers) != len(labels):
        raise ValueError(f"the model answers with {answers.shape}; expected (samples, classes)")
    count = answers.shape[1]
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}, classes 0..{count - 1}")
    names = [str(k) for k in range(count)] if class_names is None else list(class_names)
    if len(names) != count:
        raise ValueError(f"{len(names)} class names for {count} classes")
    right = float(np.mean(answers.argmax(axis=1) == labels))
    sections = [
        _curves(curves_of),
        _matrix(answers.argmax(axis=1), labels, names),
        *_examples(x, labels, answers, names),
        _filters(model),
        _statistics(model, x[:_LOOKED_AT]),
        _layers(model),
        _configuration(model),
    ]
    title = html.escape(model.name)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{right:.2%} of {len(labels):,} samples right; "
        f"{model.count_params():,} parameters; {len(next(iter(curves_of.values()), ()))} epochs"
        f"</p>{''.join(sections)}</body></html>\n"
    )
    write_whole(path, page.encode())


def _history(history: Any) -> dict[str, list[float]]:
    given = getattr(history, "history", history)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(
            f"history is what fit returned, a dict of lists or None, not {type(history).__name__}"
        )
    return {str(k): [float(v) for v in line] for k, line in given.items() if len(line)}


def _data(data: Any) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError("data is a pair (inputs, labels)")
    x, labels = np.asarray(data[0]), np.asarray(data[1])
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or len(x) != len(labels) or not len(x):
        raise ValueError(
            f"labels are whole numbers, one a sample; got shape {labels.shape} of {labels.dtype} "
            f"for inputs of shape {x.shape}"
        )
    return x, labels


def _section(title: str, note: str, body: str) -> str:
    return f'<section><h2>{title}</h2><p class="dim">{note}</p>{body}</section>'


def _table(head: Sequence[Any], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{html.escape(str(c))}</th>" for c in head) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows
    ]
    return f"<table>{''.join(lines)}</table>"


def _curves(lines: dict[str, list[float]]) -> str:
    if not lines:
        return ""
    groups: dict[str, dict[str, list[float]]] = {}
    for name, line in lines.items():
        validation = name.startswith("val_")
        key = "validation" if validation else "training"
        groups.setdefault(name.removeprefix("val_"), {})[key] = line
    body = "".join(curves(title, group) for title, group in groups.items())
    return _section(
        "Learning curves",
        "The last value stands beside each name.",
        f'<div class="row">{body}</div>',
    )


def _matrix(found: np.ndarray, labels: np.ndarray, names: list[str]) -> str:
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
    return _section(
        "Confusion matrix",
        "Rows: the true class. Columns: what the model says.",
        f'<table class="matrix">{"".join(rows)}</table>',
    )


def _examples(
    x: np.ndarray, labels: np.ndarray, answers: np.ndarray, names: list[str]
) -> list[str]:
    sure = answers[np.arange(len(labels)), labels]
    order = np.argsort(sure, kind="stable")
    return [
        _section(title, "By the score of the true class.", f'<div class="examples">{body}</div>')
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


def _filters(model: keras.Model) -> str:
    for name, call in walk(require_graph(model)):
        kernel = getattr(call.operation, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4 and kernel.shape[2] in (1, 3):
            weights = np.asarray(keras.ops.convert_to_numpy(kernel), "float64")
            shown = np.moveaxis(weights, -1, 0)[:_FILTERS]
            grid = to_display_tensor(shown, padding=1, nrow=8, symmetric=True)
            note = (
                f"{html.escape(name)}, {len(shown)} of {weights.shape[-1]}. "
                "Mid-grey is zero, white positive, black negative."
            )
            body = f'<div class="filters">{picture(grid, "filters of " + name)}</div>'
            return _section("Filters of the first convolution", note, body)
    return ""


def _statistics(model: keras.Model, x: np.ndarray) -> str:
    table = layer_statistics(model, x)
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
        for row in table.rows
    ]
    alarms = "".join(f'<p class="bad">{html.escape(text)}</p>' for text in table.warnings())
    note = f"What each layer answers to {len(x)} samples."
    return _section("Statistics of the layers", note, alarms + _table(head, rows))


def _layers(model: keras.Model) -> str:
    rows = [
        [
            name,
            type(call.operation).__name__,
            ", ".join(str(tuple(t.shape)) for t in call.outputs),
            f"{call.operation.count_params():,}",
        ]
        for name, call in walk(require_graph(model))
    ]
    return _section(
        "Layers",
        "None is the batch, or a size that is open.",
        _table(["layer", "kind", "output", "parameters"], rows),
    )


def _configuration(model: keras.Model) -> str:
    found: dict[str, Any] = {"keras": keras.__version__, "backend": keras.backend.backend()}
    if getattr(model, "optimizer", None) is not None:
        found["optimizer"] = model.optimizer.get_config()
        loss = getattr(model, "loss", None)
        found["loss"] = loss if isinstance(loss, str) else getattr(loss, "name", str(loss))
    text = html.escape(json.dumps(found, indent=2, default=str))
    return _section("Configuration", "What it was trained with.", f"<pre>{text}</pre>")
