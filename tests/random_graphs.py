"""Random graphs: as data, as gModules, and as twenty lines of NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from graph import GModule, Input, gModule, nest, nn

WIDTH = 4
ONE = ["linear", "tanh", "sigmoid", "identity", "pair", "wide"]
MANY = ["add", "mul", "sub", "join", "parallel"]


@st.composite
def specs(draw: Any, most: int = 40) -> dict[str, Any]:
    """Steps ``(operation, parents, number)``; every value is read or is an output."""
    inputs = draw(st.integers(1, 4))
    steps: list[tuple[str, list[int], int]] = []
    unread = list(range(inputs))
    for _ in range(draw(st.integers(1, most - inputs - 1))):
        last = inputs + len(steps) - 1
        operation = draw(st.sampled_from(ONE + MANY))
        count = 1 if operation in ONE else 2
        if operation in ("add", "mul"):
            count = draw(st.integers(2, 3))
        # Mostly new values, so that graphs get deep; any value, so that some are read often.
        parents = [
            draw(
                st.sampled_from(unread) if unread and draw(st.booleans()) else st.integers(0, last)
            )
            for _ in range(count)
        ]
        # A number that came before makes two steps one shared module.
        steps.append((operation, parents, draw(st.integers(0, 5))))
        unread = [i for i in unread if i not in parents] + [last + 1]
    while len(unread) > 4:
        a, b, *rest = unread
        steps.append(("add", [a, b], 0))
        unread = [*rest, inputs + len(steps) - 1]
    return {"inputs": inputs, "steps": steps, "outputs": unread}


def build(spec: dict[str, Any]) -> tuple[GModule, dict[Any, Any]]:
    """The gModule of a spec, and its modules by operation and number."""
    modules: dict[Any, Any] = {}

    def linear(key: Any, size: int) -> Any:
        return modules.setdefault(key, nn.Linear(size, WIDTH))

    nodes = [Input((WIDTH,), name=f"x{i}") for i in range(spec["inputs"])]
    sources = list(nodes)
    for operation, parents, number in spec["steps"]:
        read = [nodes[i] for i in parents]
        if operation == "linear":
            node = linear(("linear", number), WIDTH)(read)
        elif operation == "wide":
            node = nn.Sequential(linear(("wide", number), WIDTH), nn.Tanh())(read)
        elif operation == "pair":
            a, b = nn.ConcatTable(nn.Tanh(), linear(("pair", number), WIDTH))(read).split(2)
            node = nn.CMulTable()([a, b])
        elif operation == "join":
            node = linear(("join", number), 2 * WIDTH)(nn.JoinTable(1)(read))
        elif operation == "parallel":
            table = nn.ParallelTable(nn.Sigmoid(), nn.SelectTable(-1))([read[0], nest(read)])
            node = nn.CSubTable()(table)
        else:
            simple = {
                "tanh": nn.Tanh,
                "sigmoid": nn.Sigmoid,
                "identity": nn.Identity,
                "add": nn.CAddTable,
                "mul": nn.CMulTable,
                "sub": nn.CSubTable,
            }
            node = simple[operation]()(read)
        nodes.append(node)
    return gModule(sources, [nodes[i] for i in spec["outputs"]]), modules


def weights_of(modules: dict[Any, Any]) -> dict[Any, list[np.ndarray]]:
    """Weight ``(in, out)`` and bias of every linear module, in float64."""
    return {
        key: [np.asarray(v, "float64") for v in module.named_parameters().values()]
        for key, module in modules.items()
    }


def interpret(spec: dict[str, Any], w: dict[Any, list[np.ndarray]], x: list[Any]) -> list[Any]:
    """What the graph computes, in NumPy."""

    def linear(key: Any, v: np.ndarray) -> np.ndarray:
        return v @ w[key][0] + w[key][1]

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    values = list(x)
    for operation, parents, number in spec["steps"]:
        v = [values[i] for i in parents]
        values.append(
            {
                "linear": lambda v, n: linear(("linear", n), v[0]),
                "wide": lambda v, n: np.tanh(linear(("wide", n), v[0])),
                "pair": lambda v, n: np.tanh(v[0]) * linear(("pair", n), v[0]),
                "join": lambda v, n: linear(("join", n), np.concatenate(v, 1)),
                "parallel": lambda v, n: sigmoid(v[0]) - v[1],
                "tanh": lambda v, n: np.tanh(v[0]),
                "sigmoid": lambda v, n: sigmoid(v[0]),
                "identity": lambda v, n: v[0],
                "add": lambda v, n: sum(v),
                "mul": lambda v, n: np.prod(v, axis=0),
                "sub": lambda v, n: v[0] - v[1],
            }[operation](v, number)
        )
    return [values[i] for i in spec["outputs"]]
