"""Running a module over the steps of a sequence, with a state or without."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..table import is_table
from .activation import ELU, LogSigmoid, LogSoftMax, ReLU, Sigmoid, SoftSign, Tanh
from .container import Container, Sequential
from .decorator import Decorator
from .linear import Linear
from .module import Module
from .pointwise import Pointwise
from .recurrent_base import RecurrentModule, no_state
from .scope import Scope

__all__ = ["Loop", "NoState", "Step", "helper", "over_time", "stacked", "steps_of"]


_WHOLE = (ELU, LogSigmoid, LogSoftMax, Pointwise, ReLU, Sigmoid, SoftSign, Tanh)
"""Modules whose layer looks at no axis, or at the last."""


class _Steps(Module):
    """A tensor as the table of its steps."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return [x[:, t] for t in range(x.shape[1])]


class _Stack(Module):
    """A table of steps as one tensor."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return ops.stack(x, axis=1)


class NoState(Module):
    """Zeros ``(batch, size)`` for one step."""

    def __init__(self, size: int) -> None:
        self.size = size

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return no_state(ops.expand_dims(x, 1), self.size)


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
        y = self.run(steps_of(self, x, scope), scope)
        return y if is_table(x) else stacked(self, y, scope)

    def run(self, steps: list[Any], scope: Scope) -> list[Any]:
        """The states of a table of steps."""
        raise NotImplementedError(f"{type(self).__name__} has no run")


def _has_state(module: Any) -> bool:
    stateful = isinstance(module, (RecurrentModule, Loop))
    return stateful or any(_has_state(child) for child in getattr(module, "modules", ()))


def _is_whole(module: Any, x: Any) -> bool:
    """Whether the layer of `module` gives for a sequence what it gives for each step."""
    if isinstance(module, Linear):
        return x.shape[-1] == module.inputSize
    return isinstance(module, _WHOLE)


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
        y = module.run(steps_of(owner, x, scope), scope)
        return y if is_table(x) else stacked(owner, y, scope)
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
    outputs = [module.lower(step, scope) for step in steps_of(owner, x, scope)]
    return outputs if is_table(x) else stacked(owner, outputs, scope)
