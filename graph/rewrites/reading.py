"""A Keras model read into a plan."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from ..calls import Call, calls_of, recorded_graph
from .plan import Piece, Plan, Value

__all__ = ["read"]


def read(graph: Any, *, training: bool) -> Plan:
    """The plan of a model.

    Args:
        graph: What `recorded_graph` gives.
        training: Whether the plan is for a model that will be trained.

    Raises:
        ValueError: A layer does not say how it is made; it is named.
    """
    pieces: dict[int, Piece] = {}
    plan = _read(graph, training, pieces)
    holders: dict[int, list[Piece]] = {}
    for piece in pieces.values():
        for variable in _own_variables(piece):
            holders.setdefault(id(variable), []).append(piece)
    for several in holders.values():
        for piece in several:
            piece.tied = piece.tied or len(several) > 1
    return plan


def _own_variables(piece: Piece) -> list[Any]:
    if piece.inner is not None:  # Its layers are pieces of their own.
        return []
    return list({id(v): v for v in getattr(piece.source, "variables", [])}.values())


def _read(graph: Any, training: bool, pieces: dict[int, Piece]) -> Plan:
    plan = Plan(training)
    plan.source = graph
    values = plan.values

    def value_of(x: Any) -> Any:
        return values[id(x)] if isinstance(x, keras.KerasTensor) else x

    for tensor in graph.inputs:
        values[id(tensor)] = _value(tensor)
        plan.inputs.append(values[id(tensor)])
    for call in calls_of(graph):
        if not call.inputs:
            continue
        args, kwargs = call.arguments.convert(value_of)
        kwargs = {k: v for k, v in kwargs.items() if not _is_filled_in(call.operation, k, v)}
        outputs = [_value(tensor) for tensor in call.outputs]
        plan.add(_piece(call, training, pieces), args, outputs, kwargs)
        values.update((id(t), v) for t, v in zip(call.outputs, outputs, strict=True))
    for tensor in graph.outputs:
        value = values[id(tensor)]
        value.results += 1
        plan.outputs.append(value)
        plan.names.append(tensor._keras_history.operation.name)
    return plan


def _is_filled_in(operation: Any, name: str, value: Any) -> bool:
    """Whether Keras records this argument of a layer that was given none, and will do so again.

    A model that is told whether it trains tells its layers, whatever is recorded.
    """
    if name not in ("mask", "training") or not isinstance(operation, keras.layers.Layer):
        return False
    parameter = inspect.signature(operation.call).parameters.get(name)
    default = None if parameter is None else parameter.default
    return value is None or (name == "training" and not value and not default)


def _value(tensor: Any) -> Value:
    masked = getattr(tensor, "_keras_mask", None) is not None
    return Value(tensor.shape, str(tensor.dtype), masked)


def _piece(call: Call, training: bool, pieces: dict[int, Piece]) -> Piece:
    operation = call.operation
    piece = pieces.get(id(operation))
    if piece is None:
        inner = recorded_graph(operation)
        if inner is not None:
            # Made again from its own record, so that a layer that both hold stays one.
            config = {"name": operation.name}
            nested = _read(inner, training, pieces)
            piece = Piece(type(operation), config, source=operation, inner=nested)
        else:
            piece = Piece(type(operation), _config(operation), source=operation)
        pieces[id(operation)] = piece
    return piece


def _config(operation: Any) -> dict[str, Any]:
    try:
        return operation.get_config()
    except (NotImplementedError, TypeError) as error:
        raise ValueError(
            f"layer '{operation.name}' ({type(operation).__name__}) does not say how it is made, "
            f"so it cannot be copied: give the class a get_config ({error})"
        ) from error
