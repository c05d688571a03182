"""DotProduct, CosineDistance and PairwiseDistance, against Torch's formulas."""

import numpy as np
import pytest

import graph
from graph import nn

A = np.array([[1.0, -2, 0.5], [0.3, 0.2, -0.1], [2, 2, 2]], "float32")
B = np.array([[0.5, 1, 0.5], [-1, 0.4, 0.7], [2, 2, 2]], "float32")
G = np.array([2.0, -3, 0.5], "float32")


def test_dot_product(run):
    ran = run(nn.DotProduct(), [A, B], G)
    np.testing.assert_allclose(ran.output, (A * B).sum(1), rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput[0], G[:, None] * B, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput[1], G[:, None] * A, rtol=1e-6)


def test_cosine_distance(run):
    a, b = A.astype("float64"), B.astype("float64")
    a[2] = 0  # The constant under the roots keeps this finite.
    na, nb = (a * a).sum(1) + 1e-12, (b * b).sum(1) + 1e-12
    w, w1 = np.sqrt(1 / na / nb), (a * b).sum(1)
    ran = run(nn.CosineDistance(), [a.astype("float32"), B], G)
    np.testing.assert_allclose(ran.output, w1 * w, rtol=1e-5, atol=1e-6)
    gradA = (b - (w1 / na)[:, None] * a) * (w * G)[:, None]
    gradB = (a - (w1 / nb)[:, None] * b) * (w * G)[:, None]
    np.testing.assert_allclose(ran.gradInput[0], gradA, rtol=1e-5)
    np.testing.assert_allclose(ran.gradInput[1], gradB, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("p", [1, 1.5, 2, 2.5, 3])
def test_pairwise_distance(run, p):
    d = (A - B).astype("float64")
    y = (np.abs(d) ** p).sum(1) ** (1 / p)
    if p == 1:
        slope = np.sign(d)
    else:
        slope = d * np.abs(d) ** max(p - 2, 0) * (y[:, None] + 1e-6) ** (1 - p)
    ran = run(nn.PairwiseDistance(p), [A, B], G)
    np.testing.assert_allclose(ran.output, y, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ran.gradInput[0], slope * G[:, None], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput[1], -slope * G[:, None], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [nn.DotProduct, nn.CosineDistance, nn.PairwiseDistance])
def test_mistakes(refused, kind):
    assert "takes a table of 2 tensors" in refused(kind(), (3,))
    assert "needs equal shapes" in refused(kind(), [(3,), (4,)])
    assert "two vectors for each sample" in refused(kind(), [(3, 2), (3, 2)])
    with pytest.raises(graph.GraphError, match="fed must be"):
        kind(fed="batch")


def test_the_norm_is_checked():
    for p in (0, -1, "2"):
        with pytest.raises(graph.GraphError, match="nn.PairwiseDistance: p must be a number"):
            nn.PairwiseDistance(p)
