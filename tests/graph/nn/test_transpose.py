"""Transpose: pairs of dimensions, swapped in turn."""

import keras
import numpy as np
import pytest

import graph
from graph import nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize(
    ("shape", "pairs"),
    [
        ((2, 3, 4), [(1, 2)]),
        ((2, 3, 4, 5), [(1, 2)]),
        ((2, 3, 4, 5), [(1, 3), (2, 3)]),
        ((2, 3, 4, 5), [(1, 2), (2, 3)]),
        ((2, 3, 4, 5, 6), [(1, 4), (1, 2), (2, 3)]),
    ],
)
def test_one_pair_after_another(run, shape, pairs):
    torch = expected = ramp(*shape)
    for a, b in pairs:
        expected = np.swapaxes(expected, a, b)
    ran = run(nn.Transpose(*pairs), keras_order(torch), keras_order(expected + 1))
    np.testing.assert_array_equal(ran.output, keras_order(expected))
    np.testing.assert_array_equal(ran.gradInput, keras_order(torch + 1))
    assert [type(layer) for layer in ran.model.layers[1:]] == [keras.layers.Permute]


def test_what_swaps_nothing_permutes_nothing(run):
    for module in (nn.Transpose(), nn.Transpose((1, 2), (2, 1))):
        layer = run(module, ramp(2, 3, 4)).model.layers[-1]
        assert isinstance(layer, keras.layers.Identity)


def test_pairs_may_be_lists_and_samples_are_counted(run, refused):
    module = nn.Transpose([1, 2]).setNumInputDims(2)
    assert module.permutations == [(1, 2)]
    assert run(module, ramp(2, 3, 4)).output.shape == (2, 4, 3)
    assert "is told of samples of 2 dimensions, these have 3" in refused(module, (3, 4, 5))


def test_mistakes(refused):
    text = refused(nn.Transpose((1, 3)), (3, 4))
    assert "swaps dimensions (1, 3): a sample has 2" in text
    assert "takes one tensor" in refused(nn.Transpose((1, 2)), [(3, 4), (3, 4)])
    for pair in (1, (1,), (1, 2, 3), "12"):
        with pytest.raises(graph.GraphError, match="must be a pair of dimensions"):
            nn.Transpose(pair)
    for pair in ((0, 1), (1, -1), (1, "2")):
        with pytest.raises(graph.GraphError, match="dimension must be an integer of at least 1"):
            nn.Transpose(pair)
