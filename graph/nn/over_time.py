"""Running a module over the steps of a sequence, with a state or without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..table import flatten, is_table, unflatten
from .activation import ELU, LogSigmoid, LogSoftMax, ReLU, Sigmoid, SoftSign, Tanh
from .container import Container, Sequential
from .decorator import Decorator
from .linear import Linear
from .looped import Once, looped
from .module import Module
from .pointwise import Pointwise
from .recurrent_base import RecurrentModule, no_state
from .scope import Scope

__all__ = [
    "Loop",
    "NoState",
    "Step",
    "helper",
    "over_time",
    "repeated",
    "stacked",
    "stepwise",
]


_WHOLE = (ELU, LogSigmoid, LogSoftMax, Pointwise, ReLU, Sigmoid, SoftSign, Tanh)
"""Modules whose layer looks at no axis, or at the last, unless it has parameters of its own."""


class _Steps(Module):
    """A tensor as the table of its steps."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return [x[:, t] for t in range(x.shape[1])]


class _Stack(Module):
    """A table of steps as one tensor."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return ops.stack(x, axis=1)


class NoState(Module):
    """Zeros ``(batch, size)`` for a sequence, or for one step of it."""

    def __init__(self, size: int, one_step: bool = False) -> None:
        self.size, self.one_step = size, one_step

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return no_state(ops.expand_dims(x, 1) if self.one_step else x, self.size)


def helper(owner: Any, kind: type[Module], *arguments: Any) -> Any:
    """A module of this kind for `owner`, which keeps it: the same layer each time."""
    helpers = owner.__dict__.setdefault("_helpers", {})
    key = (kind, *arguments)
    if key not in helpers:
        helpers[key] = kind(*arguments)
    return helpers[key]


class Step(Decorator):
    """A module around a step, with no function of its own over time."""


class Loop(Container):
    """A container whose children are fed their own results of the step before."""

    def lower(self, x: Any, scope: Scope) -> Any:
        return self.run(x, scope) if is_table(x) else self.run_sequence(x, scope)

    def run(self, steps: list[Any], scope: Scope) -> list[Any]:
        """The states of a table of steps."""
        raise NotImplementedError(f"{type(self).__name__} has no run")

    def run_sequence(self, x: Any, scope: Scope) -> Any:
        """The states ``(batch, time, ...)`` of a sequence."""
        raise NotImplementedError(f"{type(self).__name__} has no run_sequence")


def repeated(
    owner: Any, once: Once, sequences: Sequence[Any], states: Sequence[Any], scope: Scope
) -> list[Any]:
    """As `looped`, with the steps written out where there is to be no loop.

    Args:
        owner: The module that runs it.
        once: The step, as a function of Keras tensors.
        sequences: (Tables of) sequences ``(batch, time, ...)``.
        states: Those before the first step.
        scope: Where it stands.
    """
    found = looped(once, sequences, states, scope)
    if found is not None:
        return found
    results, last = [], list(states)
    for parts in _steps_of_table(owner, list(sequences), scope):
        outputs, last = once(parts, last, scope)
        results.append(outputs or last)
    return [stacked(owner, list(part), scope) for part in zip(*results, strict=True)]


def stepwise(owner: Any, module: Any, fed: Any, scope: Scope) -> Any:
    """What a module without states gives for each step of a (table of) sequence(s)."""

    def once(parts: list[Any], states: list[Any], place: Scope) -> tuple[list[Any], list[Any]]:
        return [module.lower(parts[0], place)], []

    return repeated(owner, once, [fed], [], scope)[0]


def _steps_of_table(owner: Any, x: Any, scope: Scope) -> list[Any]:
    """A nested table of sequences as a list of steps, each nested alike."""
    leaves = [steps_of(owner, leaf, scope) for leaf in flatten(x)]
    return [unflatten(x, iter(step)) for step in zip(*leaves, strict=True)]


def _has_state(module: Any) -> bool:
    stateful = isinstance(module, (RecurrentModule, Loop))
    return stateful or any(_has_state(child) for child in getattr(module, "modules", ()))


def _is_whole(module: Any, x: Any) -> bool:
    """Whether the layer of `module` gives for a sequence what it gives for each step."""
    if isinstance(module, Linear):
        return x.shape[-1] == module.inputSize
    return isinstance(module, _WHOLE) and not module.parameter_specs()


def steps_of(owner: Any, x: Any, scope: Scope) -> list[Any]:
    """`x` as a table of steps."""
    if is_table(x):
        return list(x)
    if len(x.shape) < 2 or x.shape[1] is None:
        raise ShapeMismatch(
            "needs to know the number of steps",
            expected="(batch, time, ...)",
            fix="declare it: graph.Input((time, features))",
        )
    return helper(owner, _Steps).lower(x, scope)


def stacked(owner: Any, x: Any, scope: Scope) -> Any:
    """`x` as a tensor ``(batch, time, ...)``; steps that are tables as a table of such tensors."""
    if is_table(x) and is_table(x[0]):
        return [stacked(owner, list(part), scope) for part in zip(*x, strict=True)]
    return helper(owner, _Stack).lower(x, scope) if is_table(x) else x


def over_time(owner: Any, module: Any, x: Any, scope: Scope) -> Any:
    """Run `module` over the steps of `x`; a table gives a table, a tensor a tensor."""
    if isinstance(module, Step):
        return over_time(owner, module.modules[0], x, scope)
    if isinstance(module, (RecurrentModule, Loop)):
        if isinstance(module, RecurrentModule):
            y = module.lower(stacked(owner, x, scope), scope)
            return steps_of(owner, y, scope) if is_table(x) else y
        return module.lower(x, scope)
    if type(module) is Sequential:
        for i, child in enumerate(module.modules, 1):
            x = over_time(owner, child, x, scope.child(i, child))
        return x
    if not is_table(x) and hasattr(getattr(module, "layer", None), "_graph"):
        from .step_graph import graph_over_time  # Runs nodes by this function.

        return graph_over_time(owner, module, x, scope)
    if not is_table(x) and len(x.shape) == 3 and _is_whole(module, x):
        return module.apply_layer(x, scope)  # Linear: one product for all steps.
    if _has_state(module):
        raise ShapeMismatch(
            f"cannot run nn.{module.torch_name} over time: a module with state stands in it",
            fix="put it in an nn.Sequential, or give each part an nn.Sequencer of its own",
        )
    if is_table(x):
        return [module.lower(step, scope) for step in x]
    return stepwise(owner, module, x, scope)
