"""What nngraph does with the modules of a finished graph: find, visit, replace, copy, share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .errors import GraphError
from .lowering import Graph
from .nn.arguments import integer
from .nn.module import Module
from .nn.tying import tie_modules
from .node import Node, as_module
from .origin import caller_origin
from .view import DirectedGraph

__all__ = ["Structure", "all_modules", "forward_graph"]


def all_modules(modules: list[Any]) -> Iterator[Any]:
    """Every module in `modules` and below, a container before its children, each once."""
    seen: set[int] = set()
    stack = list(reversed(modules))
    while stack:
        module = stack.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            stack.extend(reversed(module.children()))


def forward_graph(
    graph: Graph, name: str | None, shapes: dict[Node, str] | None = None
) -> DirectedGraph:
    """The graph as nodes and edges, to look at or to draw."""
    edges = [(parent, node) for node in graph.order for parent in node.parents]
    return DirectedGraph(graph.order, edges, graph.inputs, graph.outputs, name, shapes or {})


class Structure:
    """The part of `GModule` that works on nodes and modules."""

    name: str
    _graph: Graph

    def rebuild(self) -> None:
        """Make the Keras layers anew after modules were replaced."""
        raise NotImplementedError

    @property
    def forwardnodes(self) -> list[Node]:
        """All nodes in the order in which they run, as nngraph orders them."""
        return list(self._graph.order)

    @property
    def backwardnodes(self) -> list[Node]:
        """All nodes in the order in which gradients pass them."""
        return self._graph.order[::-1]

    @property
    def inputnodes(self) -> list[Node]:
        """The nodes given as inputs, in order."""
        return list(self._graph.inputs)

    @property
    def outputnodes(self) -> list[Node]:
        """The nodes given as outputs, in order."""
        return list(self._graph.outputs)

    def node_shapes(self) -> dict[Node, str]:
        """The output shape of every node as text; empty while the shapes are not known."""
        return {}

    @property
    def fg(self) -> DirectedGraph:
        """The forward graph, to look at or to draw with `graph.dot`."""
        return forward_graph(self._graph, self.name, self.node_shapes())

    @property
    def bg(self) -> DirectedGraph:
        """The backward graph: the forward one with every edge turned round."""
        return self.fg.reverse()

    def node_modules(self) -> list[Any]:
        """The modules of the nodes, in the order in which they first run."""
        return list({id(n.module): n.module for n in self._graph.order if n.module}.values())

    @property
    def modules(self) -> list[Any]:
        """The modules of the nodes, in the order in which they first run, as Torch calls them."""
        return self.node_modules()

    def get(self, index: int) -> Any:
        """Module number `index`, counted from 1 in running order; negative from the end.

        After a `forward` its `output` is there to look at.

        Raises:
            GraphError: There is no such module.
        """
        modules = self.node_modules()
        position = integer(index, "gModule", "index", least=None)
        if position == 0 or abs(position) > len(modules):
            raise GraphError(
                f"{self.name} has no module {index}: they are counted from 1 to {len(modules)} "
                f"({caller_origin()})"
            )
        return modules[position - 1 if position > 0 else position]

    def listModules(self) -> list[Any]:
        """The model itself and every module below it, a container before its children."""
        return [self, *all_modules(self.node_modules())]

    def findModules(self, kind: str | type) -> tuple[list[Any], list[Any]]:
        """All modules of one class, at any depth.

        Args:
            kind: A class such as `nn.Linear` or `keras.layers.Dense`, or a Torch name such as
                ``"nn.Linear"``.

        Returns:
            The modules, and for each the container (or this model) that holds it.
        """
        found: list[tuple[Any, Any]] = []
        holders = [self, *all_modules(self.node_modules())]
        for holder in holders:
            held = self.node_modules() if holder is self else holder.children()
            found += [(module, holder) for module in held if module.is_a(kind)]
        return [module for module, _ in found], [holder for _, holder in found]

    def apply(self, callback: Callable[[Any], Any]) -> Any:
        """Call `callback` on the model and on every module below it; returns the model."""
        for module in self.listModules():
            callback(module)
        return self

    def map(self, other: Structure, callback: Callable[[Any, Any], Any]) -> None:
        """Call `callback(mine, its)` on the modules of two models of one structure, in order.

        Raises:
            GraphError: The models differ in structure; the first difference is named.
        """
        for mine, its in _pairs(self, other):
            callback(mine, its)

    def share(self, other: Structure, *names: str) -> Any:
        """Let this model's parameters be those of `other`, which must be of the same structure.

        Args:
            other: The model whose parameters both use afterwards.
            *names: Torch names of the parameters to share, e.g. ``"weight", "bias"``.

        Returns:
            The model itself.

        Raises:
            GraphError: The models differ in structure, or a shape does.
        """
        for mine, its in _pairs(self, other):
            tie_modules(mine, its, names)
        return self

    def replace(self, callback: Callable[[Any], Any]) -> Any:
        """Put ``callback(module)`` in the place of every module, at any depth.

        Modules that the callback returns as they are keep their parameters. A compiled model is
        compiled again, with a new optimizer of the same settings.

        Args:
            callback: Takes a module, gives a module or a Keras layer.

        Returns:
            The model itself, changed.

        Raises:
            GraphError: A new module cannot take what it is fed; then nothing is changed.

        Reference: torch/nngraph gmodule.lua, `gModule:replace`.
        """
        replaced: dict[int, Any] = {}
        changed: set[int] = set()
        undo: list[Callable[[], None]] = []

        def new(module: Any) -> Any:
            if id(module) not in replaced:
                result = replaced[id(module)] = as_module(callback(module))
                before = result.children()
                after = [new(child) for child in before]
                # A nested model must be made anew also where only a grandchild changed.
                if changed.intersection(map(id, before)):
                    result.replace_children(after)
                    undo.append(lambda: result.replace_children(before))
                    changed.add(id(module))
                if result is not module:
                    changed.add(id(module))
            return replaced[id(module)]

        for node in self._graph.order:
            if node.module is not None:
                module, node.module = node.module, new(node.module)
                undo.append(lambda n=node, m=module: setattr(n, "module", m))
        try:
            self.rebuild()
        except Exception:
            for step in reversed(undo):
                step()
            raise
        return self


def _pairs(one: Structure, other: Structure) -> Iterator[tuple[Module, Module]]:
    ours, its = list(all_modules(one.node_modules())), list(all_modules(other.node_modules()))
    for i, (a, b) in enumerate(zip(ours, its, strict=False), 1):
        if a.torch_name != b.torch_name:
            raise GraphError(
                f"{one.name} and {other.name} differ: module {i} is {a!r} here and {b!r} there"
            )
    if len(ours) != len(its):
        raise GraphError(
            f"{one.name} has {len(ours)} modules and {other.name} {len(its)}: they must be alike"
        )
    yield from zip(ours, its, strict=True)
