"""Recurrent layers: the state is widened like the units that make it."""

from __future__ import annotations

from typing import Any

import keras

from .elementwise import activation_problem
from .registry import Axes, rule
from .spaces import Space, freeze, joined
from .trace import Trace

__all__: list[str] = []

L: Any = keras.layers
_GATES = {L.LSTM: 4, L.GRU: 3, L.SimpleRNN: 1}


def _cell(trace: Trace, layer: Any, taken: Space | None) -> Space:
    """Note the weights of a recurrent layer; returns the space of its units."""
    cell = layer.cell
    gates = next(n for kind, n in _GATES.items() if isinstance(layer, kind))
    units = trace.new(layer, "units", layer.units)
    activations = [cell.activation, getattr(cell, "recurrent_activation", None)]
    for problem in filter(None, map(activation_problem, activations)):
        freeze(units, f"'{layer.name}' ({type(layer).__name__}) {problem}")
    for variable, into in ((cell.kernel, taken), (cell.recurrent_kernel, units)):
        trace.weight(variable, 0, into, summed=True)
        trace.weight(variable, 1, joined(gates, units))
    if cell.bias is not None:
        trace.weight(cell.bias, len(cell.bias.shape) - 1, joined(gates, units))
    return units


@rule(*_GATES)
def _recurrent(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    units = _cell(trace, layer, fed[0][2])
    trace.freeze([fed[0][1]], f"'{layer.name}' ({type(layer).__name__}) runs along them")
    trace.sets(layer, lambda size: {"units": size(units)})
    trace.width(layer, units)
    for state in fed[1:]:
        trace.same(units, state[-1], f"'{layer.name}' starts from them")
    return [(*fed[0][: len(x.shape) - 1], units) for x in call.outputs]


@rule(L.Bidirectional)
def _bidirectional(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    ways = (layer.forward_layer, layer.backward_layer)
    if any(type(way) not in _GATES for way in ways) or len(fed) + len(call.outputs) > 2:
        return trace.unknown(call, fed, "holds something else than an LSTM, GRU or SimpleRNN")
    trace.freeze([fed[0][1]], f"'{layer.name}' (Bidirectional) runs along them")
    ahead, back = (_cell(trace, way, fed[0][2]) for way in ways)
    # The layer's own config knows only one number of units.
    trace.same(ahead, back, f"'{layer.name}' runs both ways with equally many units")
    units = (*ahead, *back) if layer.merge_mode == "concat" else ahead
    if layer.merge_mode is None:
        return trace.unknown(call, fed, "gives a table")

    def settings(size: Any) -> dict[str, Any]:
        config = layer.get_config()
        for key in ("layer", "backward_layer"):
            if config.get(key):
                config[key]["config"]["units"] = size(ahead)
        return {key: config[key] for key in ("layer", "backward_layer") if key in config}

    trace.sets(layer, settings)
    trace.width(layer, units)
    return [(*fed[0][: len(x.shape) - 1], units) for x in call.outputs]
