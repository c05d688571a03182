"""A loss as a module: `nn.ModuleFromCriterion`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .module import Module

__all__ = ["ModuleFromCriterion"]


class ModuleFromCriterion(Module):
    """The loss of a table of input and target, as a node among others.

    Args:
        criterion: A `keras.losses.Loss`, its name, or a function ``(y_true, y_pred) -> losses``
            registered with Keras; the losses are averaged.

    Shapes:
        A table of input and target -> ``(1,)``.

    Raises:
        GraphError: `criterion` is none of these; at lowering, it is not fed a table of two.

    Reference: torch/nngraph ModuleFromCriterion.lua.
    """

    keras_name = "(keras.losses)"

    def __init__(self, criterion: Any) -> None:
        try:
            self.criterion = keras.losses.get(criterion)
        except ValueError as error:
            raise GraphError(
                f"nn.ModuleFromCriterion: criterion must be a Keras loss, its name or a function, "
                f"got {criterion!r} ({caller_origin()})"
            ) from error

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 2:
            raise ShapeMismatch(
                "takes a table of input and target", expected="a table of two tensors"
            )

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        y_pred, y_true = x
        return ops.reshape(ops.mean(self.criterion(y_true, y_pred)), (1,))
