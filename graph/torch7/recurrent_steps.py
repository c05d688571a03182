"""What the recurrent modules of rnn hold: the modules of one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .blank import Blank, storage
from .types import TorchObject

__all__ = ["CELLS", "RECURRENT", "recurrent", "sequencer"]

RECURRENT = frozenset({"FastLSTM", "GRU", "LSTM", "Recurrence", "Recurrent", "Recursor"})
"""Classes that `nn.Sequencer` takes as they are; it wraps others in an `nn.Recursor`."""

Weights = dict[str, tuple[np.ndarray, np.ndarray]]
# What dpnn empties before it writes a model.
_MEDIUM_EMPTY = ("output", "gradInput", "momGradParams", "dpnn_input", "_output")


def recurrent(step: TorchObject, rho: int, **fields: Any) -> dict[str, Any]:
    """The fields of any `nn.AbstractRecurrent` with this step."""
    tables = ("_gradOutputs", "gradInputs", "gradOutputs", "outputs")
    return {
        **{name: [] for name in tables},
        "recurrentModule": step,
        "sharedClones": [step],
        "rho": rho,
        "rmInSharedClones": True,
        "step": 1,
        **fields,
    }


def recursor(blank: Blank, child: TorchObject) -> TorchObject:
    """`nn.Recursor` around a step."""
    own = recurrent(child, 9999999, module=child, modules=[child])
    return blank.make("Recursor", **own)


def sequencer(blank: Blank, child: TorchObject, obj: TorchObject | None = None) -> TorchObject:
    """`nn.Sequencer` of a step, which becomes recurrent if it is not.

    Args:
        blank: Makes the objects.
        child: The step.
        obj: The sequencer, if it is there and only wants its fields.
    """
    if child.class_name.removeprefix("nn.") not in RECURRENT:
        child = recursor(blank, child)
    fields = {
        **{name: [] for name in ("_output", "tableoutput", "tablegradInput", "tablegradinput")},
        "module": child,
        "modules": [child],
        "dpnn_mediumEmpty": list(_MEDIUM_EMPTY),
        "_remember": "neither",
    }
    if obj is None:
        obj = TorchObject("nn.Sequencer", {})
    blank.fill(obj, fields)
    return obj


class _Steps:
    """Short names for the modules that steps are made of."""

    def __init__(self, blank: Blank, weights: Weights) -> None:
        self.make, self.sequential, self.weights = blank.make, blank.sequential, weights

    def both(self, *modules: TorchObject) -> TorchObject:
        return self.make("ConcatTable", modules=modules)

    def each(self, *modules: TorchObject) -> TorchObject:
        return self.make("ParallelTable", modules=modules)

    def select(self, index: int) -> TorchObject:
        return self.make("SelectTable", index=index)

    def narrow(self, offset: int, length: int) -> TorchObject:
        return self.make("NarrowTable", offset=offset, length=length)

    def flat(self) -> TorchObject:
        return self.make("FlattenTable", input_map=[])

    def linear(self, name: str) -> TorchObject:
        weight, slope = self.weights[f"{name}_weight"]
        if f"{name}_bias" not in self.weights:
            return self.make("LinearNoBias", weight=weight, gradWeight=slope)
        bias, biasSlope = self.weights[f"{name}_bias"]
        return self.make("Linear", weight=weight, gradWeight=slope, bias=bias, gradBias=biasSlope)

    def parts(self, count: int, size: int) -> list[TorchObject]:
        """Cut ``count * size`` features into a table."""
        reshape = self.make(
            "Reshape",
            size=storage(count, size),
            batchsize=storage(1, count, size),
            nelement=count * size,
        )
        return [reshape, self.make("SplitTable", dimension=1, nInputDims=2)]

    def product(self, *modules: TorchObject) -> TorchObject:
        return self.sequential(self.both(*modules), self.make("CMulTable"))

    def total(self, *modules: TorchObject) -> TorchObject:
        return self.sequential(self.both(*modules), self.make("CAddTable"))


def _fast_lstm(module: Any, blank: Blank, weights: Weights) -> dict[str, Any]:
    s, make = _Steps(blank, weights), blank.make
    i2g, o2g = s.linear("i2g"), s.linear("o2g")
    kinds = [make(kind) for kind in ("Sigmoid", "Tanh", "Sigmoid", "Sigmoid")]
    gates = blank.sequential(
        s.narrow(1, 2),
        s.each(i2g, o2g),
        make("CAddTable"),
        *s.parts(4, module.outputSize),
        s.each(*kinds),
    )
    kept = blank.sequential(s.narrow(1, 2), make("CMulTable"))
    cell = s.total(kept, s.product(s.select(3), s.select(5)))
    hidden = s.product(blank.sequential(s.select(1), make("Tanh")), s.select(2))
    step = blank.sequential(
        s.both(gates, s.select(3)),
        s.flat(),
        s.both(cell, s.select(4)),
        s.flat(),
        s.both(hidden, s.select(1)),
    )
    return {**_cell(module, step, 9999), "i2g": i2g, "o2g": o2g, "affine": True, "cell2gate": True}


def _lstm(module: Any, blank: Blank, weights: Weights) -> dict[str, Any]:
    s, make = _Steps(blank, weights), blank.make

    def gate(name: str, kind: str) -> TorchObject:
        dropped = [
            blank.sequential(_no_dropout(blank), s.linear(f"{name}_{part}"))
            for part in ("i2g", "o2g")
        ]
        before = [s.narrow(1, 2)]
        peephole = weights.get(f"{name}_cell2gate")
        if peephole is not None:
            size = storage(module.outputSize)
            dropped.append(make("CMul", weight=peephole[0], gradWeight=peephole[1], size=size))
            before = []
        return blank.sequential(*before, s.each(*dropped), make("CAddTable"), make(kind))

    forget, enter = gate("forget", "Sigmoid"), gate("input", "Sigmoid")
    hidden, leave = gate("hidden", "Tanh"), gate("output", "Sigmoid")
    cell = s.total(s.product(forget, s.select(3)), s.product(enter, hidden))
    last = s.product(leave, blank.sequential(s.select(3), make("Tanh")))
    step = blank.sequential(s.both(s.narrow(1, 2), cell), s.flat(), s.both(last, s.select(3)))
    return {
        **_cell(module, step, module.rho),
        **{"forgetGate": forget, "inputGate": enter, "outputGate": leave},
        **{"hiddenLayer": hidden, "cellLayer": cell, "cell2gate": module.cell2gate},
    }


def _gru(module: Any, blank: Blank, weights: Weights) -> dict[str, Any]:
    s, make = _Steps(blank, weights), blank.make
    i2g, o2g = s.linear("i2g"), s.linear("o2g")
    gates = blank.sequential(
        s.each(i2g, o2g),
        make("CAddTable"),
        *s.parts(2, module.outputSize),
        s.each(make("Sigmoid"), make("Sigmoid")),
    )
    reset = blank.sequential(s.narrow(2, 2), make("CMulTable"), s.linear("h2h"))
    new = s.total(blank.sequential(s.select(1), s.linear("i2h")), reset)
    new["modules"].append(make("Tanh"))
    rest = blank.sequential(s.select(4), make("SAdd", addend=-1, negate=True))
    kept = blank.sequential(s.narrow(4, 2), make("CMulTable"))
    step = blank.sequential(
        s.both(make("Identity"), gates),
        s.flat(),
        s.both(s.narrow(1, 4), s.select(2)),
        s.flat(),
        s.total(s.product(new, rest), kept),
    )
    return {**_cell(module, step, 9999), "i2g": i2g, "o2g": o2g}


def _cell(module: Any, step: TorchObject, rho: int) -> dict[str, Any]:
    sizes = {"inputSize": module.inputSize, "outputSize": module.outputSize}
    own = {"modules": [step], "mono": False, "p": 0, "cells": [], "gradCells": []}
    return recurrent(step, rho, **sizes, **own)


def _no_dropout(blank: Blank) -> TorchObject:
    flags = {"v2": True, "flag": True, "lazy": True, "mono": False, "inplace": False}
    return blank.make("Dropout", p=0, **flags)


CELLS: dict[str, Callable[[Any, Blank, Weights], dict[str, Any]]] = {
    "FastLSTM": _fast_lstm,
    "LSTM": _lstm,
    "GRU": _gru,
}
"""Class -> the fields of it, given the module and its parameters with their gradients."""
