"""GatedLinearUnit and Maxout."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject, TorchStorage


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


@pytest.mark.parametrize(
    ("dim", "shape", "axis"),
    [
        (None, (3, 4), 1),
        (1, (3, 4), 1),
        (None, (3, 5, 4), 2),
        (1, (3, 4, 5), 1),
        (1, (3, 5, 7, 4), 3),
        (2, (3, 4, 7, 5), 1),
        (None, (3, 5, 4, 7), 2),
        (-2, (3, 4, 5, 7), 1),
    ],
)
def test_halves_of_a_dimension(run, dim, shape, axis):
    x = 3 * ramp(*shape)
    first, second = np.split(x, 2, axis)
    gate = 1 / (1 + np.exp(-second))
    g = ramp(*first.shape)
    ran = run(nn.GatedLinearUnit(dim), x, g)
    np.testing.assert_allclose(ran.output, first * gate, rtol=1e-5, atol=1e-6)
    slope = np.concatenate([g * gate, g * first * gate * (1 - gate)], axis)
    np.testing.assert_allclose(ran.gradInput, slope, rtol=1e-5, atol=1e-6)


def test_the_dimension_of_a_file_counts_the_batch():
    gate = TorchObject("nn.GatedLinearUnit", {"dim": 2})
    assert to_module(gate).dim == 1 and to_module(gate, batched=False).dim == 2
    assert to_module(TorchObject("nn.GatedLinearUnit", {})).dim is None


def test_maxout(run):
    module = nn.Maxout(3, 2, 4, nn.MulConstant(-1))
    weight, bias = module.named_parameters().values()
    bias.assign(ramp(8))
    x, g = ramp(5, 3), ramp(5, 2)
    ran = run(module, x, g)
    pieces = -(x @ np.asarray(weight) + ramp(8)).reshape(5, 4, 2)
    np.testing.assert_allclose(ran.output, pieces.max(1), rtol=1e-5, atol=1e-6)
    best = (pieces == pieces.max(1, keepdims=True)) * -g[:, None]
    np.testing.assert_allclose(ran.gradients[1], best.sum(0).ravel(), rtol=1e-5, atol=1e-6)
    assert repr(module) == "nn.Maxout(3, 2, 4, nn.MulConstant(-1.0))"


def test_a_file_with_something_in_between():
    def number(n):
        return TorchStorage(np.array(n))

    children = [
        TorchObject("nn.Linear", {"weight": ramp(8, 3), "bias": ramp(8)}),
        TorchObject("nn.View", {"size": number([4, 2]), "numInputDims": 1}),
        TorchObject("nn.Tanh", {}),
        TorchObject("nn.Max", {"dimension": 1, "nInputDims": 2}),
    ]
    module = to_module(TorchObject("nn.Maxout", {"modules": children}))
    assert repr(module) == "nn.Maxout(3, 2, 4, nn.Tanh())"
    np.testing.assert_array_equal(module.named_parameters()["1.bias"], ramp(8))


def test_mistakes(refused):
    assert "halves axis 1, whose size is 3" in refused(nn.GatedLinearUnit(), (3,))
    assert "feed it an even size" in refused(nn.GatedLinearUnit(), (3,))
    assert "has no dimension 2" in refused(nn.GatedLinearUnit(2), (4,))
    assert "child 1 (Linear)" in refused(nn.Maxout(3, 2, 4), (4,))
    with pytest.raises(graph.GraphError, match="nn.Maxout: maxoutNumber must be an integer"):
        nn.Maxout(3, 2, 0)
