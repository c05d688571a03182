"""What `graph.optimize` did, to print, to look at and to ask."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from ..arithmetic import call_multiply_adds
from ..calls import Call, calls_of, recorded_graph
from ..draw import graphviz, write_drawing
from ..layer_table import LayerTable, layer_table
from ..node import Node
from ..view import DirectedGraph
from .change import Change

__all__ = ["Optimizations"]

_GONE = "#f6d5d5"
_NEW = "#d9ead3"


@dataclass(frozen=True, eq=False, repr=False)
class Optimizations:
    """What `graph.optimize` did; prints as a list.

    Attributes:
        changes: One for each rewrite, in the order in which they were made.
        for_: What the model was optimised for.
        source: The model that was optimised.
        result: What became of it.
    """

    changes: tuple[Change, ...]
    for_: str
    source: keras.Model
    result: keras.Model

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    @property
    def before(self) -> LayerTable:
        """The layers of the source with their multiply-adds."""
        return layer_table(self.source)

    @property
    def after(self) -> LayerTable:
        """The layers of the result with their multiply-adds."""
        return layer_table(self.result)

    @property
    def rules(self) -> Mapping[str, int]:
        """How often each rule was applied."""
        return {c.rule: sum(o.rule == c.rule for o in self.changes) for c in self.changes}

    def __str__(self) -> str:
        name = self.source.name
        if not self.changes:
            return f"{name} for {self.for_}: nothing to do"
        head = f"{name} for {self.for_}: {len(self.changes)} rewrites, {self._sizes()}"
        return "\n".join([head, *(f"  {change}" for change in self.changes)])

    def _sizes(self) -> str:
        counts = [sum(1 for c in _calls(m)) for m in (self.source, self.result)]
        return f"{counts[0]} calls of layers became {counts[1]}"

    def __repr__(self) -> str:
        return str(self)

    def dot(self) -> tuple[str, str]:
        """The graphs before and after as Graphviz text.

        Before, what was rewritten is red; after, what came of it is green.
        """
        gone = {name for change in self.changes for name in change.layers}
        made = {name for change in self.changes for name in change.made}
        before = graphviz(_view(self.source, gone, _GONE), f"{self.source.name}: before")
        after = graphviz(_view(self.result, made, _NEW), f"{self.source.name}: after")
        return before, after

    def draw(self, path: str | os.PathLike[str]) -> tuple[Path, Path]:
        """Draw both graphs to ``<path>_before.svg`` and ``<path>_after.svg``.

        Where Graphviz's `dot` is missing its text goes to ``.dot`` files instead.

        Args:
            path: Where to; a suffix ``.svg``, ``.png``, ``.pdf`` or ``.dot`` chooses the form.

        Returns:
            The paths that were written.

        Raises:
            GraphError: The suffix is another.
            OSError: The path cannot be written.
        """
        whole = Path(path)
        known = whole.suffix.lower() in (".svg", ".png", ".pdf", ".dot")
        stem, suffix = (whole.stem, whole.suffix) if known else (whole.name, ".svg")
        texts = zip(("before", "after"), self.dot(), strict=True)
        written = [write_drawing(t, whole.with_name(f"{stem}_{when}{suffix}")) for when, t in texts]
        return written[0], written[1]

    def explained(self, path: str | os.PathLike[str]) -> str:
        """The list, the multiply-adds before and after, and where the pictures were drawn."""
        drawn = self.draw(path)
        return "\n".join(
            [
                str(self),
                "",
                f"{'':<10}{'layers':>10}{'parameters':>14}{'multiply-adds':>16}",
                self._line("before", self.before),
                self._line("after", self.after),
                "",
                "before:",
                str(self.before),
                "",
                "after:",
                str(self.after),
                "",
                f"drawn in {drawn[0]} and {drawn[1]}",
            ]
        )

    @staticmethod
    def _line(when: str, table: LayerTable) -> str:
        adds = "?" if table.multiply_adds is None else f"{table.multiply_adds:,}"
        return f"{when:<10}{len(table):>10,}{table.parameters:>14,}{adds:>16}"


def _calls(model: keras.Model) -> Iterator[Call]:
    """All calls of layers and operations, inside nested models as well."""
    for call in calls_of(recorded_graph(model)):
        inner = recorded_graph(call.operation)
        if inner is not None:
            yield from _calls(call.operation)
        elif call.inputs:
            yield call


class _Shown:
    """Stands in a drawing where a module stands in a gModule's."""

    def __init__(self, call: Call) -> None:
        self.call = call

    @property
    def torch_name(self) -> str:
        """The class of the layer, or of the module that it runs."""
        module = getattr(self.call.operation, "module", None)
        return getattr(module, "torch_name", type(self.call.operation).__name__)

    def __repr__(self) -> str:
        config = getattr(self.call.operation, "activation", None)
        name = getattr(config, "__name__", "linear") if config is not None else "linear"
        return self.torch_name if name == "linear" else f"{self.torch_name}, {name}"


def _view(model: keras.Model, marked: set[str], colour: str) -> DirectedGraph:
    """The calls of a model as nodes of a drawing, those `marked` in a colour."""
    graph: Any = recorded_graph(model)
    nodes: dict[int, Node] = {}
    ordered: list[Node] = []
    shapes: dict[Node, str] = {}
    for call in calls_of(graph):
        read = [nodes[id(tensor)] for tensor in call.inputs]
        shown: Any = _Shown(call)
        node = Node(shown, read or None)
        node.annotations["name"] = call.name
        if call.operation.name in marked and call.inputs:
            node.annotations["graphAttributes"] = {"fillcolor": colour}
        shapes[node] = ", ".join(_sizes(t.shape) for t in call.outputs) + _adds(call)
        ordered.append(node)
        nodes.update((id(tensor), node) for tensor in call.outputs)
    edges = [(parent, node) for node in ordered for parent in node.parents]
    ends = [[nodes[id(t)] for t in tensors] for tensors in (graph.inputs, graph.outputs)]
    return DirectedGraph(ordered, edges, ends[0], ends[1], model.name, shapes)


def _sizes(shape: Any) -> str:
    return " x ".join("?" if size is None else str(size) for size in shape[1:]) or "scalar"


def _adds(call: Call) -> str:
    count = call_multiply_adds(call) if call.inputs and call.is_layer else None
    return f"; {count:,} multiply-adds" if count else ""
