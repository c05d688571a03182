"""The page: what a stranger wants to know of a trained model."""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from ..whole_file import write_whole
from .answer_sections import example_sections, matrix_section, statistics_section
from .classes import class_scores, labelled
from .model_sections import configuration_section, curve_section, filter_section, layer_section
from .style import STYLE

__all__ = ["report", "write_page"]

_LOOKED_AT = 256


def report(
    model: keras.Model,
    history: Any,
    data: tuple[Any, Any] | None,
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = None,
) -> None:
    """Write one HTML page about a model: it opens from disk and needs nothing else.

    Learning curves, filters of the first convolution, the table of layers, configuration; and,
    with data, of a classifier: confusion matrix, best and worst examples, the statistics of each
    layer (on at most 256 samples). The file appears whole or not at all.

    Args:
        model: a built model; with data, one with one input and one output `(batch, classes)` of
            probabilities, or `(batch, 1)`, the probability of class 1.
        history: what `fit` returned, or name -> one value an epoch, or None.
        data: `(x, labels)`: inputs `(samples, ...)`, best not trained on, and whole numbers
            `(samples,)` or one-hot rows. Inputs `(samples, H, W, 1 or 3)` are shown. None: the
            page without what needs data.
        path: the file to write; missing folders are made.
        class_names: one for each class. Default: their numbers.

    Raises:
        TypeError: `history` is none of these.
        ValueError: `data` or the model's output is not as above, or `class_names` are too few
            or too many.
        OSError: the file cannot be written; what was there stays.
    """
    write_page(model, _history(history), data, path, class_names=class_names, facts={})


def write_page(
    model: keras.Model,
    lines: dict[str, list[float]],
    data: tuple[Any, Any] | None,
    path: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None,
    facts: Mapping[str, Any],
) -> None:
    """As `report`, with curves by name, and `facts` among the configuration."""
    said = f"{model.count_params():,} parameters; {len(next(iter(lines.values()), ()))} epochs"
    answered: list[str] = []
    if data is not None:
        x, labels = labelled(data)
        answers = class_scores(model, x, labels)
        names = _names(class_names, answers.shape[1])
        found = answers.argmax(axis=1)
        said = f"{np.mean(found == labels):.2%} of {len(labels):,} samples right; {said}"
        answered = [
            matrix_section(found, labels, names),
            *example_sections(x, labels, answers, names),
            statistics_section(model, x[:_LOOKED_AT]),
        ]
    sections = [
        curve_section(lines),
        *answered,
        filter_section(model),
        layer_section(model),
        configuration_section(model, facts),
    ]
    title = html.escape(model.name)
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{title}</title><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p>{said}</p>{''.join(sections)}</body></html>\n"
    )
    write_whole(path, page.encode())


def _names(given: Sequence[str] | None, count: int) -> list[str]:
    names = [str(k) for k in range(count)] if given is None else list(given)
    if len(names) != count:
        raise ValueError(f"{len(names)} class names for {count} classes")
    return names


def _history(history: Any) -> dict[str, list[float]]:
    given = getattr(history, "history", history)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise TypeError(
            f"history is what fit returned, a dict of lists or None, not {type(history).__name__}"
        )
    return {str(k): [float(v) for v in line] for k, line in given.items() if len(line)}
