"""`HTMLReport`: the page, written anew after each epoch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from .page import report

__all__ = ["HTMLReport"]


class HTMLReport(keras.callbacks.Callback):
    """Rewrite `<directory>/report.html` after each epoch; reload the page to see it.

    Args:
        directory: where the page goes; made if it is missing.
        data: `(x, labels)`, as `graph.report` takes them.
        class_names: one for each class. Default: their numbers.

    Raises:
        ValueError: after the first epoch, as `graph.report`.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        data: tuple[Any, Any],
        *,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.path = Path(directory) / "report.html"
        self.data, self.class_names = data, class_names
        self._lines: dict[str, list[float]] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        self._lines = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, value in (logs or {}).items():
            self._lines.setdefault(name, []).append(float(value))
        report(self.model, self._lines, self.data, self.path, class_names=self.class_names)
