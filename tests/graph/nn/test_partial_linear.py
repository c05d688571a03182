"""PartialLinear: some of the outputs of a linear function."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


X, WEIGHT, BIAS = ramp(3, 5), ramp(4, 5) + 1, ramp(1, 4)


def module_of(**options):
    module = nn.PartialLinear(5, 4, **options)
    for variable, value in zip(module.named_parameters().values(), (WEIGHT, BIAS), strict=False):
        variable.assign(value)
    return module


def test_all_outputs(run):
    np.testing.assert_allclose(run(module_of(), X).output, X @ WEIGHT.T + BIAS, rtol=1e-5)
    np.testing.assert_allclose(run(module_of(bias=False), X).output, X @ WEIGHT.T, rtol=1e-5)


def test_a_part_leaves_the_other_rows_alone(run):
    g = ramp(3, 2)
    ran = run(module_of(partition=[4, 2]), X, g)
    np.testing.assert_allclose(ran.output, (X @ WEIGHT.T + BIAS)[:, [3, 1]], rtol=1e-5)
    np.testing.assert_allclose(ran.gradInput, g @ WEIGHT[[3, 1]], rtol=1e-5)
    expected = np.zeros((4, 5), "float32")
    expected[[3, 1]] = g.T @ X
    np.testing.assert_allclose(ran.gradients[0], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ran.gradients[1][0, [3, 1]], g.sum(0), rtol=1e-5, atol=1e-6)
    assert ran.gradients[1].shape == (1, 4) and not ran.gradients[1][0, [0, 2]].any()


def test_another_part_is_taken_over_at_rebuild(run):
    module = module_of()
    model = run(module, X).model
    module.setPartition(np.array([3.0]))
    model.rebuild()
    np.testing.assert_allclose(model.forward(X), (X @ WEIGHT.T + BIAS)[:, [2]], rtol=1e-5)
    module.resetPartition()
    model.rebuild()
    assert model.forward(X).shape == (3, 4)


def test_a_file():
    lookup = TorchObject("nn.LookupTable", {"weight": WEIGHT})
    pair = TorchObject("nn.ParallelTable", {"modules": [TorchObject("nn.Identity", {}), lookup]})
    fields = {
        "inputsize": 5,
        "outputsize": 4,
        "bias": BIAS,
        "partition": np.array([2.0, 3.0]),
        "network": TorchObject("nn.Sequential", {"modules": [pair]}),
    }
    module = to_module(TorchObject("nn.PartialLinear", fields))
    assert module.partition == [2, 3]
    np.testing.assert_array_equal(module.named_parameters()["weight"], WEIGHT)
    np.testing.assert_array_equal(module.named_parameters()["bias"], BIAS)
    del fields["network"], fields["bias"]
    with pytest.raises(ValueError, match="nn.PartialLinear has no"):
        to_module(TorchObject("nn.PartialLinear", fields))


def test_mistakes(refused):
    assert "takes samples of 5 features" in refused(nn.PartialLinear(5, 4), (4,))
    with pytest.raises(graph.GraphError, match="index must be an integer of at least 1, got 0"):
        nn.PartialLinear(5, 4).setPartition([0])
    with pytest.raises(graph.GraphError, match="nn.PartialLinear: index 5 is above outputSize 4"):
        nn.PartialLinear(5, 4, partition=[5])
