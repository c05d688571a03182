"""Nodes: one place in a graph where a module is applied. Knows nothing of Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, TypeAlias, runtime_checkable

from .errors import GraphError
from .origin import Origin, caller_origin
from .table import flatten, is_table, map_table

__all__ = ["Applicable", "Node", "NodeTable", "expecting_node", "nest", "register_adapter"]


@runtime_checkable
class Applicable(Protocol):
    """What a node needs of a module: a Torch name for messages, and whether inputs are optional."""

    torch_name: ClassVar[str]


NodeTable: TypeAlias = "Node | Sequence[NodeTable]"

_adapters: list[Callable[[Any], Applicable | None]] = []


def register_adapter(adapter: Callable[[Any], Applicable | None]) -> None:
    """Let `adapter` turn foreign objects (Keras layers) into modules wherever a module may stand.

    It returns None for what it does not know.
    """
    _adapters.append(adapter)


def as_module(x: Any) -> Any:
    """`x` itself if it is a module, or what an adapter makes of it.

    Raises:
        GraphError: `x` is neither a module nor anything that an adapter knows.
    """
    module = _module_of(x)
    if module is not None:
        return module
    fix = "chain a module such as nn.Tanh(), or a keras.layers.Layer"
    if isinstance(x, type):
        fix = f"make a module of the class first: {x.__name__}(...)"
    raise GraphError(f"{_what(x)} stands where a module belongs ({caller_origin()})\n  fix: {fix}")


def _module_of(x: Any) -> Applicable | None:
    if isinstance(x, type):  # A class has its instances' attributes, but is none of them.
        return None
    if isinstance(x, Applicable):
        return x
    return next((m for m in (adapter(x) for adapter in _adapters) if m is not None), None)


class Node:
    """One use of a module in a graph.

    Attributes:
        module: What is computed here. None for a node made by `split` or by a nested list.
        inputs: The nodes that it reads, nested as they were given.
        selectindex: Which element of its parent's table this node is, from 1; None if it is not
            the product of `split`.
        nSplitOutputs: Into how many nodes `split` divided this one; None if it was not split.
        annotations: `name`, `description`, `graphAttributes` and whatever else was annotated.
        origin: File and line of the user's code that made the node.
    """

    __slots__ = (
        "__weakref__",
        "_parents",
        "_splits",
        "annotations",
        "children",
        "claimed",
        "inputs",
        "module",
        "nSplitOutputs",
        "origin",
        "selectindex",
    )

    def __init__(
        self,
        module: Applicable | None,
        inputs: Any = None,
        *,
        selectindex: int | None = None,
        origin: Origin | None = None,
    ) -> None:
        self.module = module
        self.inputs: Any = inputs
        self._parents: list[Node] = [] if inputs is None else flatten(inputs)
        self.selectindex = selectindex
        self.nSplitOutputs: int | None = None
        self.annotations: dict[str, Any] = {}
        self.origin = origin or caller_origin()
        self.children: list[Node] = []
        self.claimed = False
        self._splits: list[Node] = []
        for parent in self._parents:
            parent.children.append(self)

    @property
    def parents(self) -> list[Node]:
        """The nodes that this one reads, in order, nesting removed."""
        return self._parents

    @property
    def name(self) -> str | None:
        """The annotated name, if any."""
        return self.annotations.get("name")

    def describe(self) -> str:
        """How messages speak of this node: ``'join' (CAddTable), declared net.py:18``."""
        if self.selectindex is not None:
            parent = self._parents[0].describe() if self._parents else "nothing"
            return f"output {self.selectindex} of the split of {parent}"
        kind = self.module.torch_name if self.module is not None else "table"
        label = f"'{self.name}' ({kind})" if self.name else kind
        return f"{label}, declared {self.origin}"

    def __repr__(self) -> str:
        return f"<Node {self.describe()}>"

    def annotate(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        graphAttributes: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Node:
        """Attach a name, a description and drawing attributes; returns the node itself.

        Args:
            name: What messages, drawings and the Keras layer call this node. Unique in a graph.
            description: Free text for the drawing.
            graphAttributes: Graphviz attributes of the drawn node, e.g. ``{"color": "red"}``.
            **others: Anything else to carry along (Torch's annotations are an open table).

        Raises:
            GraphError: `name` is not a non-empty string without ``/``, or `graphAttributes` is
                not a mapping.
        """
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise GraphError(
                f"{name!r} cannot name {self.describe()}: a name is a non-empty str without '/'"
            )
        if graphAttributes is not None and not isinstance(graphAttributes, Mapping):
            raise GraphError(
                f"graphAttributes of {self.describe()} must be a dict such as "
                f"{{'color': 'red'}}, got {graphAttributes!r}"
            )
        if name is not None:
            self.annotations["name"] = name
        if description is not None:
            self.annotations["description"] = str(description)
        if graphAttributes is not None:
            self.annotations.setdefault("graphAttributes", {}).update(graphAttributes)
        self.annotations.update(others)
        return self

    def split(self, n: int) -> tuple[Node, ...]:
        """Divide a node whose output is a table of `n` elements into `n` nodes.

        Args:
            n: How many elements the table has; every one of them must be used.

        Returns:
            A tuple of `n` nodes, element 1 of the table first.

        Raises:
            GraphError: `n` is not a positive integer, or the node was split before.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 1:
            raise GraphError(
                f"split of {self.describe()} needs a positive number of outputs, got {n!r}"
            )
        if self.nSplitOutputs is not None:
            raise GraphError(
                f"{self.describe()} is split already, into {self.nSplitOutputs}\n"
                f"  fix: keep the nodes that the first split returned and use them again"
            )
        self.nSplitOutputs = n
        origin = caller_origin()
        self._splits = [Node(None, self, selectindex=i, origin=origin) for i in range(1, n + 1)]
        return tuple(self._splits)

    @property
    def splits(self) -> list[Node]:
        """The nodes that `split` made of this one."""
        return self._splits

    def restore_splits(self, splits: list[Node]) -> None:
        """Take back the nodes of an earlier `split`, when a graph is rebuilt from a file."""
        self.nSplitOutputs = len(splits)
        self._splits = splits

    def add(self, parent: Node) -> Node:
        """Make `parent` one more input of this node (nngraph's ``Node:add``).

        Raises:
            GraphError: `parent` is not a node.
        """
        expecting_node(parent, "add")
        if self.inputs is None:
            self.inputs = parent
        elif is_table(self.inputs):
            self.inputs = [*self.inputs, parent]
        else:
            self.inputs = [self.inputs, parent]
        self._parents.append(parent)
        parent.children.append(self)
        return self

    def __sub__(self, module: Any) -> Node:
        """``node - module``: apply `module` to this node's output."""
        return apply(as_module(module), self)


def apply(module: Applicable, inputs: Any = None) -> Node:
    """The node that applies `module` to `inputs` (a node, a nested list of nodes, or nothing).

    A list of one node passes that node's output itself and not a table of one, as nngraph does.

    Raises:
        GraphError: Something in `inputs` is not a node.
    """
    if inputs is None:
        return Node(module)
    if not is_table(inputs):
        expecting_node(inputs, "the input")
        return Node(module, inputs)
    if not flatten(inputs):
        raise GraphError(
            f"{module.torch_name} is given an empty list of inputs ({caller_origin()})\n"
            f"  fix: call it with no argument to start a graph, or with the nodes that it reads"
        )
    for i, item in enumerate(inputs, 1):
        for leaf in flatten(item):
            expecting_node(leaf, f"inputs[{i}]")
    copied = map_table(lambda node: node, inputs)
    return Node(module, copied[0] if len(copied) == 1 else copied)


def nest(nodes: Any) -> Node:
    """The node whose output is the (nested) table of the outputs of `nodes`.

    A call with a nested list makes one by itself: ``module([a, [b, c]])``.

    Args:
        nodes: A nested list of nodes.

    Raises:
        GraphError: Something in it is not a node, or it is empty.

    Reference: torch/nngraph nesting.lua, `nngraph.nest`.
    """
    leaves = flatten(nodes)
    if not leaves:
        raise GraphError(f"nest of an empty table ({caller_origin()})")
    for i, leaf in enumerate(leaves, 1):
        expecting_node(leaf, f"node {i} of nest")
    return Node(None, map_table(lambda n: n, nodes))


def expecting_node(x: Any, where: str) -> None:
    """Check that `x` is a node.

    Args:
        x: What was given.
        where: How the message names its place, e.g. ``inputs[2]``.

    Raises:
        GraphError: It is not a node; the message says what it is and how to mend it.
    """
    if isinstance(x, Node):
        return
    if x is None:
        fix = "is the variable that should hold the node spelled right, and did its line run?"
    elif _module_of(x) is not None:
        fix = "it is what to compute, not yet a place in the graph; did you forget a second ()?"
    elif isinstance(x, type):
        fix = f"make a module of the class, and a node of the module: {x.__name__}(...)()"
    else:
        fix = "make a node of it first: graph.Input(shape) or nn.Identity()()"
    raise GraphError(f"{where} is {_what(x)}, not a node ({caller_origin()})\n  fix: {fix}")


def _what(x: Any) -> str:
    if x is None:
        return "None"
    if isinstance(x, type):
        return f"the class {x.__name__}"
    if isinstance(x, Applicable):
        return f"an nn.{x.torch_name} module"
    text = repr(x)
    short = text if len(text) <= 60 else text[:57] + "..."
    return f"{type(x).__name__} {short}"
