"""One more layer, same function: `deeper`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..calls import calls_of, recorded_graph, require_graph, walk
from ..errors import GraphError
from .addition import Added, Spot, added_activation, added_lift, added_linear, added_norm, filled
from .carry import carry
from .linear import channel_axis
from .plan import Plan
from .rebuild import rebuilt
from .repeated import Again, again, is_activation
from .trace import Trace
from .widening import one_layer

__all__ = ["deeper"]

L: Any = keras.layers
_KINDS = ("same", "prelu", "linear")
_NORMS = (L.BatchNormalization, L.LayerNormalization, L.GroupNormalization)


def deeper(
    model: Any,
    layer: str | keras.layers.Layer,
    kind: str = "same",
    *,
    name: str | None = None,
    kernel_size: int | tuple[int, ...] | None = None,
    batch_norm: bool = False,
) -> Any:
    """A model that computes the same, with one more layer after (or in) one of its layers.

    The new layer is as wide as what it reads and starts as the identity: a Dense layer after a
    Dense one, else a convolution with the same kernel size and padding "same", whose middle is
    the unit matrix.

    Args:
        model: A `graph.GModule`, `keras.Sequential` or other Functional model, built. It is not
            changed.
        layer: The layer, or its name; inside a nested model ``"trunk/conv1"``. Its activation
            may be its own or the layer that follows, with a normalisation between.
        kind: ``"same"``: after the activation, with an activation like it. ReLU and linear ones
            keep their own values. ELU (CELU, SELU) does so on values that are lifted above 0
            before and let down after, by a `keras.layers.Rescaling`; a PReLU starts with slopes
            of 1. Others are refused. ``"prelu"``: after the activation, with a PReLU whose slopes
            start at 1, which is the identity after any activation. ``"linear"``: before the
            activation, without one of its own; keeps any function, but two linear layers in a row
            can compute no more than one until another activation is put between. Default:
            "same".
        name: Name of the new layer. Default: that of `layer` with ``_deeper``.
        kernel_size: Of a new convolution. Default: that of `layer`, 3 if it has none.
        batch_norm: Whether to put a BatchNormalization after the new layer; its statistics make
            it the identity until it is trained, so the function is kept in inference alone.

    Returns:
        A GModule for a GModule, a Sequential for a Sequential, else a `keras.Model`; compiled as
        `model` is, with the state of its optimizer, which is 0 for the new layer.

    Raises:
        ValueError: There is no such layer (the nearest names are told), or the model is not built.
        GraphError: `kind` or `kernel_size` is none of these; the activation would change its own
            values; the name is taken; or the layer gives no tensor of channels.

    Reference: Chen, Goodfellow & Shlens 2016, "Net2Net: Accelerating Learning via Knowledge
    Transfer", arXiv:1511.05641, section 2.3.

    >>> from graph import gModule, net2net, nn
    >>> x = nn.Linear(4, 8)().annotate(name="hidden")
    >>> net = gModule([x], [x - nn.ReLU() - nn.Linear(8, 2)])
    >>> [module.torch_name for module in net2net.deeper(net, "hidden").modules]
    ['Linear', 'ReLU', 'Linear', 'ReLU', 'Linear']
    """
    if kind not in _KINDS:
        raise GraphError(f"kind must be one of {', '.join(_KINDS)}, got {kind!r}")
    graph = require_graph(model)
    target = one_layer(model, layer)
    places = [place for g in _graphs(graph) for place in _places(g, target, kind)]
    place = places[0]
    spot = _spot(model, target, place)
    _check_kernel(spot, kernel_size)
    taken = {part for path, _ in walk(graph) for part in path.split("/")}
    own = _free(name, f"{target.name}_deeper", taken)
    new = _layers(spot, place, kind, own, kernel_size, batch_norm)
    if clash := taken.intersection(x.name for x in new):
        raise GraphError(f"{model.name} has a layer '{clash.pop()}' already\n  fix: another name")
    arguments = {id(target): {"activation": "linear"}} if place.split else {}
    plan = Plan(Trace(graph), {}, arguments=arguments)
    inserts = {id(p.tensor): new for p in places}
    return carry(model, filled(rebuilt(model, plan, inserts), new), plan)


@dataclass(frozen=True)
class _Place:
    """A tensor after which the layers are put.

    Attributes:
        tensor: The tensor.
        activation: The activation to have again: a layer, or a function that a layer has as its
            own; None for none.
        split: Whether the layer's own activation moves to the new layer.
    """

    tensor: Any
    activation: Any = None
    split: bool = False


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those of the models in it, each once."""
    seen = {id(graph): graph}
    pending = [graph]
    while pending:
        current = pending.pop()
        yield current
        for call in calls_of(current):
            inner = recorded_graph(call.operation)
            if inner is not None and id(inner) not in seen:
                seen[id(inner)] = inner
                pending.append(inner)


def _places(graph: Any, target: Any, kind: str) -> Iterator[_Place]:
    calls = calls_of(graph)
    for call in calls:
        if call.operation is not target:
            continue
        if len(call.outputs) != 1:
            raise GraphError(f"'{target.name}' gives {len(call.outputs)} tensors, not one")
        yield _place(graph, calls, call, kind)


def _place(graph: Any, calls: list[Any], call: Any, kind: str) -> _Place:
    target, tensor = call.operation, call.outputs[0]
    if is_activation(target):
        if kind == "linear":
            raise GraphError(
                f"'{target.name}' is an activation, and kind='linear' adds a layer before one\n"
                f"  fix: name the layer before it"
            )
        return _Place(tensor, target)
    own = None if isinstance(target, (L.RNN, L.Bidirectional)) else _own(target)
    if own is not None:
        return _Place(tensor, own, split=kind == "linear")
    if kind == "linear":
        return _Place(tensor)
    after = tensor
    outputs = {id(x) for x in graph.outputs}
    while id(after) not in outputs:
        readers = [c for c in calls if any(x is after for x in c.inputs)]
        if len(readers) != 1:
            break
        if is_activation(readers[0].operation):
            return _Place(readers[0].outputs[0], readers[0].operation)
        if not isinstance(readers[0].operation, _NORMS):
            break
        after = readers[0].outputs[0]
    return _Place(tensor)


def _own(layer: Any) -> Any:
    """The activation that a layer applies itself; None for a linear one."""
    activation = getattr(layer, "activation", None)
    return None if activation is keras.activations.linear else activation


def _spot(model: Any, target: Any, place: _Place) -> Spot:
    shape = place.tensor.shape
    axis = channel_axis(target, len(shape))
    if len(shape) < 2 or shape[axis] is None or "float" not in str(place.tensor.dtype):
        raise GraphError(
            f"'{target.name}' of {model.name} gives no channels that a layer could read: "
            f"{place.tensor.dtype} {tuple(shape)}"
        )
    return Spot(target, len(shape), axis, shape[axis])


def _check_kernel(spot: Spot, size: Any) -> None:
    if size is None:
        return
    if not spot.slides:
        raise GraphError(f"a Dense layer comes after '{spot.layer.name}': it has no kernel_size")
    sizes = size if isinstance(size, (tuple, list)) else (size,) * (spot.rank - 2)
    whole = all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in sizes)
    if not whole or min(sizes) < 1 or len(sizes) != spot.rank - 2:
        raise GraphError(f"kernel_size must be {spot.rank - 2} positive integers, got {size!r}")


def _free(name: str | None, default: str, taken: set[str]) -> str:
    if name is not None:
        if not isinstance(name, str) or not name or "/" in name:
            raise GraphError(f"a name is a non-empty str without '/', got {name!r}")
        return name
    number, free = 1, default
    while free in taken:
        number += 1
        free = f"{default}_{number}"
    return free


def _layers(
    spot: Spot, place: _Place, kind: str, name: str, size: Any, batch_norm: bool
) -> list[Added]:
    """The new layers, in order."""
    norm = [added_norm(spot, f"{name}_bn")] if batch_norm else []
    activation = place.activation
    if kind == "linear":
        activation, once = (activation if place.split else None), Again()
    elif kind == "prelu":
        prelu = added_activation(spot, f"{name}_prelu", None, slopes=True)
        return [added_linear(spot, name, size, None, Again()), *norm, prelu]
    else:
        once = again(activation, f"'{spot.layer.name}'")
    after: list[Added] = []
    if isinstance(activation, keras.layers.Layer):
        module = getattr(activation, "module", None)
        kind_name = module.torch_name if module else type(activation).__name__
        label = f"{name}_{kind_name.lower()}"
        after.append(added_activation(spot, label, activation, slopes=once.slopes))
        activation = None
    elif activation is not None and norm:
        layer = L.Activation(activation, dtype=spot.layer.dtype_policy)
        after.append(added_activation(spot, f"{name}_{activation.__name__}", layer, slopes=False))
        activation = None
    if once.lift:
        after.append(added_lift(spot, f"{name}_shift", once.lift))
    return [added_linear(spot, name, size, activation, once), *norm, *after]
