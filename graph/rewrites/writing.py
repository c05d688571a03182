"""A plan as a Keras model again, of new layers."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np

from ..layer_copies import made_like
from ..nn.tying import tie
from ..recursion import deep_recursion
from .plan import Piece, Plan, Slices, Step, Value

__all__ = ["Layers", "input_layers", "keep_output_names", "write"]


class Layers:
    """The layers made so far, one for each piece, whatever model uses it."""

    def __init__(self) -> None:
        self._made: dict[int, Any] = {}
        self._pieces: list[Piece] = []

    def of(self, piece: Piece) -> Any:
        """The layer, operation or model of a piece."""
        if id(piece) not in self._made:
            self._made[id(piece)] = _made(piece, self)
            self._pieces.append(piece)
        return self._made[id(piece)]

    def fill(self) -> None:
        """Give the layers, which are built now, their values, their flags and shared variables."""
        first: dict[int, Any] = {}
        for piece in self._pieces:
            layer = self._made[id(piece)]
            if not piece.is_layer or piece.inner is not None:
                continue
            if layer.weights or piece.weights:
                layer.set_weights(piece.weights)
            if isinstance(layer, keras.layers.Normalization):
                layer.finalize_state()  # What it computes with is taken from its weights.
            if piece.source is None:
                continue
            parts = zip(piece.source._flatten_layers(), layer._flatten_layers(), strict=False)
            for old, new in parts:  # A layer before those inside it, which follow its flag.
                if new.trainable != old.trainable:
                    new.trainable = old.trainable
            if piece.tied:
                pairs = zip(piece.source.variables, layer.variables, strict=False)
                for old, new in list(pairs):
                    tie(layer, new, first.setdefault(id(old), new))


def _made(piece: Piece, layers: Layers) -> Any:
    if piece.inner is not None:
        model = write(piece.inner, piece.name, layers)
        if not piece.source.trainable:
            model.trainable = False
        return model
    if not piece.is_layer:
        return _operation(piece)
    if piece.source is not None:
        return made_like(piece.source, piece.config)
    return piece.kind.from_config(copy.deepcopy(piece.config))  # type: ignore[attr-defined]


def _operation(piece: Piece) -> Any:
    try:
        return piece.kind.from_config(copy.deepcopy(piece.config))  # type: ignore[attr-defined]
    except (NotImplementedError, TypeError):
        return piece.source  # It has no state, so that two models may use it.


def keep_output_names(plan: Plan) -> None:
    """Let each output come from a layer that is called as the one in the source."""
    symbols = zip(plan.inputs, plan.source.inputs, strict=True)
    named = {id(value): symbol._keras_history.operation.name for value, symbol in symbols}
    passed_on: dict[tuple[int, str], Value] = {}
    for i, (value, name) in enumerate(zip(plan.outputs, plan.names, strict=True)):
        step = value.step
        if (named.get(id(value)) or (step.piece.name if step else None)) == name:
            named[id(value)] = name
            continue
        if (id(value), name) in passed_on:
            value.results -= 1
            plan.outputs[i] = passed_on[id(value), name]
            plan.outputs[i].results += 1
            continue
        if not _make_free(plan, name, step):
            continue
        if step is not None and id(value) not in named and _may_be_renamed(plan, step):
            plan.rename(step.piece, name)
        else:
            value.results -= 1
            config = {"name": name, "dtype": value.dtype}
            identity = Piece(keras.layers.Identity, config, [])
            step = plan.add(identity, (value,), [Value(value.shape, value.dtype)])
            passed_on[id(value), name] = step.output
            value = plan.outputs[i] = step.output
            value.results += 1
        named[id(value)] = name


def _make_free(plan: Plan, name: str, but: Step | None) -> bool:
    """Take a name from the layer inside that has it; False if that cannot have another."""
    holders = [s for s in plan.order() if s is not but and s.piece.is_layer]
    for step in holders:
        if step.piece.name == name:
            if not step.piece.free or any(value.results for value in step.outputs):
                return False
            plan.rename(step.piece, plan.fresh(f"{name}_inside"))
    return True


def _may_be_renamed(plan: Plan, step: Step) -> bool:
    piece = step.piece
    return piece.free and piece.is_layer and len(step.outputs) == 1 and piece.name not in plan.names


def write(plan: Plan, name: str, layers: Layers) -> keras.Model:
    """The Functional model of a plan, of the structure of the plan's source."""
    keep_output_names(plan)
    tensors = input_layers(plan)
    steps = plan.order()
    with deep_recursion(len(steps)):
        for step in steps:
            results = _applied(step, layers, tensors)
            tensors.update((id(v), t) for v, t in zip(step.outputs, results, strict=True))
        for value in plan.inputs:
            if not value.readers:
                keras.layers.Identity()(tensors[id(value)])  # Keras 3.12 refuses an unread input.
        source = plan.source
        inputs = [tensors[id(value)] for value in plan.inputs]
        outputs = [tensors[id(value)] for value in plan.outputs]
        return keras.Model(
            keras.tree.pack_sequence_as(source._inputs_struct, inputs),
            keras.tree.pack_sequence_as(source._outputs_struct, outputs),
            name=name,
        )


def input_layers(plan: Plan) -> dict[int, Any]:
    """New inputs like the source's: the id of each value -> its tensor."""
    tensors = {}
    for value, symbol in zip(plan.inputs, plan.source.inputs, strict=True):
        layer = symbol._keras_history.operation
        tensors[id(value)] = type(layer).from_config(layer.get_config()).output
    return tensors


def _applied(step: Step, layers: Layers, tensors: dict[int, Any]) -> list[Any]:
    args, kwargs = keras.tree.map_structure(
        lambda x: tensors[id(x)] if isinstance(x, Value) else x, (step.args, step.kwargs)
    )
    if step.piece.kind is Slices:
        cuts = np.cumsum(step.piece.config["sizes"])[:-1].tolist()
        return list(keras.ops.split(args[0], cuts, axis=-1))
    return keras.tree.flatten(layers.of(step.piece)(*args, **kwargs))
