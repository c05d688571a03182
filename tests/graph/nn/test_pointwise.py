"""Functions of single values: against NumPy, and where their slope jumps."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[-3.5, -1.0, -0.25, 0.0, 0.75, 1.0, 2.5]], "float32")
G = np.array([[1, -2, 3, -4, 5, -6, 7]], "float32")


def logistic(x):
    return 1 / (1 + np.exp(-x))


CASES = [
    (nn.Abs(), np.abs(X), np.where(X >= 0, 1, -1)),  # Torch's slope at 0 is 1.
    (nn.Exp(), np.exp(X), np.exp(X)),
    (nn.Square(), X**2, 2 * X),
    (nn.Power(3), X**3, 3 * X**2),
    (nn.SoftPlus(), np.log1p(np.exp(X)), logistic(X)),
    (nn.SoftPlus(4), np.log1p(np.exp(4 * X)) / 4, logistic(4 * X)),
    (
        nn.SoftPlus(2, threshold=1),
        np.where(2 * X > 1, X, np.log1p(np.exp(2 * X)) / 2),
        np.where(2 * X > 1, 1, logistic(2 * X)),
    ),
    (nn.AddConstant(-1.5), X - 1.5, np.ones_like(X)),
    (nn.AddConstant([1, 2, 3, 4, 5, 6, 7.5]), X + [1, 2, 3, 4, 5, 6, 7.5], np.ones_like(X)),
    (nn.MulConstant(-0.3, True), -0.3 * X, np.full_like(X, -0.3)),
]


@pytest.mark.parametrize(("module", "value", "slope"), CASES, ids=lambda c: repr(c)[:24])
def test_value_and_gradient(run, module, value, slope):
    ran = run(module, X, G)
    np.testing.assert_allclose(ran.output, value, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput, slope * G, rtol=1e-5, atol=1e-6)


def test_logarithm_and_root_of_positive_numbers(run):
    x = np.array([[0.25, 4.0, 9.0]], "float32")
    ran = run(nn.Log(), x, np.array([[1.0, 2.0, 3.0]], "float32"))
    np.testing.assert_allclose(ran.output, np.log(x), rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, [[4, 0.5, 1 / 3]], rtol=1e-6)
    ran = run(nn.Sqrt(), x, np.array([[1.0, 2.0, 3.0]], "float32"))
    np.testing.assert_allclose(ran.output, [[0.5, 2, 3]], rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, [[1, 0.5, 0.5]], rtol=1e-6)


def test_the_root_of_zero_has_no_slope(run):
    ran = run(nn.Sqrt(0.5), np.array([[0.0, 1.0]], "float32"), np.ones((1, 2), "float32"))
    np.testing.assert_array_equal(ran.output, [[0, 1]])
    np.testing.assert_array_equal(ran.gradInput, [[0, 0.5]])


def test_soft_plus_of_large_values_is_a_line(run):
    x = np.array([[-1000.0, 21.0, 1000.0]], "float32")
    ran = run(nn.SoftPlus(), x, np.ones((1, 3), "float32"))
    np.testing.assert_array_equal(ran.output, [[0, 21, 1000]])
    np.testing.assert_array_equal(ran.gradInput, [[0, 1, 1]])


def test_a_file_with_one_number_for_each_feature():
    fields = {"constant_scalar": np.array([1.0, 2.0]), "inplace": True}
    module = to_module(TorchObject("nn.AddConstant", fields))
    assert module.get_config() == {"constant_scalar": [1.0, 2.0], "inplace": True}


def test_mistakes(refused):
    assert "takes one tensor, not a table" in refused(nn.Square(), [(3,), (3,)])
    assert "adds 2 numbers to as many features" in refused(nn.AddConstant([1, 2]), (3,))
    assert "expected (None, 2)" in refused(nn.AddConstant([1, 2]), (2, 2))
    with pytest.raises(graph.GraphError, match=r"nn.Power: pow must be a number, got '2'"):
        nn.Power("2")
    with pytest.raises(graph.GraphError, match=r"nn.SoftPlus: beta must not be 0 \(test_point"):
        nn.SoftPlus(0)
    with pytest.raises(graph.GraphError, match="nn.MulConstant: constant_scalar must be a number"):
        nn.MulConstant([1, 2])
    with pytest.raises(graph.GraphError, match="nn.AddConstant: constant_scalar must be a number"):
        nn.AddConstant(["a"])
