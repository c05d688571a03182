"""Debugging: a picture of the graph in which the failing node is red."""

from __future__ import annotations

from pathlib import Path

from .draw import graphviz, write_drawing
from .node import Node
from .view import DirectedGraph

__all__ = ["draw_failure", "is_debugging", "setDebug"]

_enabled = False
_RED = {"fillcolor": "#fbd5d5", "color": "red", "penwidth": "2"}


def setDebug(enabled: bool) -> None:
    """Whether a failing build or `forward` of a gModule draws its graph.

    The picture goes to ``<name of the model>.svg`` in the current folder (``.dot`` where Graphviz
    is missing) with the failing node in red, and the error says where it is.

    Reference: torch/nngraph init.lua, `nngraph.setDebug`.
    """
    global _enabled
    _enabled = bool(enabled)


def is_debugging() -> bool:
    """Whether `setDebug` turned debugging on."""
    return _enabled


def draw_failure(graph: DirectedGraph, failing: Node) -> Path:
    """Draw `graph` with `failing` in red; returns the path of the picture."""
    own = failing.annotations.get("graphAttributes")
    failing.annotations["graphAttributes"] = {**(own or {}), **_RED}
    try:
        text = graphviz(graph, f"{graph.name}: failed at {failing.describe()}")
    finally:
        del failing.annotations["graphAttributes"]
        if own is not None:
            failing.annotations["graphAttributes"] = own
    return write_drawing(text, Path(f"{graph.name or 'graph'}.svg"))
