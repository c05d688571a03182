"""`LayerStatistics`: the health of a model in TensorBoard while it trains."""

from __future__ import annotations

import os
from typing import Any

import keras

from .calls import Selector
from .health import LayerTable, layer_statistics

__all__ = ["LayerStatistics"]


class LayerStatistics(keras.callbacks.Callback):
    """Write `layer_statistics` to TensorBoard after each epoch, as `<layer>/<statistic>`.

    Args:
        data: what to look at, as `graph.activations` takes it; keep it small.
        log_dir: the directory of the event file.
        layers: which layers, as `graph.activations` takes them. Default: all.

    Attributes:
        table: the table of the last epoch.

    Raises:
        RuntimeError: at the start of training, Keras does not run on TensorFlow.
    """

    def __init__(
        self, data: Any, *, log_dir: str | os.PathLike[str], layers: Selector | None = None
    ) -> None:
        super().__init__()
        self.data, self.log_dir, self.layers = data, log_dir, layers
        self.table: LayerTable | None = None
        self._writer: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                f"LayerStatistics writes with TensorFlow; Keras runs on {keras.backend.backend()}"
            )
        import tensorflow as tf

        self._writer = tf.summary.create_file_writer(os.fspath(self.log_dir))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        import tensorflow as tf

        # What tf.summary.scalar writes, which needs TensorBoard installed to write it.
        metadata = tf.compat.v1.SummaryMetadata(data_class=1)
        metadata.plugin_data.plugin_name = "scalars"
        self.table = layer_statistics(self.model, self.data, self.layers)
        with self._writer.as_default(step=epoch):
            for row in self.table.rows:
                for what in ("mean", "std", "sparsity", "dead", "saturated", "not_finite"):
                    value = getattr(row, what)
                    if value is not None:
                        tf.summary.write(f"{row.name}/{what}", float(value), metadata=metadata)
        self._writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()
