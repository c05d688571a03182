"""graph/nn/arguments.py."""

import inspect

import numpy as np
import pytest

import graph
from graph.nn.arguments import integer, number


@pytest.mark.parametrize("value", [3, 3.0, np.int8(3), np.float64(3)])
def test_integers(value):
    whole = integer(value, "Linear", "size")
    assert whole == 3 and type(whole) is int


@pytest.mark.parametrize("value", [0, -1, 2.5, "3", None, True, float("nan"), float("inf"), [3]])
def test_what_is_no_integer_of_at_least_one(value):
    with pytest.raises(graph.GraphError) as caught:
        integer(value, "Linear", "size")
    text = str(caught.value)
    assert text.startswith("nn.Linear: size must be an integer of at least 1, got ")
    assert f"{value!r} ({type(value).__name__}), test_arguments.py:" in text
    assert text.endswith(f":{inspect.currentframe().f_lineno - 4}")


def test_integers_without_a_bound():
    assert integer(-7, "Select", "index", least=None) == -7


@pytest.mark.parametrize(("value", "real"), [(2, 2.0), (0.5, 0.5), (np.float32(0.5), 0.5)])
def test_numbers(value, real):
    assert number(value, "ELU", "alpha") == real and type(number(value, "ELU", "alpha")) is float


@pytest.mark.parametrize("value", ["1", None, True, 1j, [1.0], float("nan")])
def test_what_is_no_number(value):
    with pytest.raises(graph.GraphError, match=r"nn.ELU: alpha must be a number, got .*:\d+$"):
        number(value, "ELU", "alpha")


def test_bounds():
    assert number(0, "Dropout", "p", least=0, below=1) == 0
    for value in (-0.1, 1, 2.0):
        with pytest.raises(graph.GraphError, match="a number of at least 0 and below 1, got"):
            number(value, "Dropout", "p", least=0, below=1)
    with pytest.raises(graph.GraphError, match="a number below 1, got"):
        number(1, "Dropout", "p", below=1)
