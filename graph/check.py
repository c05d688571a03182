"""The rules of a graph, one function each. A rule yields problems; nothing here knows Keras."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from .errors import GraphError
from .node import Node, expecting_node
from .order import forward_order
from .table import flatten, is_table

__all__ = ["checked_order"]


def checked_order(inputs: object, outputs: object) -> list[Node]:
    """The nodes between `inputs` and `outputs` in forward order, after every rule was checked.

    Raises:
        GraphError: With all the problems found, not only the first.
    """
    problems = [*_are_nodes(inputs, "inputs"), *_are_nodes(outputs, "outputs")]
    if problems:
        raise GraphError(problems)
    ins, outs = flatten(inputs), flatten(outputs)
    order = forward_order(outs)
    needed = set(order)
    for rule in (_inputs_are_distinct, _inputs_are_sources, _inputs_are_used):
        problems += rule(ins, needed)
    problems += _sources_are_inputs(ins, order)
    problems += _splits_are_used(order, needed)
    problems += _names_are_unique(order)
    problems += _nothing_dangles(order, needed)
    if problems:
        raise GraphError(problems)
    return order


def _are_nodes(nodes: object, what: str) -> Iterator[str]:
    if not is_table(nodes):
        nodes = [nodes]
    leaves = flatten(nodes)
    if not leaves:
        yield f"{what} is empty\n  fix: a graph needs at least one node in {what}"
    for i, leaf in enumerate(leaves, 1):
        try:
            expecting_node(leaf, f"{what}[{i}]")
        except GraphError as error:
            yield from error.problems


def _inputs_are_distinct(inputs: Sequence[Node], needed: set[Node]) -> Iterator[str]:
    for node, times in Counter(inputs).items():
        if times > 1:
            yield f"inputs names {node.describe()} {times} times\n  fix: name it once"


def _inputs_are_sources(inputs: Sequence[Node], needed: set[Node]) -> Iterator[str]:
    for i, node in enumerate(inputs, 1):
        if node.parents:
            yield (
                f"inputs[{i}] is {node.describe()}, which already reads "
                f"{node.parents[0].describe()}\n  fix: an input is a node that reads nothing"
            )


def _inputs_are_used(inputs: Sequence[Node], needed: set[Node]) -> Iterator[str]:
    for i, node in enumerate(inputs, 1):
        if node not in needed:
            yield (
                f"inputs[{i}], {node.describe()}, is unused: no output depends on it\n"
                f"  fix: connect it, or leave it out of inputs"
            )


def _sources_are_inputs(inputs: Sequence[Node], order: Sequence[Node]) -> Iterator[str]:
    given = set(inputs)
    for node in order:
        if not node.parents and node not in given and not getattr(node.module, "is_source", False):
            yield (
                f"{node.describe()} reads nothing and is not among the inputs\n"
                f"  fix: add it to inputs, or give it something to read"
            )


def _splits_are_used(order: Sequence[Node], needed: set[Node]) -> Iterator[str]:
    for node in order:
        unused = [s.selectindex for s in node.splits if s not in needed]
        if unused:
            which = ", ".join(map(str, unused))
            yield (
                f"{len(unused)} of the split({node.nSplitOutputs}) outputs of {node.describe()} "
                f"are unused: {which}\n  fix: use them, make them outputs, or pick the ones that "
                f"you need with nn.SelectTable"
            )


def _names_are_unique(order: Sequence[Node]) -> Iterator[str]:
    holders: dict[str, list[Node]] = {}
    for node in order:
        if node.name:
            holders.setdefault(node.name, []).append(node)
    for name, nodes in holders.items():
        # One module at several nodes is one layer, so these may share its name.
        if len({id(n.module) for n in nodes}) > 1 or nodes[0].module is None and len(nodes) > 1:
            where = "; ".join(n.describe() for n in nodes)
            yield (
                f"the name '{name}' is used {len(nodes)} times: {where}\n  fix: rename all but one"
            )


def _nothing_dangles(order: Sequence[Node], needed: set[Node]) -> Iterator[str]:
    dangling: dict[Node, None] = {}  # In the order in which they were found.
    stack = [c for node in reversed(order) for c in node.children if c not in needed]
    while stack:
        node = stack.pop()
        # What an earlier gModule took is no mistake: features are often read from a part of a net.
        if node in dangling or node in needed or node.claimed:
            continue
        dangling[node] = None
        stack.extend(node.children)
    for node in dangling:
        is_unused_split = node.selectindex is not None and node.parents[0] in needed
        if not node.children and not is_unused_split:
            yield (
                f"{node.describe()} reaches no output and would be dropped\n"
                f"  fix: make it an output, or do not build it"
            )
    try:
        forward_order(dangling)
    except GraphError as cycle:  # A branch that ends in a cycle has no last node to name.
        yield from cycle.problems
