"""What is known of a model's channels: which are one, which weights and settings they size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from ..calls import calls_of, recorded_graph
from .registry import Axes, rule_of
from .spaces import Leaf, Space, freeze, size_of, unify

__all__ = ["Trace"]

Settings = Callable[[Callable[[Space], int]], dict[str, Any]]
"""From the new size of a space to the arguments of a layer that change."""


class Trace:
    """Follows the channels through a model; the rules of the layers write down what they are.

    Args:
        graph: A recorded graph, as `graph.calls.require_graph` gives it.

    Attributes:
        widths: id of a layer -> the space that is as wide as the layer.
        weights: id of a variable -> for each axis its space, and whether its values are shared
            out among the copies (the axis is summed over) or repeated.
        settings: id of a layer -> its arguments that depend on sizes.
        uniform: Spaces whose channels must all have equally many copies, and why.
        layers: id of a layer -> the layer.
        unknown_layers: id of a layer that keeps all sizes around it -> why it does.
    """

    def __init__(self, graph: Any) -> None:
        self.widths: dict[int, Space] = {}
        self.weights: dict[int, dict[int, tuple[Space, bool]]] = {}
        self.settings: dict[int, list[Settings]] = {}
        self.uniform: list[tuple[Space, str]] = []
        self.layers: dict[int, Any] = {}
        self.unknown_layers: dict[int, str] = {}
        self._leaves: dict[Any, Leaf] = {}
        inputs = [
            self.axes(x, f"'{x._keras_history.operation.name}' is an input of the model")
            for x in graph.inputs
        ]
        outputs = self.follow(graph, inputs)
        for tensor, axes in zip(graph.outputs, outputs, strict=True):
            name = tensor._keras_history.operation.name
            self.freeze(axes, f"'{name}' is an output of the model")

    # -- spaces -----------------------------------------------------------------------------

    def new(self, layer: Any, key: Any, size: int) -> Space:
        """The space of channels that a layer makes; the same one for every call of it."""
        leaf = self._leaves.setdefault((id(layer), key), Leaf(size))
        return ((leaf, 1),)

    def side(self, size: int | None, reason: str) -> Space | None:
        """An axis that keeps its size."""
        return None if size is None else ((Leaf(size, reason), 1),)

    def axes(self, tensor: Any, reason: str) -> Axes:
        """The axes of a tensor all of which keep their sizes."""
        return (None, *(self.side(size, reason) for size in tensor.shape[1:]))

    def same(self, one: Space | None, other: Space | None, reason: str) -> None:
        """Let two axes be widened together, or not at all."""
        if one is None or other is None:
            self.freeze([one, other], reason)
        elif size_of(one) == size_of(other):
            unify(one, other, reason)
        else:
            self.freeze([one, other], reason)

    def freeze(self, axes: Any, reason: str) -> None:
        """Let axes keep their sizes."""
        for space in axes:
            if space is not None:
                freeze(space, reason)

    # -- what depends on sizes --------------------------------------------------------------

    def width(self, layer: Any, space: Space) -> None:
        """Note the space that `wider` enlarges where it is told to enlarge `layer`."""
        self.widths[id(layer)] = space
        self.layers[id(layer)] = layer

    def weight(
        self, variable: Any, axis: int, space: Space | None, *, summed: bool = False
    ) -> None:
        """Note the space of one axis of a weight."""
        if variable is None:
            return
        reason = f"the weight '{variable.path}' has it in a size that is not known"
        if space is None or variable.shape[axis] != size_of(space):
            self.freeze([space], reason)
            return
        axes = self.weights.setdefault(id(variable), {})
        known, known_summed = axes.setdefault(axis, (space, summed))
        self.same(known, space, f"the weight '{variable.path}' is shared")
        if known_summed != summed:
            reason = f"the weight '{variable.path}' both gives and takes these channels"
            self.freeze([known], reason)

    def sets(self, layer: Any, settings: Settings) -> None:
        """Note how a layer's arguments follow from new sizes."""
        self.settings.setdefault(id(layer), []).append(settings)
        self.layers[id(layer)] = layer

    # -- following --------------------------------------------------------------------------

    def follow(self, graph: Any, inputs: list[Axes]) -> list[Axes]:
        """Apply the rules to every call of a graph; returns the axes of its outputs."""
        found: dict[int, Axes] = {}
        for tensor, axes in zip(graph.inputs, inputs, strict=True):
            found[id(tensor)] = self._entered(tensor, axes)
        for call in calls_of(graph):
            if isinstance(call.operation, keras.layers.InputLayer):
                continue
            fed = [found[id(x)] for x in call.inputs]
            for tensor, axes in zip(call.outputs, self._call(call, fed), strict=True):
                found[id(tensor)] = axes
        return [found[id(x)] for x in graph.outputs]

    def _entered(self, tensor: Any, axes: Axes) -> Axes:
        """The axes of an input of a nested model, which are those of all that it is called on."""
        layer = tensor._keras_history.operation
        reason = f"the nested model's input '{layer.name}' is of another shape"
        own = tuple(
            None if size is None else self.new(layer, axis, size)
            for axis, size in enumerate(tensor.shape[1:])
        )
        for mine, given in zip(own, axes[1:], strict=True):
            self.same(mine, given, reason)

        def settings(size: Callable[[Space], int]) -> dict[str, Any]:
            sizes = [None if space is None else size(space) for space in own]
            return {"batch_shape": (tensor.shape[0], *sizes)}

        self.sets(layer, settings)
        return (None, *own)

    def _call(self, call: Any, fed: list[Axes]) -> list[Axes]:
        inner = recorded_graph(call.operation)
        if inner is not None and len(inner.inputs) == len(fed):
            return self.follow(inner, fed)
        known = rule_of(type(call.operation))
        if known is None:
            return self.unknown(call, fed)
        return known(self, call.operation, fed, call)

    def unknown(self, call: Any, fed: list[Axes], why: str | None = None) -> list[Axes]:
        """Let everything that a call reads and gives keep its size."""
        name = call.operation.name
        module = getattr(call.operation, "module", None)
        kind = f"nn.{module.torch_name}" if module else type(call.operation).__name__
        why = why or "is no layer that graph.net2net knows"
        reason = f"'{name}' ({kind}) {why}"
        self.unknown_layers[id(call.operation)] = reason
        for axes in fed:
            self.freeze(axes, reason)
        return [self.axes(x, reason) for x in call.outputs]
