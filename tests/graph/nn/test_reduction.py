"""Max, Min, Sum and Mean along a dimension of a sample."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def distinct(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1)) - n).reshape(shape).astype("float32") / 8


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


KINDS = {nn.Max: np.max, nn.Min: np.min, nn.Sum: np.sum, nn.Mean: np.mean}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 5), (3, 2, 4, 5), (2, 3, 2, 4, 5)])
def test_every_dimension(run, kind, shape):
    torch = distinct(*shape)
    for axis in range(1, len(shape)):
        expected = KINDS[kind](torch, axis)
        for dimension in (axis, axis - len(shape)):
            output = run(kind(dimension), keras_order(torch)).output
            np.testing.assert_allclose(output, keras_order(expected), rtol=1e-5, atol=1e-6)


def test_the_default_is_the_first_dimension(run):
    x = distinct(2, 3, 4)
    np.testing.assert_array_equal(run(nn.Max(), x).output, x.max(1))
    np.testing.assert_allclose(run(nn.Mean(), x).output, x.mean(1), rtol=1e-6)


def test_size_average_and_squeeze(run):
    torch = distinct(2, 3, 4, 5)
    for module, expected in (
        (nn.Sum(2, squeeze=False), torch.sum(2, keepdims=True)),
        (nn.Sum(2, -1, True), torch.mean(2)),
        (nn.Sum(1, 3, True, False), torch.mean(1, keepdims=True)),
        (nn.Mean(3, squeeze=False), torch.mean(3, keepdims=True)),
    ):
        output = run(module, keras_order(torch)).output
        np.testing.assert_allclose(output, keras_order(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("kind", "sign"), [(nn.Max, 1), (nn.Min, -1)])
def test_the_first_of_equal_values_takes_the_gradient(run, kind, sign):
    x = sign * np.array([[[0, 2], [3, 2], [3, 1]], [[5, 5], [5, 5], [5, 5]]], "float32")
    g = np.array([[10, 20], [30, 40]], "float32")
    expected = [[[0, 20], [10, 0], [0, 0]], [[30, 40], [0, 0], [0, 0]]]
    np.testing.assert_array_equal(run(kind(1), x, g).gradInput, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_known_only_when_it_runs(kind):
    x = graph.Input((None, None, 2))
    model = gModule([x], [kind(2)(x)])
    for size in ((3, 4), (5, 2)):
        image = distinct(2, *size, 2)
        expected = KINDS[kind](image, 1).swapaxes(1, 2)  # Planes before width.
        np.testing.assert_allclose(model.forward(image), expected, rtol=1e-5, atol=1e-6)


def test_mistakes(refused):
    assert "has no dimension 3 here: a sample has 2" in refused(nn.Sum(3), (2, 3))
    assert "takes one tensor, not a table" in refused(nn.Max(1), [(3,), (3,)])
    text = refused(nn.Mean(1, 1), (2, 3))
    assert "is told of samples of 1 dimensions, these have 2" in text and "state 2" in text
    assert "works along dimension 1 (here -3), which is the batch" in refused(nn.Min(-3), (2, 3))
    for kind in KINDS:
        for dimension in (0, "1", 1.5):
            with pytest.raises(graph.GraphError, match=rf"nn.{kind.__name__}: dimension.* must be"):
                kind(dimension)
        with pytest.raises(graph.GraphError, match="nInputDims must be an integer"):
            kind(1, "2")
