"""The calls of a model with those of models inside it in their places."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

import keras

from ..calls import Call, calls_of, recorded_graph

__all__ = ["Inlined", "inlined"]


class Inlined(NamedTuple):
    """A model as one chain of calls.

    Attributes:
        calls: Without those of InputLayers; each takes tensors that another, or the model, gives.
        outputs: The model's outputs, as tensors that a call gives.
        aliases: For a tensor (by id) the ids of those that stand for it elsewhere: what goes into
            a model is called otherwise inside it.
    """

    calls: list[Call]
    outputs: list[Any]
    aliases: dict[int, list[int]]


def inlined(model: keras.Model) -> Inlined:
    """All calls of `model`; a model that is called several times stays one call.

    Args:
        model: A Functional model.
    """
    given: dict[int, Any] = {}
    found: list[Call] = []

    def visit(graph: Any) -> None:
        calls = calls_of(graph)
        times = Counter(id(call.operation) for call in calls)
        for call in calls:
            if isinstance(call.operation, keras.layers.InputLayer):
                continue
            inputs = [given.get(id(t), t) for t in call.inputs]
            inner = recorded_graph(call.operation) if times[id(call.operation)] == 1 else None
            if inner is None or len(inner.inputs) != len(inputs):
                found.append(replace(call, inputs=inputs))
                continue
            given.update((id(a), b) for a, b in zip(inner.inputs, inputs, strict=True))
            visit(inner)
            ends = [given.get(id(t), t) for t in inner.outputs]
            given.update((id(a), b) for a, b in zip(call.outputs, ends, strict=True))

    visit(model)
    aliases: dict[int, list[int]] = {}
    for alias, tensor in given.items():
        aliases.setdefault(id(tensor), []).append(alias)
    return Inlined(found, [given.get(id(t), t) for t in model.outputs], aliases)
