"""JoinTable, SplitTable, SelectTable and Identity on tables."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


@pytest.mark.parametrize(("dimension", "axis"), [(1, 3), (2, 1), (3, 2), (-1, 2), (-2, 1), (-3, 3)])
def test_join_counts_planes_height_width(run, dimension, axis):
    shapes = [[2, 3, 4, 5], [2, 3, 4, 5]]
    shapes[1][axis] += 2
    x = [ramp(*shapes[0]), -ramp(*shapes[1])]
    expected = np.concatenate(x, axis)
    ran = run(nn.JoinTable(dimension), x, expected * 3)
    np.testing.assert_array_equal(ran.output, expected)
    np.testing.assert_array_equal(ran.gradInput[0], 3 * x[0])
    np.testing.assert_array_equal(ran.gradInput[1], 3 * x[1])


def test_join_of_one(run):
    np.testing.assert_array_equal(run(nn.JoinTable(1), [ramp(2, 3)]).output, ramp(2, 3))


def test_join_of_images_whose_size_is_known_only_when_it_runs():
    a, b = graph.Input((None, None, 2)), graph.Input((None, None, 1))
    model = gModule([a, b], [nn.JoinTable(1)([a, b])])
    for size in ((2, 3), (4, 1)):
        x, y = ramp(2, *size, 2), -ramp(2, *size, 1)
        expected = np.concatenate([x, y], -1)
        np.testing.assert_array_equal(model.predict([x, y], verbose=0), expected)


@pytest.mark.parametrize(
    ("shape", "dimension"),
    [((2, 3, 4), 1), ((2, 3, 4), 2), ((2, 3, 4), -1), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), 2)]
    + [((2, 3, 4, 5), -1), ((2, 3, 4, 5, 6), 1), ((2, 3, 4, 5, 6), 2), ((2, 3, 4, 5, 6), 4)],
)
def test_split_cuts_a_torch_dimension(run, shape, dimension):
    torch = ramp(*shape)
    axis = dimension if dimension > 0 else len(shape) + dimension

    def keras_order(x):
        return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x

    pieces = [keras_order(np.take(torch, i, axis)) for i in range(shape[axis])]
    ran = run(nn.SplitTable(dimension), keras_order(torch), pieces)
    assert len(ran.output) == len(pieces)
    for actual, expected in zip(ran.output, pieces, strict=True):
        np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(ran.gradInput, keras_order(torch))


@pytest.mark.parametrize(("index", "which"), [(1, 0), (3, 2), (-1, 2), (-3, 0)])
def test_select(run, index, which):
    x = [ramp(2, 3), ramp(2, 4), ramp(2, 5)]
    ran = run(nn.SelectTable(index), x, x[which] + 1)
    np.testing.assert_array_equal(ran.output, x[which])
    for i, gradient in enumerate(ran.gradInput):
        np.testing.assert_array_equal(gradient, x[i] + 1 if i == which else 0 * x[i])


def test_select_may_pick_a_table(run):
    x = [ramp(2, 3), [ramp(2, 4), ramp(2, 5)]]
    first, second = run(nn.Sequential(nn.SelectTable(2), nn.Identity()), x).output
    np.testing.assert_array_equal(first, x[1][0])
    np.testing.assert_array_equal(second, x[1][1])


@pytest.mark.parametrize(
    ("case", "module"),
    [
        ("JoinTable", nn.JoinTable(1)),  # Torch's dimension 2 there counts the batch.
        ("JoinTable_4d", nn.JoinTable(1)),
        ("JoinTable_nInputDims", nn.JoinTable(1, 2)),
        ("SplitTable", nn.SplitTable(1)),
        ("SplitTable_nInputDims", nn.SplitTable(1, 2)),
        ("SplitTable_negative", nn.SplitTable(-1)),
        ("SelectTable", nn.SelectTable(2)),
        ("SelectTable_negative", nn.SelectTable(-1)),
        ("Identity", nn.Identity()),
    ],
)
def test_torch7s_own_numbers(like_torch, case, module):
    like_torch(case, module)


def test_mistakes(refused):
    text = refused(nn.JoinTable(1), [(4, 5, 2), (4, 6, 3)])
    assert "joins along dimension 1 (axis 3)" in text
    assert "expected (None, 4, 5, 'any')" in text
    assert "has no dimension 4 here: a sample has 3" in refused(nn.JoinTable(4), [(4, 5, 2)] * 2)
    assert "takes a table of tensors" in refused(nn.JoinTable(1), (3,))
    text = refused(nn.JoinTable(1, 2), [(4, 5, 2)] * 2)
    assert "is told of samples of 2 dimensions, these have 3" in text
    assert "is told of samples of 3 dimensions" in refused(nn.SplitTable(1, 3), (4, 2))
    assert "which is the batch" in refused(nn.SplitTable(-3), (4, 2))
    assert "takes one tensor, not a table" in refused(nn.SplitTable(1), [(3,), (3,)])
    assert "whose size is unknown" in refused(nn.SplitTable(1), (None, 3))
    assert "has no dimension 2" in refused(nn.SplitTable(2), (3,))
    assert "picks element 3 of a table of 2" in refused(nn.SelectTable(3), [(3,), (3,)])
    assert "picks element -3 of a table of 2" in refused(nn.SelectTable(-3), [(3,), (3,)])
    assert "takes a table" in refused(nn.SelectTable(1), (3,))
    for make in (nn.JoinTable, nn.SplitTable, nn.SelectTable):
        with pytest.raises(graph.GraphError, match=rf"nn.{make.__name__}: \w+ must be an integer"):
            make("1")
    with pytest.raises(graph.GraphError, match=r"index \(counted from 1\)"):
        nn.SelectTable(0)
