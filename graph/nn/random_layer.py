"""The Keras layer of a module whose `compute` draws random numbers."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from .module_layer import ModuleLayer

__all__ = ["RandomLayer"]


@keras.saving.register_keras_serializable(package="nngraph")
class RandomLayer(ModuleLayer):
    """Runs a module's `compute` with a source of random numbers, its argument ``seed``.

    Args:
        module: As of `ModuleLayer`.
        **kwargs: As of `keras.layers.Layer`.
    """

    def __init__(self, module: Any, **kwargs: Any) -> None:
        super().__init__(module, **kwargs)
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The module's function of `inputs`, its parameters and random numbers."""
        values = {name: ops.convert_to_tensor(v) for name, v in self.parameters.items()}
        return self.module.compute(
            inputs, training=bool(training), seed=self.seed_generator, **values
        )
