"""New layers like others, made from their arguments."""

from __future__ import annotations

import copy
from typing import Any

import keras

__all__ = ["made_like"]


def made_like(layer: Any, config: dict[str, Any]) -> Any:
    """A new layer or operation of the class of `layer`.

    Args:
        layer: One that is there, for what no config can hold.
        config: The arguments to make it of, as `get_config` gives them.

    Raises:
        NotImplementedError, TypeError, ValueError: The class cannot be made of its config.
    """
    if isinstance(layer, keras.layers.Lambda):
        # Its function may be of the user's script, and Keras refuses what a config says of it.
        return type(layer)(
            layer.function,
            output_shape=layer._output_shape,
            mask=layer.mask,
            arguments=layer.arguments,
            name=config["name"],
            trainable=config["trainable"],
            dtype=layer.dtype_policy,
        )
    return type(layer).from_config(copy.deepcopy(config))
