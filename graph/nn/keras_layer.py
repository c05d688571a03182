"""Any Keras layer as a module."""

from __future__ import annotations

import weakref
from typing import Any

import keras

from ..node import as_module, register_adapter
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope

__all__ = ["KerasLayer", "node"]

_wrappers: weakref.WeakValueDictionary[int, KerasLayer]


class KerasLayer(Module):
    """A `keras.layers.Layer` (or model) where a module may stand.

    Args:
        layer: The layer. It keeps its name unless it has none of the user's and the node has one.
    """

    keras_name = "the layer itself"

    def __init__(self, layer: keras.layers.Layer) -> None:
        self.layer: Any = layer
        self._replaced: list[keras.layers.Layer] = []

    @property
    def torch_name(self) -> str:  # type: ignore[override]
        """The class of the layer."""
        return type(self.layer).__name__

    def lower(self, x: Any, scope: Scope) -> Any:
        if ("main", None) in self._layers:
            scope.adopt(self.layer)
        else:
            built = self.layer.built
            self._layers["main", None] = self.layer
            scope.names.on_failure(lambda: self._forget(built))
            scope.adopt(self.layer, rename=scope.annotated)
        if scope.stock and isinstance(self.layer, ModuleLayer):
            return self.layer.module.compute(x, **self._stock_parameters(self.layer, x, scope))
        return self._shown(scope)(x)

    def _shown(self, scope: Scope) -> keras.layers.Layer:
        if not scope.stock:
            return self.layer
        if "stock" not in self._layers:
            self._layers["stock"] = _plain(self.layer)
        return self._layers["stock"]

    def _forget(self, built: bool) -> None:
        # A layer that was built for a graph that failed could not be built for another.
        del self._layers["main", None]
        if self.layer.built and not built:
            self._replaced.append(self.layer)  # Its id stands for this module as long as it lives.
            self.layer = type(self.layer).from_config(self.layer.get_config())

    def named_parameters(self) -> dict[str, keras.Variable]:
        in_order = getattr(self.layer, "torch_parameters", None)
        variables = self.layer.trainable_variables if in_order is None else in_order()
        named: dict[str, keras.Variable] = {}
        for variable in variables:
            short = variable.path.partition("/")[2] or variable.path
            name = short if short not in named else variable.path
            while name in named:
                name += "_"
            named[name] = variable
        return named

    def children(self) -> list[Any]:
        """The modules of a gModule that stands here."""
        return list(self.layer.node_modules()) if hasattr(self.layer, "forwardnodes") else []

    def parts(self) -> list[Any]:
        """The modules of a gModule that stands here."""
        return self.children()

    def replace_children(self, modules: list[Any]) -> None:
        """Replace the modules of a gModule that stands here."""
        new = {id(a): b for a, b in zip(self.layer.node_modules(), modules, strict=True)}
        for graph_node in self.layer.forwardnodes:
            if graph_node.module is not None:
                graph_node.module = new[id(graph_node.module)]
        self.layer.rebuild()

    def held_layers(self) -> list[keras.layers.Layer]:
        """The layer."""
        return [self.layer]

    def is_a(self, kind: str | type) -> bool:
        """Whether the layer, or this module, is of a class."""
        return super().is_a(kind) or (isinstance(kind, type) and isinstance(self.layer, kind))

    def __repr__(self) -> str:
        return f"keras {self.torch_name}"

    def get_config(self) -> dict[str, Any]:
        return {"layer": self.layer}


_wrappers = weakref.WeakValueDictionary()


def _plain(layer: keras.layers.Layer) -> keras.layers.Layer:
    """The layer itself, or, where a gModule stands in it at any depth, a model without it."""
    if hasattr(layer, "to_keras"):
        return layer.to_keras()
    if not isinstance(layer, keras.Model) or not any(
        hasattr(inner, "to_keras") for inner in layer._flatten_layers(include_self=False)
    ):
        return layer
    return keras.models.clone_model(layer, clone_function=_plain)


def _adapt(x: Any) -> Module | None:
    if not isinstance(x, keras.layers.Layer):
        return None
    # One wrapper for one layer, so that two uses of it are seen to be one module.
    wrapper = _wrappers.get(id(x))
    if wrapper is None:
        wrapper = _wrappers[id(x)] = KerasLayer(x)
    return wrapper


register_adapter(_adapt)


def node(layer: keras.layers.Layer | Module) -> Any:
    """Make a Keras layer callable on nodes: ``graph.node(keras.layers.Dense(3))(x)``.

    Args:
        layer: A Keras layer or model, or a module, which is returned as it is.

    Returns:
        The module, which is called on a node, a list of nodes, or nothing.

    Raises:
        GraphError: It is neither.
    """
    return as_module(layer)
