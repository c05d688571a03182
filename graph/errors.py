"""The one exception of the graph layer, and how its text is put together."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["GraphError", "ShapeMismatch"]


class GraphError(ValueError):
    """A mistake in a graph, told with the node, the line that declared it, and the fix.

    Attributes:
        problems: Every problem found, one text each. A check that can go on after the first
            mistake reports them all.
        node: The node that failed, where one did.
    """

    # Keras leaves an exception that has this attribute as it is; any other that comes out of a
    # layer's call it replaces by one whose text also lists the call's arguments.
    _keras_call_info_injected = True

    def __init__(self, problems: str | Sequence[str], node: object = None) -> None:
        self.node = node
        self.problems: list[str] = [problems] if isinstance(problems, str) else list(problems)
        if len(self.problems) == 1:
            text = self.problems[0]
        else:
            lines = "\n".join(f"{i}. {p}" for i, p in enumerate(self.problems, 1))
            text = f"{len(self.problems)} problems in this graph:\n{lines}"
        super().__init__(text)


class ShapeMismatch(ValueError):
    """Raised by a module that cannot take what it is fed; lowering adds the node and its origin.

    Attributes:
        problem: What the module needs, as the end of a sentence that starts with its name.
        expected: The shape or structure that would be right, if one can be named.
        fix: What to change, if that is known.
        within: Which child of a container it happened in, if it was one.
    """

    def __init__(self, problem: str, expected: object = None, fix: str | None = None) -> None:
        super().__init__(problem)
        self.within: str | None = None
        self.problem = problem
        self.expected = expected
        self.fix = fix

    def inside(self, where: str) -> ShapeMismatch:
        """The same mismatch, known to be of a child of a container (the innermost one counts)."""
        self.within = self.within or where
        return self
