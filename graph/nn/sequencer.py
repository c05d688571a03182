"""`nn.Sequencer` and what stands in it: a step module run over time."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from ..table import is_table, map_table
from .arguments import integer
from .arithmetic import CAddTable
from .container import Container
from .decorator import Decorator
from .module import Module
from .over_time import Loop, NoState, Step, helper, over_time, repeated, stacked, stepwise
from .recurrent_base import refuse_options
from .scope import Scope
from .step_graph import graph_of, recur
from .table import JoinTable
from .torch_fields import TorchFields

__all__ = ["BiSequencer", "Recurrence", "Recurrent", "Recursor", "Sequencer"]


class Recursor(Step):
    """Its child, as a step of `nn.Sequencer`; by itself it is the child.

    Args:
        module: The step.

    Reference: Element-Research/rnn Recursor.lua.
    """

    keras_name = "its child"


class Sequencer(Step):
    """Its child at every step of a sequence: ``y_t = module(x_t)``, state from zero.

    Args:
        module: The step: any module, `nn.FastLSTM` and its like, or a Sequential of both.

    Shapes:
        ``(batch, time, ...)`` -> ``(batch, time, ...)``, or a table of steps -> a table of steps.

    Raises:
        GraphError: `module` is no module; at `to_keras`, the number of steps is not known where
            they are to be written out.

    Reference: Element-Research/rnn Sequencer.lua.
    """

    keras_name = "its child, over time"

    def input_size(self) -> None:
        return None

    def lower(self, x: Any, scope: Scope) -> Any:
        child = scope.child(1, self.modules[0])
        try:
            return over_time(self, self.modules[0], x, child)
        except ShapeMismatch as error:
            raise error.inside(child.where) from None

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        refuse_options(fields)
        return super().from_torch(fields)


class BiSequencer(Container):
    """One step module forward in time, one backward, their results merged at each step.

    Args:
        *modules: The step in the order of time, the step against it, and what joins the results
            of the two (default: `nn.JoinTable(1)`).

    Shapes:
        As `nn.Sequencer`.

    Reference: Element-Research/rnn BiSequencer.lua.
    """

    keras_name = "its children, over time"

    def __init__(self, *modules: Any) -> None:
        super().__init__(*(modules if len(modules) != 2 else (*modules, JoinTable(1))))

    def lower(self, x: Any, scope: Scope) -> Any:
        ahead, back, merge = self.modules
        place = scope.child(3, merge)
        a = over_time(self, ahead, x, scope.child(1, ahead))
        b = self._reversed(
            over_time(self, back, self._reversed(x, scope), scope.child(2, back)), scope
        )
        if is_table(x):
            return [merge.lower(list(pair), place) for pair in zip(a, b, strict=True)]
        return stepwise(self, merge, [a, b], place)

    def _reversed(self, x: Any, scope: Scope) -> Any:
        return x[::-1] if is_table(x) else helper(self, _Backwards).lower(x, scope)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> BiSequencer:
        refuse_options(fields)
        ahead = fields.module("forwardModule")
        back = fields.module("backwardModule")
        return cls(ahead, back, fields.module("mergeModule"))


class _Backwards(Module):
    """A sequence from its end to its start."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return ops.flip(x, axis=1)


class _First(Module):
    """The first step of a sequence."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return x[:, 0]


class _Rest(Module):
    """All other steps."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        return x[:, 1:]


class _Before(Module):
    """A step before a sequence."""

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        first, rest = x
        return ops.concatenate([ops.expand_dims(first, 1), rest], axis=1)


class Recurrent(Loop):
    """``h_1 = transfer(start(input(x_1))); h_t = transfer(merge([input(x_t), feedback(h)]))``.

    Args:
        *modules: `start`, which the first step has in the place of the feedback (`nn.Add(5)`, say);
            `input`, from a step to the state; `feedback`, from the last state to this one;
            `transfer`, the nonlinearity; `merge` (default: `nn.CAddTable()`).

    Shapes:
        As `nn.Sequencer`.

    Reference: Element-Research/rnn Recurrent.lua.
    """

    keras_name = "its children, over time"

    def __init__(self, *modules: Any) -> None:
        super().__init__(*(modules if len(modules) != 4 else (*modules, CAddTable())))

    def run(self, steps: list[Any], scope: Scope) -> list[Any]:
        """The states of a table of steps."""
        seen = [self.lower_child(1, step, scope) for step in steps]
        states = [self._first(seen[0], scope)]
        for part in seen[1:]:
            states.append(self._next(part, states[-1], scope))
        return states

    def run_sequence(self, x: Any, scope: Scope) -> Any:
        """The states ``(batch, time, ...)`` of a sequence."""
        seen = over_time(self, self.modules[1], x, scope.child(2, self.modules[1]))
        first = self._first(helper(self, _First).lower(seen, scope), scope)
        if seen.shape[1] == 1:
            return stacked(self, [first], scope)

        def once(parts: list[Any], states: list[Any], place: Scope) -> tuple[list[Any], list[Any]]:
            return [], [self._next(parts[0], states[0], place)]

        rest = helper(self, _Rest).lower(seen, scope)
        later = repeated(self, once, [rest], [first], scope)[0]
        return helper(self, _Before).lower([first, later], scope)

    def _first(self, seen: Any, scope: Scope) -> Any:
        return self.lower_child(3, self.lower_child(0, seen, scope), scope)

    def _next(self, seen: Any, h: Any, scope: Scope) -> Any:
        total = self.lower_child(4, [seen, self.lower_child(2, h, scope)], scope)
        return self.lower_child(3, total, scope)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Recurrent:
        refuse_options(fields)
        names = ("start", "input", "feedback", "transfer", "merge")
        return cls(*(fields.module(name + "Module") for name in names))


class Recurrence(Loop, Decorator):
    """``h_t = module([x_t, h_{t-1}])``, h from zero.

    A gModule may have several states: of ``[x, a, b, ...]`` it makes ``[a, b, ...]``, or
    ``[y, a, b, ...]`` where the result of a step is not its state. What it computes without a
    state is computed for all steps before the loop, a Linear in one product.

    Args:
        module: Takes the table of a step and the last state; or such a gModule.
        outputSize: Features of the state, or a list of the features of each.

    Shapes:
        As `nn.Sequencer`; several states that are the result are a table of sequences.

    Raises:
        GraphError: A size is not a positive integer; at lowering, several states are those of no
            gModule, or of one with another number of inputs or outputs.

    Reference: Element-Research/rnn Recurrence.lua.
    """

    keras_name = "its child, over time"

    def __init__(self, module: Any, outputSize: int | list[int]) -> None:
        super().__init__(module)
        sizes: Any = outputSize if is_table(outputSize) else [outputSize]
        checked = [integer(size, "Recurrence", "outputSize") for size in sizes]
        self.outputSize = checked if is_table(outputSize) else checked[0]

    def get_config(self) -> dict[str, Any]:
        return {"outputSize": self.outputSize}

    def input_size(self) -> None:
        return None

    def run(self, steps: list[Any], scope: Scope) -> list[Any]:
        """The states of a table of steps."""
        size = self._one_size()
        zeros = helper(self, NoState, size, True)
        h, states = map_table(lambda x: zeros.lower(x, scope), steps[0]), []
        for step in steps:
            h = self.lower_child(0, [step, h], scope)
            states.append(h)
        return states

    def run_sequence(self, x: Any, scope: Scope) -> Any:
        """The states ``(batch, time, ...)`` of a sequence, or the outputs of its steps."""
        sizes = self.outputSize if isinstance(self.outputSize, list) else [self.outputSize]
        zeros = [helper(self, NoState, n).lower(x, scope) for n in sizes]
        if graph_of(self.modules[0]) is not None:
            return recur(self, self.modules[0], x, zeros, scope.child(1, self.modules[0]))
        self._one_size()

        def once(parts: list[Any], states: list[Any], place: Scope) -> tuple[list[Any], list[Any]]:
            return [], [self.lower_child(0, [*parts, *states], place)]

        return repeated(self, once, [x], zeros, scope)[0]

    def _one_size(self) -> int:
        if isinstance(self.outputSize, list):
            raise ShapeMismatch(
                "has several states",
                expected="a gModule from [x, state, ...] to [state, ...], over a tensor",
                fix="make the step with gModule([x, a, b], [next_a, next_b]), feed one tensor: a "
                "table is read as a table of steps (nn.JoinTable makes one of several sequences)",
            )
        return self.outputSize

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Recurrence:
        refuse_options(fields)
        size = fields["outputSize"]
        return cls(fields.children()[0], int(size[0] if isinstance(size, list) else size))
