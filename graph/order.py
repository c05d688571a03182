"""Topological order of a graph of nodes, without recursion."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import GraphError
from .node import Node

__all__ = ["forward_order"]


def forward_order(outputs: Iterable[Node]) -> list[Node]:
    """Every node that an output depends on, parents first.

    The order is nngraph's: depth first from the outputs, the inputs of a node in the order in
    which they were given (`Graph:topsort` of torch/graph). So modules, and with them
    `parameters()`, come in the same order as in Torch7.

    Raises:
        GraphError: The nodes form a cycle; the message lists the nodes along it.
    """
    done: set[Node] = set()
    active: dict[Node, None] = {}
    order: list[Node] = []
    for output in outputs:
        if output in done:
            continue
        active[output] = None
        stack = [(output, iter(output.parents))]
        while stack:
            node, parents = stack[-1]
            for parent in parents:
                if parent in active:
                    raise GraphError(_describe_cycle(list(active), parent))
                if parent not in done:
                    active[parent] = None
                    stack.append((parent, iter(parent.parents)))
                    break
            else:
                stack.pop()
                del active[node]
                done.add(node)
                order.append(node)
    return order


def _describe_cycle(path: list[Node], closing: Node) -> str:
    loop = path[path.index(closing) :]
    if len(loop) > 8:
        shown = [n.describe() for n in loop[:4]] + ["..."] + [n.describe() for n in loop[-4:]]
    else:
        shown = [n.describe() for n in loop]
    chain = "\n  ".join(f"needs {text}" if i else text for i, text in enumerate(shown))
    return (
        f"a cycle of {len(loop)} nodes: each needs the output of the next\n  {chain}\n"
        f"  needs {closing.describe()} again\n"
        f"  fix: a graph must run in one direction; cut one of these connections"
    )
