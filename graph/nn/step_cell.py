"""A small Functional model as the step of a loop, run call by call."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from ..activation_names import ELEMENTWISE
from ..calls import Call
from .arithmetic import CAddTable, CDivTable, CMulTable, CSubTable
from .inlined import inlined
from .module_layer import ModuleLayer
from .pointwise import Pointwise
from .step import Fed, Product, Step, one_product
from .step_groups import Group, grouped, is_dense
from .step_sequence import StepSequence

__all__ = ["Cell"]

_L = keras.layers
_APART = (_L.Dense, _L.Activation, _L.Identity, _L.Add, _L.Subtract, _L.Multiply)
_APART_MODULES = (CAddTable, CDivTable, CMulTable, CSubTable, Pointwise)


class Cell:
    """What a model makes of one step, and how to run it over all.

    Args:
        model: Functional, from one step of each sequence and all states to outputs and all new
            states.
        states: How many states there are.
    """

    def __init__(self, model: keras.Model, states: int) -> None:
        self._model, self._states = model, states
        self._inlined = inlined(model)
        calls, ends, _ = self._inlined
        self.is_plain = states > 0 and all(map(_is_plain, calls))
        count = len(model.outputs) - states
        self.outputs = model.outputs[:count] or model.outputs
        self._layers = [c.operation for c in calls if isinstance(c.operation, _L.Layer)]
        dense = {id(c.operation) for c in calls if is_dense(c)}
        self._others = [layer for layer in self._layers if id(layer) not in dense]
        outputs = [(tuple(t.shape[1:]), t.dtype) for t in self.outputs]
        self._whole = StepSequence(Step(self._run_model, (), outputs), pure=False)

        self._groups = groups = grouped(model.inputs, calls, ends, states)
        added = {group.ahead for group in groups}
        self._places: dict[int, tuple[int, int]] = {}
        for k, group in enumerate(groups):
            start = 0
            for result in group.results:
                self._places[id(result)] = (k, start)
                start += result.outputs[0].shape[-1]
        # Of a group that is added nothing else is read.
        gone = {id(c) for k, g in enumerate(groups) if g.sums or k in added for c in g.dense}
        self._calls = [c for c in calls if id(c) not in gone]
        self._gates = self._found_gates()
        self._early = [k for k, g in enumerate(groups) if g.part is not None and k not in added]
        self._products = [k for k, g in enumerate(groups) if g.part is None]
        inputs = {id(t): i for i, t in enumerate(model.inputs)}
        read = {inputs.get(id(t)) for c in self._calls for t in c.inputs if not self._is_early(c)}
        read |= {inputs.get(id(t)) for t in ends}
        self._read = [i for i in range(len(inputs) - states) if i in read]
        first = len(inputs) - states
        products, sources = [], itertools.count()
        for group in (groups[k] for k in self._products):
            number = inputs.get(id(group.taken), -1) - first
            state = number if number >= 0 else None
            source = None if group.ahead is None else next(sources)
            products.append(Product(state, source, bias=bool(self._biased(group))))
        self._last = ends[count:]
        new = {id(t): i for i, t in enumerate(self._last)}
        self._own = [t for t in ends[:count] if id(t) not in new]
        shown = [new.get(id(t), o) for t, o in zip(ends[:count] or ends, outputs, strict=True)]
        step = Step(self._run_calls, products, shown)
        self._by_calls = StepSequence(step, apart=all(map(_is_apart, calls)))

    def __call__(self, parts: Sequence[Any], states: Sequence[Any], *, training: bool) -> list[Any]:
        """Every output, or every state where there are no outputs: ``(batch, time, ...)``.

        Args:
            parts: The sequences, ``(batch, time, ...)``.
            states: Those before the first step.
            training: Whether a gradient is likely to be wanted.
        """
        if not self._as_calls():
            return self._whole(Fed([], parts, states, [], [], [], []), training=training)[0]
        seen = [parts[i] for i in self._read]
        for k in self._early:
            group = self._groups[k]
            product = one_product(group.part_of(parts), group.kernel())
            seen.append(product + group.bias() if group.biased else product)
        groups = [self._groups[k] for k in self._products]
        added = [self._groups[g.ahead] for g in groups if g.ahead is not None]
        fed = Fed(
            [group.part_of(parts) for group in added],
            seen,
            states,
            [group.kernel() for group in groups],
            [group.kernel() for group in added],
            [
                sum((g.bias() for g in own[1:]), own[0].bias())
                for own in map(self._biased, groups)
                if own
            ],
            list(map(ops.convert_to_tensor, self._variables())),
        )
        return self._by_calls(fed, training=training)[0]

    def _found_gates(self) -> dict[int, tuple[int, int]]:
        """Where calls of a function take parts of a product that others take parts of too.

        XLA makes more of a function of whole rows than of functions of their parts.
        """
        results = {
            id(result.outputs[0]): self._places[id(result)]
            for group in self._groups
            for result in group.results
            if group.sums or result.operation.activation is keras.activations.linear
        }
        found: dict[Any, list[Call]] = {}
        for call in self._calls:
            place = results.get(id(call.inputs[0])) if call.inputs else None
            function = getattr(call.operation, "activation", None)
            named = getattr(function, "__name__", "") in ELEMENTWISE
            if place is not None and type(call.operation) is _L.Activation and named:
                found.setdefault((place[0], function), []).append(call)
        several = [call for calls in found.values() if len(calls) > 1 for call in calls]
        return {id(call): results[id(call.inputs[0])] for call in several}

    def _biased(self, group: Group) -> list[Group]:
        """Those that have a bias of a group and the one that is added to it."""
        both = [group] if group.ahead is None else [group, self._groups[group.ahead]]
        return [one for one in both if one.biased]

    def _is_early(self, call: Call) -> bool:
        place = self._places.get(id(call))
        return place is not None and self._groups[place[0]].part is not None

    def _as_calls(self) -> bool:
        """Whether all of its calls can run one by one, as things stand now."""
        dense = [call.operation for group in self._groups for call in group.dense]
        changed = any(layer.quantization_mode or layer.lora_enabled for layer in dense)
        one_policy = len({layer.dtype_policy.name for layer in self._layers}) < 2
        return self.is_plain and one_policy and not changed

    def _variables(self) -> list[Any]:
        """Those of layers that are not Dense."""
        return list({id(v): v for layer in self._others for v in layer.variables}.values())

    def _run_model(self, parts: list[Any], states: list[Any], weights: Any, product: Any) -> Any:
        found = keras.tree.flatten(self._model([*parts, *states]))
        count = len(found) - self._states
        return found[:count] or found, found[count:]

    def _run_calls(
        self, parts: list[Any], states: list[Any], weights: list[Any], product: Any
    ) -> tuple[list[Any], list[Any]]:
        given = self._model.inputs
        inputs = [*(given[i] for i in self._read), *given[len(given) - self._states :]]
        made = dict(zip(self._early, parts[len(self._read) :], strict=True))
        whole: dict[Any, Any] = {}
        fed = [*parts[: len(self._read)], *states]
        values: dict[int, Any] = {}

        def keep(tensors: Sequence[Any], found: Sequence[Any]) -> None:
            for t, value in zip(tensors, found, strict=True):
                names = [id(t), *self._inlined.aliases.get(id(t), ())]
                values.update(dict.fromkeys(names, value))

        keep(inputs, fed)

        def part_of(rows: Any, start: int, call: Call) -> Any:
            return rows[:, start : start + call.outputs[0].shape[-1]]

        def result(call: Call) -> Any:
            layer = call.operation
            if id(call) in self._places:
                k, start = self._places[id(call)]
                group = self._groups[k]
                if k not in made:
                    made[k] = product(self._products.index(k), values[id(group.taken)])
                found = part_of(made[k], start, call)
                return found if group.sums else layer.activation(found)
            if id(call) in self._gates:
                k, start = self._gates[id(call)]
                key = (k, layer.activation)
                if key not in whole:
                    whole[key] = layer.activation(made[k])
                return part_of(whole[key], start, call)
            args, kwargs = call.bind(values)
            return layer(*args, **kwargs)

        with keras.StatelessScope(list(zip(self._variables(), weights, strict=True))):
            for call in self._calls:
                keep(call.outputs, keras.tree.flatten(result(call)))
        return [values[id(t)] for t in self._own], [values[id(t)] for t in self._last]


def _is_plain(call: Call) -> bool:
    """Whether a call is a function of its arguments, and of vectors that are learnt.

    A saved model must find the same answer again, so that it does not look at what may change.
    """
    layer = call.operation
    if not isinstance(layer, _L.Layer) or is_dense(call):
        return getattr(layer, "activity_regularizer", None) is None
    if type(layer).__module__.partition(".")[0] not in ("keras", "graph"):
        return False  # It may keep anything.
    inner = layer._flatten_layers()
    # Keras's own lists: `trainable_variables` is empty for a layer that is frozen.
    states = any(each._non_trainable_variables or each._seed_generators for each in inner)
    matrices = any(len(v.shape) > 1 for v in layer.variables)
    return not (states or matrices or layer.activity_regularizer) and layer.supports_jit


def _is_apart(call: Call) -> bool:
    """Whether a call surely keeps the rows of a batch apart."""
    layer = call.operation
    if isinstance(layer, ModuleLayer):
        return isinstance(layer.module, _APART_MODULES)
    return type(layer) in _APART
