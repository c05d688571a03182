"""What the tests of modules share: one module run on arrays, and Torch7's own answers."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import graph
from graph import gModule
from graph.table import map_table

ORACLE = Path(__file__).parents[2] / "oracle" / "torch7_small.npz"


class Ran(NamedTuple):
    model: Any
    output: Any
    gradInput: Any
    gradients: list[np.ndarray]


def model_of(module, x):
    """A gModule of one module, its inputs shaped as the arrays `x`."""
    shapes = map_table(lambda a: a.shape[1:], x)
    given = graph.Input(shapes, dtype=str(x.dtype) if hasattr(x, "dtype") else None)
    return gModule([given], [module(given)])


def run_module(module, x, gradOutput=None, training=False):
    model = model_of(module, x)
    if not training:
        model.evaluate()
    output = model.forward(x)
    if gradOutput is None:
        return Ran(model, output, None, [])
    return Ran(model, output, model.backward(x, gradOutput), model.parameters()[1])


@pytest.fixture(name="run", scope="session")
def run_fixture():
    return run_module


@pytest.fixture(scope="session")
def oracle():
    with np.load(ORACLE) as file:
        return dict(file)


def keras_layout(array):
    return np.moveaxis(array, 1, -1) if array.ndim >= 4 else array


def role(oracle, case, name):
    whole = oracle.get(f"{case}/{name}")
    if whole is not None:
        return keras_layout(whole)
    parts = sorted(key for key in oracle if key.startswith(f"{case}/{name}."))
    assert parts, f"no {name} of {case}"
    return [keras_layout(oracle[key]) for key in parts]


def same(actual, expected):
    if isinstance(expected, list):
        assert len(actual) == len(expected)
        for a, b in zip(actual, expected, strict=True):
            same(a, b)
    else:
        np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-6)


@pytest.fixture
def like_torch(oracle):
    """Check a module against Torch7's case of this name: value and input gradient."""

    def check(case, module):
        ran = run_module(module, role(oracle, case, "input"), role(oracle, case, "gradOutput"))
        same(ran.output, role(oracle, case, "output"))
        same(ran.gradInput, role(oracle, case, "gradInput"))

    return check


@pytest.fixture
def refused():
    """The text of the GraphError that lowering `module` on inputs of these shapes raises."""

    def text(module, shapes):
        with pytest.raises(graph.GraphError) as caught:
            given = graph.Input(shapes).annotate(name="given")
            gModule([given], [module(given)])
        return str(caught.value)

    return text
