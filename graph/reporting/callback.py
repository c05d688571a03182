"""`HTMLReport`: the page, written anew after each epoch."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from .page import write_page
from .validation import validation_data

__all__ = ["HTMLReport"]


class HTMLReport(keras.callbacks.Callback):
    """Rewrite `<directory>/report.html` after each epoch; reload the page to see it.

    The curves, layers, filters and configuration come from `fit`. So do the samples, where `fit`
    was given validation data that can be read twice (arrays, a `tf.data.Dataset`, a
    `validation_split`) and the model is a classifier: at most the first 2,000.

    Args:
        directory: where the page goes; made if it is missing.
        data: `(x, labels)`, as `graph.report` takes them. Default None: what `fit` validates on.
        class_names: one for each class. Default: their numbers.

    Attributes:
        path: the page.

    Raises:
        ValueError: after the first epoch, as `graph.report`.
        OSError: the page cannot be written.

    Example:
        >>> import tempfile, numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, "softmax")])
        >>> model.compile("sgd", "sparse_categorical_crossentropy")
        >>> page = HTMLReport(tempfile.mkdtemp())
        >>> x, y = np.ones((4, 2)), np.array([0, 1, 1, 1])
        >>> _ = model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[page])
        >>> "of 4 samples right" in page.path.read_text()
        True
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        data: tuple[Any, Any] | None = None,
        *,
        class_names: Sequence[str] | None = None,
    ) -> None:
        super().__init__()
        self.path = Path(directory) / "report.html"
        self.data, self.class_names = data, class_names
        self._lines: dict[str, list[float]] = {}
        self._start = 0.0

    def on_train_begin(self, logs: Any = None) -> None:
        self._lines = {}
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        seconds = time.monotonic() - self._start
        for name, value in (logs or {}).items():
            self._lines.setdefault(name, []).append(float(value))
        facts = {
            "epoch": f"{epoch + 1} of {self.params.get('epochs', '?')}",
            "batches an epoch": self.params.get("steps"),
            "seconds since the start": round(seconds, 1),
        }
        data = validation_data(self.model) if self.data is None else self.data
        write_page(
            self.model, self._lines, data, self.path, class_names=self.class_names, facts=facts
        )
