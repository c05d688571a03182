"""The forward and the backward graph of a model, as torch/graph shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .node import Node

__all__ = ["DirectedGraph"]


@dataclass
class DirectedGraph:
    """Nodes and the edges between them.

    Attributes:
        nodes: All nodes, each after the ones that its edges come from.
        edges: Pairs ``(from, to)``.
        inputnodes: Inputs of the model.
        outputnodes: Outputs of the model.
        name: Name of the model.
        shapes: Shape of each node's output, as text, where it is known.

    Reference: torch/graph Graph.lua; nngraph's hidden first and last node do not exist here.
    """

    nodes: list[Node]
    edges: list[tuple[Node, Node]]
    inputnodes: Sequence[Node]
    outputnodes: Sequence[Node]
    name: str | None = None
    shapes: dict[Node, str] = field(default_factory=dict)

    def roots(self) -> list[Node]:
        """The nodes that no edge leads to."""
        reached = {end for _, end in self.edges}
        return [node for node in self.nodes if node not in reached]

    def leaves(self) -> list[Node]:
        """The nodes that no edge leaves."""
        left = {start for start, _ in self.edges}
        return [node for node in self.nodes if node not in left]

    def topsort(self) -> list[Node]:
        """The nodes in topological order."""
        return list(self.nodes)

    def reverse(self) -> DirectedGraph:
        """The same nodes with every edge turned round."""
        edges = [(end, start) for start, end in self.edges]
        return DirectedGraph(
            self.nodes[::-1], edges, self.inputnodes, self.outputnodes, self.name, self.shapes
        )
