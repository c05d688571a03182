"""Inputs of a model that nothing reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ..table import map_table

__all__ = ["apart"]


def apart(outputs: Any, inputs: Sequence[Any], make: Callable[[Any], keras.layers.Layer]) -> Any:
    """The outputs, with a layer before those that are inputs which nothing reads.

    Keras 3.12 takes no model one of whose inputs no layer reads.

    Args:
        outputs: A nested table of Keras tensors.
        inputs: All inputs of the model.
        make: Makes the layer for an input.
    """
    unread = {id(x): x for x in inputs if not x._keras_history.operation._outbound_nodes}
    passed = map_table(lambda x: make(x)(x) if id(x) in unread else x, outputs)
    for x in unread.values():
        if not x._keras_history.operation._outbound_nodes:
            keras.layers.Identity()(x)
    return passed
