"""The border of a model that keeps Torch's layout outside: planes first there, last inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import keras

from ..layout import from_torch_axes, to_torch_axes
from ..table import flatten, unflatten
from .identity import Identity
from .scope import Scope

__all__ = ["ChannelsFirst", "ChannelsLast"]

# Torch's own layout is the one outside: `save_torch7` writes a module that does nothing.
_IN_TORCH = "Identity"


class _ChannelOrder(Identity):
    """Transposes the tensors of rank 4 and more, at any depth of a table, and no others."""

    keras_name = "Permute"
    keeps_shape = False
    axes: ClassVar[Callable[[int], list[int]]]

    def lower(self, x: Any, scope: Scope) -> Any:
        leaves = [self._turn(leaf, i, scope) for i, leaf in enumerate(flatten(x))]
        return unflatten(x, iter(leaves))

    def _turn(self, x: Any, index: int, scope: Scope) -> Any:
        rank = len(x.shape)
        if rank < 4:
            return x
        axes = tuple(type(self).axes(rank)[1:])
        suffix = f"_{self.name}" if scope.annotated else ""
        permute = keras.layers.Permute
        return self.apply_layer(
            x, scope, lambda name: permute(axes, name=name), key=(index, rank), suffix=suffix
        )


class ChannelsLast(_ChannelOrder):
    """What enters: ``(batch, planes, height, width)`` -> ``(batch, height, width, planes)``."""

    torch_name = _IN_TORCH
    name = "channels_last"
    axes = staticmethod(from_torch_axes)


class ChannelsFirst(_ChannelOrder):
    """What leaves: ``(batch, height, width, planes)`` -> ``(batch, planes, height, width)``."""

    torch_name = _IN_TORCH
    name = "channels_first"
    axes = staticmethod(to_torch_axes)
