"""A model made anew, of layers of other sizes; the old model stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from ..calls import calls_of, recorded_graph, require_graph
from ..errors import GraphError
from ..gmodule import GModule
from ..layer_copies import made_like
from .modules import Inserts, rebuilt_gmodule
from .plan import Plan

__all__ = ["layer_pairs", "rebuilt"]


def rebuilt(model: Any, plan: Plan, inserts: Inserts | None = None) -> Any:
    """A model like `model`, its weights new.

    Args:
        model: A built GModule, Sequential or other Functional model.
        plan: The new sizes.
        inserts: id of a tensor of `model` -> the layers to put in after it.

    Returns:
        A GModule of the same class for a GModule, a Sequential for a Sequential, else a
        `keras.Model`.

    Raises:
        GraphError: A layer cannot be made from its config, or keeps weights out of sight.
    """
    return _Rebuild(plan, inserts or {}).model(model)


class _Rebuild:
    def __init__(self, plan: Plan, inserts: Inserts) -> None:
        self._plan = plan
        self._inserts = inserts
        self._made: dict[int, Any] = {}
        self._new: dict[str, Any] = {}

    def model(self, model: Any) -> Any:
        graph = require_graph(model)
        if isinstance(model, GModule):
            new = rebuilt_gmodule(model, self._plan, self.layer, self._inserts)
        elif isinstance(model, keras.Sequential):
            first = self.layer(graph.inputs[0]._keras_history.operation)
            new = keras.Sequential([first, *self._in_a_row(model, graph)], name=model.name)
        else:
            inputs, outputs = self._called(graph)
            new = keras.Model(inputs, outputs, name=model.name)
        if not model.trainable:
            new.trainable = False
        return new

    def _in_a_row(self, model: Any, graph: Any) -> Iterator[Any]:
        gives = {id(call.operation): call.outputs[0] for call in calls_of(graph)}
        for layer in model.layers:
            yield self.layer(layer)
            yield from self._added(gives[id(layer)])

    def _added(self, tensor: Any) -> list[Any]:
        """The new layers after a tensor of the old model."""
        added = self._inserts.get(id(tensor), ())
        for new in added:
            if new.name not in self._new:
                self._new[new.name] = new.layer()
        return [self._new[new.name] for new in added]

    def _called(self, graph: Any) -> tuple[Any, Any]:
        new: dict[int, Any] = {}
        read: dict[int, Any] = {}
        for call in calls_of(graph):
            layer = self.layer(call.operation)
            if isinstance(call.operation, keras.layers.InputLayer):
                given = [layer.output]
            else:
                args, kwargs = call.bind(read)
                given = keras.tree.flatten(layer(*args, **kwargs))
            for old, tensor in zip(call.outputs, given, strict=True):
                new[id(old)] = tensor
                for added in self._added(old):
                    tensor = added(tensor)
                read[id(old)] = tensor
        inputs = keras.tree.map_structure(lambda x: new[id(x)], graph._inputs_struct)
        return inputs, keras.tree.map_structure(lambda x: read[id(x)], graph._outputs_struct)

    def layer(self, old: Any) -> Any:
        """The new layer, model or operation in the place of `old`."""
        if id(old) not in self._made:
            is_model = recorded_graph(old) is not None
            self._made[id(old)] = self.model(old) if is_model else self._copy(old)
        return self._made[id(old)]

    def _copy(self, old: Any) -> Any:
        if isinstance(getattr(old, "activation", None), keras.layers.PReLU):
            raise GraphError(
                f"'{old.name}' ({type(old).__name__}) has a PReLU for its own activation, whose "
                f"slopes Keras neither lists nor saves\n  fix: put the PReLU after it, as a layer"
            )
        try:
            return made_like(old, {**old.get_config(), **self._plan.settings(old)})
        except (TypeError, ValueError, NotImplementedError) as error:
            said = " ".join(str(error).partition("Example:")[0].split())  # Keras adds a lesson.
            raise GraphError(
                f"'{old.name}' ({type(old).__name__}) cannot be made anew: {said}\n"
                f"  fix: give the class get_config and from_config"
            ) from error


def layer_pairs(old: Any, new: Any) -> Iterator[tuple[Any, Any]]:
    """The layers of a model with those that took their place, nested models opened."""
    places = {layer.name: layer for layer in new.layers}
    for layer in old.layers:
        other = places[layer.name]
        if recorded_graph(layer) is not None:
            yield from layer_pairs(layer, other)
        else:
            yield layer, other
