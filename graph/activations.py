"""What every layer of a model answers to an input, in one compiled pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from .calls import Call, Selector, calls_of, recorded_graph, require_graph, select
from .feed import feed, nested_inputs

__all__ = ["Taps", "activations"]

# Graph -> the taps made for it, by the call paths they return. Keyed by the graph, not by the
# model: a Sequential gets a new one when layers are added, and the old taps go with the old.
_made: WeakKeyDictionary[Any, dict[tuple[str, ...], Taps]] = WeakKeyDictionary()


def activations(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = None,
    *,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Compute the outputs of any layers of a model, in inference mode and in one pass.

    Nothing of the model changes: its compile state, its layers' records, its weights. The
    compiled pass is kept while the model lives, so that asking again for the same layers
    compiles nothing.

    Args:
        model: a built Functional or Sequential model (a GModule is one), nested or not.
        x: the input, with a batch axis: an array `(batch, ...)`; for several inputs a list of
            arrays in the order of `model.inputs` (nested lists are flattened), or a dict by
            input name.
        layers: which layers: a name (`"conv1"`), an index into `model.layers`, a layer class
            or a layer (found at all depths), a glob pattern (`"conv*"`), or a list mixing
            these. `"embedding/conv1"` and `"embedding/*"` reach into a nested model. None
            (the default) takes all layers of the model itself but its InputLayers.
        batch_size: samples computed at once. Default 32.

    Returns:
        Layer name -> array `(batch, ...)`, in the order of the graph. A layer with several
        outputs gives a (nested) list of arrays. A layer called several times in this model
        gives `name:0`, `name:1`, ...; calls made by other models do not show.

    Raises:
        TypeError: `model` is no Keras model, or a member of `layers` is of an unknown kind.
        ValueError: the model is not built or has no graph; nothing matches a member of
            `layers`; the inputs are too few, too many or of a wrong shape.

    Example:
        >>> import keras, numpy as np
        >>> model = keras.Sequential([
        ...     keras.Input((2,)),
        ...     keras.layers.Dense(3, activation="relu", name="fc1"),
        ...     keras.layers.Dense(1, name="fc2"),
        ... ])
        >>> {k: v.shape for k, v in activations(model, np.ones((5, 2)), "fc*").items()}
        {'fc1': (5, 3), 'fc2': (5, 1)}
    """
    graph = require_graph(model)
    names = tuple(select(model, layers))
    arrays = feed(model.name, graph, x)
    if not names:
        return {}
    taps = _made.setdefault(graph, {})
    if names not in taps:
        taps[names] = Taps(graph, names)
    try:
        values = taps[names].predict(arrays, batch_size=batch_size, verbose=0)
    except Exception as error:
        # Shapes that only a layer deep inside can refuse, such as an image smaller than a kernel.
        # By name: the class is TensorFlow's, and TensorFlow may not be the backend.
        if not isinstance(error, ValueError) and type(error).__name__ != "InvalidArgumentError":
            raise
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise ValueError(
            f"model '{model.name}' cannot compute inputs of shape {shapes}: {error}"
        ) from error
    return {name: _plain(value) for name, value in zip(names, values, strict=True)}


class Taps(keras.Model):
    """A model that runs another one's recorded graph and returns what chosen calls answered.

    It walks the record in a loop: Keras's own Functional would have to be built anew from the
    layers' tensors, which recurses once a layer, and could reach into nested models only by
    calling their layers again, which leaves traces on them. The layers, and so the weights, are
    the model's own. It keeps no reference to the graph's model.

    Args:
        graph: what `graph.calls.recorded_graph` returns.
        names: call paths, as `graph.calls.select` returns them.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="fc")])
        >>> taps = Taps(require_graph(model), ["fc"])
        >>> [tuple(t.shape) for t in taps([keras.ops.ones((4, 2))])]
        [(4, 3)]
    """

    def __init__(self, graph: Any, names: Sequence[str]) -> None:
        """See the class."""
        # Each layer casts its inputs by its own policy; nothing is to be cast before that.
        super().__init__(name="taps", dtype="float32", autocast=False)
        self._names = tuple(names)
        self._plan = _Plan(graph, names)
        # Only for Keras to find the weights (JAX passes them in).
        self._tapped = [call.operation for call in self._plan.calls if call.is_layer]
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        """Compute the taps.

        Args:
            inputs: flat list of tensors, one for each input of the graph.
            training: whether the layers train. Default False.

        Returns:
            For each name its tensor, or structure of tensors.
        """
        flat = [
            keras.ops.convert_to_tensor(x, dtype=symbol.dtype)
            for x, symbol in zip(keras.tree.flatten(inputs), self._plan.inputs, strict=True)
        ]
        found: dict[str, Any] = {}
        self._plan.run(flat, found, "", training)
        return [found[name] for name in self._names]


class _Plan:
    """The calls of one graph that the wanted ones need, and the plans of nested models."""

    def __init__(self, graph: Any, names: Sequence[str], whole: bool = False) -> None:
        self.inputs = graph.inputs
        self.wanted = {name for name in names if "/" not in name}
        inside: dict[str, list[str]] = {}
        for head, slash, rest in (name.partition("/") for name in names):
            if slash:
                inside.setdefault(head, []).append(rest)
        needed = {id(tensor) for tensor in graph.outputs} if whole else set()
        self.calls: list[Call] = []
        for call in reversed(calls_of(graph)):
            named = call.name in self.wanted or call.name in inside
            if named or any(id(tensor) in needed for tensor in call.outputs):
                self.calls.append(call)
                needed.update(id(tensor) for tensor in call.inputs)
        self.calls.reverse()
        self.nested = {
            call.name: (inner, _Plan(inner, inside[call.name], whole=True))
            for call in self.calls
            if call.name in inside and (inner := recorded_graph(call.operation)) is not None
        }

    def run(
        self, inputs: Sequence[Any], found: dict[str, Any], prefix: str, training: bool
    ) -> dict[int, Any]:
        """Compute the calls; fills `found` by path, returns all tensors by their symbol's id."""
        tensors = {id(t): x for t, x in zip(self.inputs, inputs, strict=True)}
        for call in self.calls:
            if call.inputs:
                value = self._value(call, tensors, found, prefix, training)
                flat = keras.tree.flatten(value)
                tensors.update((id(t), v) for t, v in zip(call.outputs, flat, strict=True))
            else:
                value = tensors[id(call.outputs[0])]
            if call.name in self.wanted:
                found[prefix + call.name] = value
        return tensors

    def _value(
        self, call: Call, tensors: dict[int, Any], found: Any, prefix: str, training: bool
    ) -> Any:
        args, kwargs = call.bind(tensors)
        if "training" in kwargs:
            kwargs["training"] = training  # as Keras does, over what the call recorded
        if call.name not in self.nested:
            return call.operation(*args, **kwargs)
        graph, plan = self.nested[call.name]
        given = args[0] if args else kwargs.get("inputs")
        flat = nested_inputs(graph, given)
        inner = plan.run(flat, found, f"{prefix}{call.name}/", training)
        masked = any(getattr(x, "_keras_mask", None) is not None for x in flat)
        own_call = not type(call.operation).call.__module__.startswith("keras.")
        if masked or own_call or set(kwargs) - {"inputs", "training"}:
            # The nested model does more than its graph: hands a mask on, or has its own call.
            return call.operation(*args, **kwargs)
        value = keras.tree.pack_sequence_as(graph.output, [inner[id(t)] for t in graph.outputs])
        return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Mapping):
        return {key: _plain(v) for key, v in value.items()}
    return np.asarray(value)
