"""`nn.Sequencer` and what stands in it: a step module run over time."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeMismatch
from ..table import is_table, map_table
from .arguments import integer
from .arithmetic import CAddTable
from .container import Container
from .decorator import Decorator
from .over_time import Loop, NoState, Step, helper, over_time, stacked, steps_of
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
        GraphError: `module` is no module; at lowering, the number of steps is not known.

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
        steps = steps_of(self, x, scope)
        ahead, back, merge = self.modules
        a = over_time(self, ahead, steps, scope.child(1, ahead))
        b = over_time(self, back, steps[::-1], scope.child(2, back))[::-1]
        place = scope.child(3, merge)
        y = [merge.lower(list(pair), place) for pair in zip(a, b, strict=True)]
        return y if is_table(x) else stacked(self, y, scope)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> BiSequencer:
        refuse_options(fields)
        ahead = fields.module("forwardModule")
        back = fields.module("backwardModule")
        return cls(ahead, back, fields.module("mergeModule"))


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
        h, states = None, []
        for step in steps:
            seen = self.lower_child(1, step, scope)
            if h is None:
                total = self.lower_child(0, seen, scope)
            else:
                total = self.lower_child(4, [seen, self.lower_child(2, h, scope)], scope)
            h = self.lower_child(3, total, scope)
            states.append(h)
        return states

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
        sizes = self.outputSize if isinstance(self.outputSize, list) else [self.outputSize]
        if graph_of(self.modules[0]) is not None and not is_table(steps[0]):
            x = stacked(self, steps, scope)
            child = scope.child(1, self.modules[0])
            zeros = [helper(self, NoState, n).lower(steps[0], scope) for n in sizes]
            return recur(self, self.modules[0], x, zeros, child)
        if isinstance(self.outputSize, list):
            raise ShapeMismatch(
                "has several states",
                expected="a gModule from [x, state, ...] to [state, ...]",
                fix="make the step with gModule([x, a, b], [next_a, next_b])",
            )
        zeros = helper(self, NoState, self.outputSize)
        h, states = map_table(lambda x: zeros.lower(x, scope), steps[0]), []
        for step in steps:
            h = self.lower_child(0, [step, h], scope)
            states.append(h)
        return states

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Recurrence:
        refuse_options(fields)
        size = fields["outputSize"]
        return cls(fields.children()[0], int(size[0] if isinstance(size, list) else size))
