"""`LayerStatistics`: the health of a model in TensorBoard while it trains."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import keras

from .calls import Selector
from .health import LayerTable, layer_statistics

__all__ = ["LayerStatistics"]

_WRITTEN = ("mean", "std", "sparsity", "dead", "saturated", "not_finite", "gradient_norm")


class LayerStatistics(keras.callbacks.Callback):
    """Write `layer_statistics` to TensorBoard after each epoch, as `<layer>/<statistic>`.

    Args:
        data: what to look at, as `graph.activations` takes it, but no generator; keep it small.
        log_dir: the directory of the event file.
        layers: which layers, as `graph.layer_statistics` takes them. Default: all.
        targets: what the model is to answer to `data`, for the norms of the gradients. Default
            None: no norms.
        loss: the loss that they are of. Default None: the model's own, as `compile` got it.

    Attributes:
        table: the table of the last epoch.

    Raises:
        RuntimeError: at the start of training, Keras does not run on TensorFlow.
        ValueError: after an epoch, as `graph.layer_statistics`.
    """

    def __init__(
        self,
        data: Any,
        *,
        log_dir: str | os.PathLike[str],
        layers: Selector | Sequence[Selector] | None = None,
        targets: Any = None,
        loss: Any = None,
    ) -> None:
        super().__init__()
        self.data, self.log_dir, self.layers = data, log_dir, layers
        self.targets, self.loss = targets, loss
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
        loss = self.model.loss if self.loss is None else self.loss
        self.table = layer_statistics(
            self.model,
            self.data,
            self.layers,
            targets=self.targets,
            loss=None if self.targets is None else loss,
        )
        with self._writer.as_default(step=epoch):
            for row in self.table.rows:
                for what in _WRITTEN:
                    value = getattr(row, what)
                    if value is not None:
                        tf.summary.write(f"{row.name}/{what}", float(value), metadata=metadata)
        self._writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        self._writer.close()
