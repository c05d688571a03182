"""MM and MV, against numpy."""

import keras
import numpy as np
import pytest

from graph import nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


@pytest.mark.parametrize("transA", [False, True])
@pytest.mark.parametrize("transB", [False, True])
def test_mm(run, transA, transB):
    a, b, g = ramp(2, 3, 4), ramp(2, 4, 5), ramp(2, 3, 5)
    given = [a.swapaxes(1, 2) if transA else a, b.swapaxes(1, 2) if transB else b]
    ran = run(nn.MM(transA, transB), given, g)
    np.testing.assert_allclose(ran.output, a @ b, rtol=1e-5, atol=1e-6)
    gradA, gradB = g @ b.swapaxes(1, 2), a.swapaxes(1, 2) @ g
    gradA, gradB = (gradA.swapaxes(1, 2) if transA else gradA), gradB
    np.testing.assert_allclose(ran.gradInput[0], gradA, rtol=1e-5, atol=1e-6)
    gradB = gradB.swapaxes(1, 2) if transB else gradB
    np.testing.assert_allclose(ran.gradInput[1], gradB, rtol=1e-5, atol=1e-6)
    assert isinstance(ran.model.layers[-1], keras.layers.Dot)


@pytest.mark.parametrize("trans", [False, True])
def test_mv(run, trans):
    m, v, g = ramp(2, 3, 4), ramp(2, 4), ramp(2, 3)
    ran = run(nn.MV(trans), [m.swapaxes(1, 2) if trans else m, v], g)
    np.testing.assert_allclose(ran.output, np.einsum("bnk,bk->bn", m, v), rtol=1e-5, atol=1e-6)
    gradM = np.einsum("bn,bk->bkn" if trans else "bn,bk->bnk", g, v)
    np.testing.assert_allclose(ran.gradInput[0], gradM, rtol=1e-5, atol=1e-6)
    gradV = np.einsum("bnk,bn->bk", m, g)
    np.testing.assert_allclose(ran.gradInput[1], gradV, rtol=1e-5, atol=1e-6)


def test_mistakes(refused):
    assert "sums 4 columns against 3 rows" in refused(nn.MM(), [(2, 4), (3, 5)])
    assert "sums 2 columns against 3 rows" in refused(nn.MM(True), [(2, 4), (3, 5)])
    assert "sums 4 columns against 3 rows" in refused(nn.MV(), [(2, 4), (3,)])
    assert "two matrices for each sample" in refused(nn.MM(), [(2, 4), (4,)])
    assert "two matrices for each sample" in refused(nn.MM(), (2, 4))
    assert "a matrix and a vector for each sample" in refused(nn.MV(), [(2, 4), (4, 3)])
