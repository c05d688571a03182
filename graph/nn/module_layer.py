"""The Keras layer of a module that Keras has no layer for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import keras
from keras import ops

if TYPE_CHECKING:
    from .module import Module

__all__ = ["ModuleLayer", "ParameterSpec"]


class ParameterSpec(NamedTuple):
    """A parameter of a module that has no stock layer.

    Attributes:
        name: Torch's name of it, and the name of the argument of `compute`.
        shape: Its shape, in Keras's layout.
        initializer: A Keras initializer, or the name of one.
        trainable: Whether it is learnt. Default: True.
    """

    name: str
    shape: tuple[int, ...]
    initializer: Any
    trainable: bool = True


@keras.saving.register_keras_serializable(package="nngraph")
class ModuleLayer(keras.layers.Layer):
    """Runs a module's `compute` as a Keras layer, and saves the module's arguments with it.

    Args:
        module: The module, or the dict that `get_config` made of it.
        **kwargs: As of `keras.layers.Layer`.
    """

    def __init__(self, module: Module | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(module, dict):
            from .module import Module as Base  # A module names its layer, and a layer its module.

            module = Base.class_named(module["class_name"]).from_config(module["config"])
        self.module: Module = module
        self.supports_jit = self.module.supports_jit
        if self.module.input_dtype is not None:
            self.autocast = False  # Large indices do not survive a cast to float16.

    def build(self, input_shape: Any) -> None:
        """Make the module's parameters; the input's shape plays no part."""
        self.parameters = {
            spec.name: self.add_weight(
                name=spec.name,
                shape=spec.shape,
                initializer=spec.initializer,
                trainable=spec.trainable,
            )
            for spec in self.module.parameter_specs()
        }
        self.built = True

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """What `call` gives, of which shape and dtype."""
        # Keras 3.15 takes the product of a tensor and a number for sparse, which it is not.
        dense = keras.tree.map_structure(lambda x: keras.KerasTensor(x.shape, x.dtype), inputs)
        return super().compute_output_spec(dense, *args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The module's function of `inputs` and its parameters."""
        values = {name: ops.convert_to_tensor(v) for name, v in self.parameters.items()}
        return self.module.compute(inputs, training=bool(training), **values)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments, the module's among them."""
        module = {"class_name": type(self.module).__name__, "config": self.module.get_config()}
        return {**super().get_config(), "module": module}
