"""Padding: constant slices along one dimension."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32") + 1


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("pad", [-3, -1, 0, 2])
@pytest.mark.parametrize("index", [1, 2, 4])
def test_slices_come_before_or_after_a_place(run, dim, pad, index):
    torch = ramp(2, 3, 4, 5)
    length = torch.shape[dim]
    place = index - 1 if pad <= 0 else length - index + 1
    before, after = np.split(torch, [place], dim)
    shape = list(torch.shape)
    shape[dim] = abs(pad)
    expected = np.concatenate([before, np.full(shape, -7.5, "float32"), after], dim)
    module = nn.Padding(dim, pad, 3, -7.5, index)
    ran = run(module, keras_order(torch), keras_order(2 * expected))
    np.testing.assert_array_equal(ran.output, keras_order(expected))
    np.testing.assert_array_equal(ran.gradInput, keras_order(2 * torch))


def test_a_size_known_only_when_it_runs():
    x = graph.Input((None, 2))
    model = gModule([x], [nn.Padding(1, 2, index=2)(x)])
    for size in (1, 4):
        given = ramp(2, size, 2)
        expected = np.concatenate(
            [given[:, :-1], 0 * given[:, :1], 0 * given[:, :1], given[:, -1:]], 1
        )
        np.testing.assert_array_equal(model.forward(given), expected)


def test_mistakes(refused):
    assert "has no dimension 3" in refused(nn.Padding(3, 1), (2, 3))
    assert "pads at place 5 of 3 slices along dimension 1" in refused(
        nn.Padding(1, 1, index=5), (3, 2)
    )
    assert "is told of samples of 1 dimensions" in refused(nn.Padding(1, 1, 1), (3, 2))
    assert "takes one tensor" in refused(nn.Padding(1, 1), [(3,), (3,)])
    for arguments, name in (((0, 1), "dim"), ((1, 1.5), "pad"), ((1, 1, None, "0"), "value")):
        with pytest.raises(graph.GraphError, match=rf"nn.Padding: {name} must be"):
            nn.Padding(*arguments)
