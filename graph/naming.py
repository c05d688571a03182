"""Names for nodes, taken from the variables that hold them."""

from __future__ import annotations

import sys

from .node import Node
from .table import is_table

__all__ = ["annotateNodes"]


def annotateNodes() -> None:
    """Name every node held by a local variable of the caller after that variable.

    A node that has a name keeps it, and a name that is taken is not given twice. The nodes of a
    list or tuple are named ``gates_1``, ``gates_2``, ... Variables that start with an underscore
    are passed over. At the top level of a script the variables are its global ones.

    >>> from graph import annotateNodes, nn
    >>> hidden = nn.Linear(4, 3)()
    >>> annotateNodes()
    >>> hidden.name
    'hidden'

    Reference: torch/nngraph init.lua, `nngraph.annotateNodes`.
    """
    candidates: list[tuple[str, Node]] = []
    for variable, value in sys._getframe(1).f_locals.items():
        if variable.startswith("_"):
            continue
        if isinstance(value, Node):
            candidates.append((variable, value))
        elif is_table(value):
            nodes = enumerate(value, 1)
            candidates += [(f"{variable}_{i}", n) for i, n in nodes if isinstance(n, Node)]
    taken = {node.name for _, node in candidates if node.name}
    for name, node in candidates:
        if node.name is None and name not in taken:
            node.annotate(name=name)
            taken.add(name)
