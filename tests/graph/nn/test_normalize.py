"""Normalize and LayerNormalization."""

import math

import numpy as np
import pytest
from golden_torch7 import Case, check

import graph
from graph import nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


@pytest.mark.parametrize("p", [0.5, 1, 1.5, 2, 3, 4])
@pytest.mark.parametrize("shape", [(4, 5), (3, 2, 5)])
def test_norms(run, p, shape):
    x = ramp(*shape)
    norm = ((np.abs(x) ** p).sum(-1, keepdims=True) + 0.1) ** (1 / p)
    np.testing.assert_allclose(run(nn.Normalize(p, 0.1), x).output, x / norm, rtol=1e-5, atol=1e-6)


def test_the_largest_value(run):
    x = np.array([[3, -4, 2], [1, 5, 5]], "float32")
    g = np.array([[1, 2, 3], [4, 5, 7]], "float32")
    ran = run(nn.Normalize(math.inf), x, g)
    np.testing.assert_allclose(ran.output, [[0.75, -1, 0.5], [0.2, 1, 1]], rtol=1e-6)
    # d (x / |m|) = g / |m| and, at the first largest value m, less sum(g x) sign(m) / m^2.
    cross = (g * x).sum(1)
    expected = g / [[4], [5]]
    expected[0, 1] += cross[0] / 16
    expected[1, 1] -= cross[1] / 25
    np.testing.assert_allclose(ran.gradInput, expected, rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2, 3, math.inf])
def test_nothing_but_zeros_stays_finite(run, p):
    x = np.zeros((2, 3), "float32")
    ran = run(nn.Normalize(p), x, np.ones_like(x))
    np.testing.assert_array_equal(ran.output, 0)
    assert np.isfinite(ran.gradInput).all()


def test_layer_normalisation(run):
    module = nn.LayerNormalization(5, 0.5, 0.3)
    weight, bias = module.named_parameters().values()
    np.testing.assert_array_equal(bias, np.full(5, 0.5, "float32"))
    weight.assign([1, 2, 3, 4, -5])
    x = ramp(4, 5) + 3
    centred = x - x.mean(1, keepdims=True)
    normal = centred / np.sqrt((centred**2).sum(1, keepdims=True) + 0.3) * np.sqrt(5)
    output = run(module, x).output
    np.testing.assert_allclose(output, normal * [1, 2, 3, 4, -5] + 0.5, rtol=1e-5, atol=1e-6)
    output = run(nn.LayerNormalization(5, 0, 0.3, False), x).output
    np.testing.assert_allclose(output, normal, rtol=1e-5, atol=1e-6)
    assert not nn.LayerNormalization(5, affine=False).named_parameters()


@pytest.mark.parametrize("name", ["LayerNormalization", "LayerNormalization_eps"])
def test_what_torch7_gives_for_batches_is_no_normalisation(name, tmp_path):
    # Its means are those of other rows. Ours are right where Torch's own output is not.
    case = Case("layers", name)
    assert case.spec["torch7_bug"]
    with pytest.raises(AssertionError, match="output"):
        check(case, tmp_path)
    x, theirs = case.arrays("input"), case.arrays("output")
    module = nn.LayerNormalization(6, eps=1e-3 if name.endswith("eps") else 1e-10)
    obj = case.model(tmp_path)
    weight, bias = (obj["modules"][i][key] for i, key in ((4, "weight"), (5, "bias")))
    rows = (theirs - bias) / weight
    assert np.abs(rows.mean(1)).max() > 0.01
    assert np.abs(module_output(module, x).mean(1)).max() < 1e-5
    # With the same rows, but each with the means that Torch takes, it is Torch's output again.
    wrong = x - np.resize(x.mean(1), x.shape)
    torchs = wrong / np.sqrt((wrong**2).sum(1, keepdims=True) + module.eps) * np.sqrt(6)
    np.testing.assert_allclose(torchs, rows, rtol=1e-4, atol=1e-5)


def module_output(module, x):
    given = graph.Input(x.shape[1:])
    return graph.gModule([given], [module(given)]).evaluate().forward(x)


def test_mistakes(refused):
    assert "flatten the samples first" in refused(nn.Normalize(2), (2, 2, 3))
    assert "takes samples of 5 features" in refused(nn.LayerNormalization(5), (4,))
    with pytest.raises(graph.GraphError, match=r"nn.Normalize: p must be above 0, got -1 \(test_n"):
        nn.Normalize(-1)
    with pytest.raises(graph.GraphError, match="nn.LayerNormalization: nOutput must be an integer"):
        nn.LayerNormalization(0)
