"""Select, Narrow, Index and MaskedSelect."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize(("dimension", "axis"), [(1, 1), (2, 2), (3, 3), (-1, 3), (-3, 1)])
@pytest.mark.parametrize("index", [1, 2, -1, -2])
def test_select_counts_planes_height_width(run, dimension, axis, index):
    torch = ramp(2, 3, 4, 5)
    picked = np.take(torch, index - 1 if index > 0 else index, axis)
    ran = run(nn.Select(dimension, index), keras_order(torch), picked + 1)
    np.testing.assert_array_equal(ran.output, picked)
    gradient = np.zeros_like(torch)
    place = [slice(None)] * 4
    place[axis] = index - 1 if index > 0 else index
    gradient[tuple(place)] = picked + 1
    np.testing.assert_array_equal(ran.gradInput, keras_order(gradient))


def test_select_from_a_volume_gives_an_image(run):
    torch = ramp(2, 3, 4, 5, 6)
    output = run(nn.Select(1, 2), keras_order(torch)).output
    np.testing.assert_array_equal(output, keras_order(torch[:, 1]))


@pytest.mark.parametrize(
    ("offset", "length", "which"),
    [
        (1, 1, slice(0, 1)),
        (2, 3, slice(1, 4)),
        (2, -1, slice(1, 5)),
        (2, -2, slice(1, 4)),
        (5, -1, slice(4, 5)),
        (-1, 2, slice(0, 3)),
        (-4, 2, slice(0, 3)),
        (-1, -6, slice(0, 3)),
    ],
)
def test_narrow(run, offset, length, which):
    x = ramp(2, 5, 3)
    ran = run(nn.Narrow(1, offset, length), x, x[:, which] + 1)
    np.testing.assert_array_equal(ran.output, x[:, which])
    gradient = np.zeros_like(x)
    gradient[:, which] = x[:, which] + 1
    np.testing.assert_array_equal(ran.gradInput, gradient)


def test_narrow_of_a_size_known_only_when_it_runs():
    x = graph.Input((None, 3))
    model = gModule([x], [nn.Narrow(1, 2, -2)(x), nn.Narrow(1, -1, 1)(x), nn.Select(1, -2)(x)])
    for size in (4, 7):
        given = ramp(2, size, 3)
        inner, first, one = model.forward(given)
        np.testing.assert_array_equal(inner, given[:, 1:-1])
        np.testing.assert_array_equal(first, given[:, :-1])
        np.testing.assert_array_equal(one, given[:, -2])


@pytest.mark.parametrize("dimension", [1, 2, 3, -2])
def test_every_sample_has_its_own_indices(run, dimension):
    torch, indices = ramp(2, 3, 4, 5), np.array([[3, 1, 1], [2, 2, 3]], "float32")
    axis = dimension - 1 if dimension > 0 else 3 + dimension
    expected = np.stack(
        [np.take(x, i.astype(int) - 1, axis) for x, i in zip(torch, indices, strict=True)]
    )
    ran = run(nn.Index(dimension), [keras_order(torch), indices], keras_order(expected + 1))
    np.testing.assert_array_equal(ran.output, keras_order(expected))
    gradient = np.zeros_like(torch)
    for n in range(2):
        for k, i in enumerate(indices[n].astype(int) - 1):
            at = [slice(None)] * 3
            at[axis] = i
            gradient[(n, *at)] += np.take(expected[n] + 1, k, axis)
    np.testing.assert_array_equal(ran.gradInput[0], keras_order(gradient))
    np.testing.assert_array_equal(ran.gradInput[1], 0 * indices)


def test_indices_may_be_integers():
    x, indices = graph.Input((4, 2)), graph.Input((3,), dtype="int64")
    model = gModule([x, indices], [nn.Index(1)([x, indices])])
    output = model.predict([ramp(2, 4, 2), np.array([[4, 1, 2], [3, 3, 1]])], verbose=0)
    np.testing.assert_array_equal(output[0], ramp(2, 4, 2)[0, [3, 0, 1]])
    np.testing.assert_array_equal(output[1], ramp(2, 4, 2)[1, [2, 2, 0]])


def test_masked_select_goes_through_planes_first(run):
    torch = ramp(2, 3, 4, 5)
    mask = torch % 3 == 1
    x = [keras_order(torch), keras_order(mask.astype("float32"))]
    ran = run(nn.MaskedSelect(), x, torch[mask] + 1)
    np.testing.assert_array_equal(ran.output, torch[mask])
    np.testing.assert_array_equal(ran.gradInput[0], keras_order(mask * (torch + 1)))


def test_mistakes(refused):
    assert "picks slice 4 of 3 along dimension 2" in refused(nn.Select(2, 4), (2, 3))
    assert "has no dimension 3 here" in refused(nn.Select(3, 1), (2, 3))
    assert "takes one tensor, not a table" in refused(nn.Select(1, 1), [(3,), (3,)])
    assert "takes 3 slices from number 2 of 3 along dimension 1" in refused(
        nn.Narrow(1, 2, 3), (3, 2)
    )
    assert "the run must lie between 1 and 3" in refused(nn.Narrow(1, -1, 3), (3, 2))
    assert "takes a table of a tensor and indices" in refused(nn.Index(1), (3,))
    assert "one list of indices for each sample" in refused(nn.Index(1), [(3, 2), (2, 2)])
    assert "has no dimension 2" in refused(nn.Index(2), [(3,), (2,)])
    assert "takes a mask of the shape" in refused(nn.MaskedSelect(), [(3, 2), (2, 3)])
    assert "takes a table of a tensor and a mask" in refused(nn.MaskedSelect(), (3, 2))
    for make, name in (
        (lambda: nn.Select(0, 1), "Select: dimension"),
        (lambda: nn.Select(1, 0), "Select: index"),
        (lambda: nn.Narrow(1, 0), "Narrow: offset"),
        (lambda: nn.Narrow(1, 1, 0), "Narrow: length"),
        (lambda: nn.Narrow("1", 1), "Narrow: dimension"),
        (lambda: nn.Index(1.5), "Index: dimension"),
    ):
        with pytest.raises(graph.GraphError, match=rf"nn.{name}.* must be an integer"):
            make()
    with pytest.raises(graph.GraphError, match="fed must be None, 'batches' or 'samples'"):
        nn.MaskedSelect(fed="both")
