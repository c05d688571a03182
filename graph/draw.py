"""Drawings of a graph: Graphviz text, and SVG where the `dot` program is there."""

from __future__ import annotations

import html
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import GraphError
from .heat import Heat, node_times, parameter_counts
from .node import Node
from .view import DirectedGraph

__all__ = ["dot", "graphviz", "write_drawing"]

_STYLE = (
    'graph [rankdir=TB, bgcolor="white", fontname="Helvetica", fontsize=14, labelloc=t, '
    "nodesep=0.3, ranksep=0.35];\n"
    '  node [shape=box, style="rounded,filled", fillcolor="#eef3fb", color="#4a6fa5", '
    'fontname="Helvetica", fontsize=11, margin="0.12,0.06"];\n'
    '  edge [color="#5c6b7a", arrowsize=0.7, fontname="Helvetica", fontsize=9];'
)
_INPUT = {"fillcolor": "#e6f4ea", "color": "#3c7d4f"}
_OUTPUT = {"fillcolor": "#fdf1e0", "color": "#b9770e"}


def dot(
    model: Any,
    title: str | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    heat: str | None = None,
    data: Any = None,
) -> str:
    """Draw a graph with its annotations.

    Inputs are green and outputs orange; a split is drawn as numbered edges. The annotations
    `name` and `description` are shown, `graphAttributes` go to Graphviz as they are.

    Args:
        model: A `GModule`, its `fg` or `bg`, or a sequence of nodes.
        title: Heading of the drawing. Default: the model's name, or none.
        path: Where to write it, without suffix or with one of ``.svg``, ``.png``, ``.pdf``,
            ``.dot``. Without suffix: ``<path>.svg``. Where the `dot` program is missing the
            Graphviz text goes to ``<path>.dot`` instead, and one line on standard output says
            so. Default: nothing is written.
        heat: ``"parameters"`` or ``"time"`` colours each node from white to red by the number of
            its parameters, or by the time that it takes in inference mode, measured now; the
            number stands beside its shape, and a legend under the heading. Default: no heat.
        data: What the model is fed while times are measured. Default: one sample of random
            numbers.

    Returns:
        The Graphviz text.

    Raises:
        GraphError: The suffix is none of these, or Graphviz cannot read an annotation.
        OSError: The path cannot be written.
        TypeError: Times are asked for of what is no `GModule`.
        ValueError: `heat` is another word; or times need `data`, as a size is open, or are not
            asked for and `data` is given.

    Reference: torch/nngraph simple_print.lua, `graph.dot`.
    """
    if heat not in (None, "parameters", "time"):
        raise ValueError(f"heat is 'parameters', 'time' or None, not {heat!r}")
    if data is not None and heat != "time":
        raise ValueError("data is for heat='time'")
    measured = node_times(model, data) if heat == "time" else None  # It may build the model.
    view = _view(model)
    if heat == "parameters":
        measured = parameter_counts(view.nodes)
    text = graphviz(view, view.name if title is None else title, measured)
    if path is not None:
        write_drawing(text, Path(path))
    return text


def _view(model: Any) -> DirectedGraph:
    if isinstance(model, DirectedGraph):
        return model
    if hasattr(model, "fg"):
        return model.fg
    nodes = list(model)
    edges = [(parent, node) for node in nodes for parent in node.parents]
    inputs = [n for n in nodes if not n.parents]
    return DirectedGraph(nodes, edges, inputs, [n for n in nodes if not n.children])


def graphviz(view: DirectedGraph, title: str | None, heat: Heat | None = None) -> str:
    """The Graphviz text of a graph, with its nodes coloured by `heat` where that is given."""
    inputs, outputs = set(view.inputnodes), set(view.outputnodes)
    # The product of a split is drawn as a numbered edge, unless it is an output itself.
    drawn = [n for n in view.nodes if n.selectindex is None or n in outputs]
    numbers = {node: i for i, node in enumerate(drawn)}
    lines = ["digraph G {", "  " + _STYLE]
    if heat is not None:
        lines.append(f"  label=<{_legend(title, heat)}>;")
    elif title:
        lines.append(f"  label={_quoted(title)};")
    for node in drawn:
        attributes: dict[str, Any] = {}
        if node in inputs:
            attributes |= _INPUT
        elif node in outputs:
            attributes |= _OUTPUT
        shape = view.shapes.get(node)
        if heat is not None:
            value = heat.values.get(node, 0)
            attributes["fillcolor"] = _colour(heat.share(value))
            shape = "  ".join(part for part in (shape, heat.text(value)) if part)
        attributes |= node.annotations.get("graphAttributes", {})
        if "description" in node.annotations:
            attributes.setdefault("tooltip", node.annotations["description"])
        listed = [f"{key}={_quoted(value)}" for key, value in attributes.items()]
        if "label" not in attributes:
            ink = "#5c6b7a" if heat is None else "#1d2733"  # grey is not read on red
            listed.insert(0, f"label=<{_label(node, shape, ink)}>")
        lines.append(f"  n{numbers[node]} [{', '.join(listed)}];")
    lines += [f"  {edge}" for edge in _edges(view, numbers)]
    return "\n".join([*lines, "}", ""])


def _colour(share: float) -> str:
    """White to red, as Graphviz's hue, saturation and value."""
    return f"0.03 {0.75 * share:.3f} 1.0"


def _legend(title: str | None, heat: Heat) -> str:
    """The heading, and under it a bar from nothing to the largest number."""
    most = max(heat.values.values(), default=0)
    cells = "".join(f'<td width="22" bgcolor="{_colour(k / 5)}"></td>' for k in range(6))
    small = '<font point-size="10">{}</font>'.format
    bar = (
        f"<td>{small(html.escape(heat.what) + ':  0')}</td>{cells}"
        f"<td>{small(html.escape(heat.text(most)))}</td>"
    )
    head = f'<tr><td colspan="8">{html.escape(title)}</td></tr>' if title else ""
    return f'<table border="0" cellspacing="0">{head}<tr>{bar}</tr></table>'


def _edges(view: DirectedGraph, numbers: dict[Node, int]) -> Iterator[str]:
    for start, end in view.edges:
        forward = start in end.parents
        source, reader = (start, end) if forward else (end, start)
        if reader not in numbers:
            continue
        index = reader.selectindex
        while source not in numbers:
            index, source = source.selectindex, source.parents[0]
        ends = (source, reader) if forward else (reader, source)
        label = "" if index is None else f' [{"tail" if forward else "head"}label="{index}"]'
        yield f"n{numbers[ends[0]]} -> n{numbers[ends[1]]}{label};"


def _label(node: Node, shape: str | None, ink: str) -> str:
    """The HTML-like label of a node: name, module, description, shape."""
    if node.selectindex is not None:
        kind = f"output {node.selectindex} of split"
    elif node.module is None:
        kind = "table"
    else:
        kind = repr(node.module).removeprefix("nn.").removesuffix("()")
    if len(kind) > 48:
        kind = kind[:45] + "..."
    lines = [f"<b>{html.escape(node.name)}</b>"] if node.name else []
    lines.append(html.escape(kind))
    if "description" in node.annotations:
        lines.append(f"<i>{html.escape(node.annotations['description'])}</i>")
    if shape:
        lines.append(f'<font color="{ink}" point-size="9">{html.escape(shape)}</font>')
    return "<br/>".join(lines)


def _quoted(value: Any) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def write_drawing(text: str, path: Path) -> Path:
    """Write Graphviz text as a picture, or as it is where Graphviz is missing.

    Returns:
        The path that was written.

    Raises:
        GraphError: The suffix is not one of a drawing, or Graphviz cannot read the text.
        OSError: The path cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in ("", ".svg", ".png", ".pdf", ".dot"):
        raise GraphError(
            f"{path}: a drawing is written as .svg, .png, .pdf or .dot, not as '{suffix}'"
        )
    program = shutil.which("dot")
    if suffix == ".dot" or program is None:
        target = path.with_suffix(".dot")
        target.write_text(text)
        if suffix != ".dot":
            print(f"wrote {target}: Graphviz's `dot` is not installed, so this is its text form")
        return target
    target = path if suffix else path.with_name(path.name + ".svg")
    # Graphviz writes to standard output, so that a failure leaves no half-written file.
    command = [program, f"-T{target.suffix[1:]}"]
    done = subprocess.run(command, input=text.encode(), capture_output=True)
    if done.returncode:
        raise GraphError(f"Graphviz cannot draw this graph: {done.stderr.decode().strip()}")
    target.write_bytes(done.stdout)
    return target
