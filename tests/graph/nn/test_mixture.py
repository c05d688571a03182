"""MixtureTable: gates and experts."""

import numpy as np
import pytest

from graph import nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize("sample", [(5,), (5, 2), (2, 3, 4)])
def test_a_table_of_experts(run, sample):
    gates = ramp(4, 3)
    experts = [ramp(4, *sample) * (i + 1) - i for i in range(3)]
    expected = sum(gates[:, i].reshape(4, *[1] * len(sample)) * e for i, e in enumerate(experts))
    g = ramp(4, *sample)
    ran = run(nn.MixtureTable(), [gates, experts], g)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    for i, expert in enumerate(experts):
        gate = gates[:, i].reshape(4, *[1] * len(sample))
        np.testing.assert_allclose(ran.gradInput[1][i], gate * g, rtol=1e-5, atol=1e-6)
        gradGate = (g * expert).reshape(4, -1).sum(1)
        np.testing.assert_allclose(ran.gradInput[0][:, i], gradGate, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_experts_in_one_tensor(run, dim):
    shape = [4, 2, 5, 6]
    shape[dim] = 3
    experts, gates = ramp(*shape), ramp(4, 3)
    places = [1, 1, 1, 1]
    places[0], places[dim] = 4, 3
    expected = (gates.reshape(places) * experts).sum(dim)
    output = run(nn.MixtureTable(dim), [gates, keras_order(experts)]).output
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


def test_mistakes(refused):
    assert "takes a table of gates and experts" in refused(nn.MixtureTable(), (3,))
    assert "3 gates for 2 experts" in refused(nn.MixtureTable(), [(3,), [(5,), (5,)]])
    assert "3 gates for 2 experts" in refused(nn.MixtureTable(), [(3,), (2, 5)])
    assert "needs equal shapes" in refused(nn.MixtureTable(), [(2,), [(5,), (5, 1)]])
    assert "needs equal shapes" in refused(nn.MixtureTable(), [(2,), [(5,), (4,)]])
    assert "has no dimension 2" in refused(nn.MixtureTable(2), [(3,), (3,)])
