"""Activations against their formulas in NumPy and against Torch7's own numbers."""

import numpy as np
import pytest

import graph
from graph import gModule, nn

X = np.linspace(-3, 4, 24, dtype="float32").reshape(2, 3, 4)
X = X[:, ::-1] * np.array([1, -0.5, 0.25, 1], "float32")


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def of_softmax(x, g):
    y = softmax(x)
    return y * (g - (g * y).sum(-1, keepdims=True))


def of_log_softmax(x, g):
    return g - softmax(x) * g.sum(-1, keepdims=True)


CASES = [
    (nn.ReLU(), lambda x: np.maximum(x, 0), lambda x, g: g * (x > 0)),
    (nn.ReLU(True), lambda x: np.maximum(x, 0), lambda x, g: g * (x > 0)),
    (
        nn.ELU(0.37),
        lambda x: np.where(x > 0, x, 0.37 * (np.exp(x) - 1)),
        lambda x, g: g * np.where(x > 0, 1, 0.37 * np.exp(x)),
    ),
    (nn.Tanh(), np.tanh, lambda x, g: g * (1 - np.tanh(x) ** 2)),
    (
        nn.Sigmoid(),
        lambda x: 1 / (1 + np.exp(-x)),
        lambda x, g: g * np.exp(-x) / (1 + np.exp(-x)) ** 2,
    ),
    (nn.SoftMax(), softmax, of_softmax),
    (nn.LogSoftMax(), lambda x: np.log(softmax(x)), of_log_softmax),
]


@pytest.mark.parametrize(("module", "value", "gradient"), CASES, ids=lambda c: repr(c)[:20])
def test_value_and_gradient(run, module, value, gradient):
    g = np.arange(24, dtype="float32").reshape(X.shape) / 10 - 1
    ran = run(module, X, g)
    np.testing.assert_allclose(ran.output, value(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput, gradient(X, g), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "module"),
    [
        ("ReLU", nn.ReLU()),
        ("ReLU_4d", nn.ReLU()),
        ("ReLU_inplace", nn.ReLU(True)),
        ("ELU", nn.ELU()),
        ("ELU_alpha", nn.ELU(0.37)),
        ("Tanh", nn.Tanh()),
        ("Sigmoid", nn.Sigmoid()),
        ("SoftMax", nn.SoftMax()),
        ("SoftMax_4d", nn.SoftMax()),
        ("LogSoftMax", nn.LogSoftMax()),
        ("LogSoftMax_4d", nn.LogSoftMax()),
    ],
)
def test_torch7s_own_numbers(like_torch, case, module):
    like_torch(case, module)


@pytest.mark.parametrize("module", [case[0] for case in CASES], ids=repr)
def test_image_sizes_known_only_when_it_runs(module):
    x = graph.Input((None, None, 3))
    model = gModule([x], [module(x)])
    assert model.output_shape == (None, None, None, 3)
    for size in ((2, 5), (4, 3)):
        assert model.predict(np.ones((2, *size, 3)), verbose=0).shape == (2, *size, 3)


def test_large_values_stay_finite(run):
    x = np.array([[1000.0, 0.0, -1000.0]], "float32")
    np.testing.assert_allclose(run(nn.LogSoftMax(), x).output, [[0, -1000, -2000]])
    np.testing.assert_allclose(run(nn.SoftMax(), x).output, [[1, 0, 0]])


@pytest.mark.parametrize("alpha", ["0.5", None, True])
def test_elu_takes_a_number(alpha):
    with pytest.raises(graph.GraphError, match=r"nn.ELU: alpha must be a number, got"):
        nn.ELU(alpha)
