"""Cosine, Euclidean, WeightedEuclidean and Bilinear."""

import numpy as np
import pytest

import graph
from graph import nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def with_values(module):
    for variable in module.named_parameters().values():
        variable.assign(ramp(*variable.shape) + 0.1)
    return module, [ramp(*v.shape) + 0.1 for v in module.named_parameters().values()]


X = ramp(4, 6)


def test_values(run):
    module, (w,) = with_values(nn.Cosine(6, 3))
    norms = np.linalg.norm(X, axis=1)[:, None] * np.linalg.norm(w, axis=1)
    np.testing.assert_allclose(run(module, X).output, X @ w.T / norms, rtol=1e-5, atol=1e-6)
    module, (w,) = with_values(nn.Euclidean(6, 3))
    distance = np.linalg.norm(X[:, :, None] - w, axis=1)
    np.testing.assert_allclose(run(module, X).output, distance, rtol=1e-5)
    module, (w, c) = with_values(nn.WeightedEuclidean(6, 3))
    distance = np.linalg.norm(c * (X[:, :, None] - w), axis=1)
    np.testing.assert_allclose(run(module, X).output, distance, rtol=1e-5)


def test_at_distance_zero_gradients_are_finite(run):
    for kind in (nn.Euclidean, nn.WeightedEuclidean):
        module = kind(2, 2)
        module.named_parameters()["weight"].assign([[1, 3], [2, 4]])
        ran = run(module, np.array([[1.0, 2.0]], "float32"), np.ones((1, 2), "float32"))
        np.testing.assert_allclose(ran.output, [[0, 8**0.5]], rtol=1e-6)
        np.testing.assert_allclose(ran.gradInput, [[-(0.5**0.5)] * 2], rtol=1e-5)
        assert all(np.isfinite(g).all() for g in ran.gradients)
    module, (w,) = with_values(nn.Cosine(2, 2))
    ran = run(module, np.zeros((1, 2), "float32"), np.array([[1, 0]], "float32"))
    np.testing.assert_array_equal(ran.output, [[0, 0]])
    np.testing.assert_allclose(ran.gradInput, w[:1] / np.linalg.norm(w[0]) * 1e12, rtol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear(run, bias):
    module, (w, *rest) = with_values(nn.Bilinear(6, 3, 2, bias))
    a, b, g = X, ramp(4, 3), ramp(4, 2)
    ran = run(module, [a, b], g)
    expected = np.einsum("ni,kij,nj->nk", a, w, b) + (rest[0] if bias else 0)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput[0], np.einsum("nk,kij,nj->ni", g, w, b), rtol=1e-5)
    np.testing.assert_allclose(ran.gradInput[1], np.einsum("nk,kij,ni->nj", g, w, a), rtol=1e-5)
    weight = np.einsum("nk,ni,nj->kij", g, a, b)
    np.testing.assert_allclose(ran.gradients[0], weight, rtol=1e-4, atol=1e-6)
    assert len(ran.gradients) == 1 + bias


def test_weights_start_as_in_torch():
    for module, limit in (
        (nn.Cosine(400, 25), 0.2),  # By the number of outputs.
        (nn.Euclidean(25, 400), 0.2),
        (nn.WeightedEuclidean(25, 400), 0.2),
        (nn.Bilinear(25, 40, 30), 0.2),
    ):
        values = np.asarray(module.named_parameters()["weight"])
        assert 0.95 * limit < np.abs(values).max() <= limit and values.min() < 0 < values.max()
    factors = nn.WeightedEuclidean(3, 2).named_parameters()["diagCov"]
    np.testing.assert_array_equal(factors, np.ones((3, 2)))


def test_mistakes(refused):
    for kind in (nn.Cosine, nn.Euclidean, nn.WeightedEuclidean):
        assert "takes samples of 6 features" in refused(kind(6, 3), (5,))
        with pytest.raises(graph.GraphError, match=f"nn.{kind.__name__}: outputSize must be an in"):
            kind(6, 0)
    text = refused(nn.Bilinear(6, 3, 2), [(3,), (6,)])
    assert "takes a table of two vectors, of 6 and 3 features" in text
    assert "expected [(None, 6), (None, 3)]" in refused(nn.Bilinear(6, 3, 2), (6,))
