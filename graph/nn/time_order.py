"""The border of a model that is fed sequences as rnn feeds them: the steps on the first axis."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keras import ops

from ..table import is_table
from .channel_order import ChannelsFirst, ChannelsLast
from .module import Module
from .over_time import helper
from .scope import Scope

__all__ = ["BatchFirst", "TimeFirst", "steps_first"]


class _Swap(Module):
    """Exchanges the first two axes, the batch and the steps."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return ops.swapaxes(x, 0, 1)


def _swapped(owner: Any, x: Any, smallest: int, scope: Scope) -> Any:
    if is_table(x):  # A table of steps: the batch is the first axis of each.
        return x
    return helper(owner, _Swap).lower(x, scope) if len(x.shape) >= smallest else x


class BatchFirst(ChannelsLast):
    """What enters: ``(time, batch, ...)`` -> ``(batch, time, ...)``.

    The number of steps is a part of the model, as it would be the size of the batch to Keras.

    Args:
        smallest: The lowest rank of a tensor that is a sequence; others are left alone.
        steps: The number of steps. Default: that of the first data.
    """

    name = "batch_first"

    def __init__(self, smallest: int = 3, steps: int | None = None) -> None:
        self.smallest = smallest
        self.steps = steps

    def get_config(self) -> dict[str, Any]:
        return {"smallest": self.smallest, "steps": self.steps}

    def lower(self, x: Any, scope: Scope) -> Any:
        return super().lower(_swapped(self, x, self.smallest, scope), scope)

    def sequence(self, shape: Any) -> Any:
        """The shape of the input without its first axis; keeps that as the number of steps.

        Args:
            shape: The shape of the data, first axis included, nested for a table.
        """
        if isinstance(shape, list):
            return [self._part(part) for part in shape]
        if len(shape) < self.smallest:
            return tuple(shape[1:])
        self.steps = shape[0]
        return (None, *shape[2:])

    def _part(self, shape: Any) -> Any:
        return [self._part(part) for part in shape] if isinstance(shape, list) else shape[1:]


def steps_first(nodes: Iterable[Any]) -> int | None:
    """The number of steps that inputs have where Keras has the batch; None if it is the batch.

    Args:
        nodes: The input nodes of a graph.
    """
    modules = [node.module for node in nodes]
    return next((m.steps for m in modules if isinstance(m, BatchFirst) and m.steps), None)


class TimeFirst(ChannelsFirst):
    """What leaves: ``(batch, time, ...)`` -> ``(time, batch, ...)``, tensors of rank 3 and more."""

    name = "time_first"

    def lower(self, x: Any, scope: Scope) -> Any:
        return _swapped(self, super().lower(x, scope), 3, scope)
