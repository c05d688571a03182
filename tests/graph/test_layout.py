"""graph/layout.py, against the definition: a Torch array whose planes were moved last."""

import numpy as np
import pytest

from graph.errors import ShapeMismatch
from graph.layout import axes_after_removal, from_torch_axes, keras_axis, to_torch_axes, torch_shape


def keras_layout(torch):
    """The rule of the house, written down once more."""
    return np.moveaxis(torch, 1, -1) if torch.ndim >= 4 else torch


def torch_array(rank):
    return np.arange(np.prod(range(2, 2 + rank))).reshape(range(2, 2 + rank))


@pytest.mark.parametrize("rank", [1, 2, 3, 4, 5, 6])
def test_permutations(rank):
    torch = torch_array(rank)
    np.testing.assert_array_equal(torch.transpose(from_torch_axes(rank)), keras_layout(torch))
    np.testing.assert_array_equal(keras_layout(torch).transpose(to_torch_axes(rank)), torch)
    assert torch_shape(keras_layout(torch).shape) == torch.shape


@pytest.mark.parametrize(
    ("rank", "dimension"), [(r, d) for r in range(2, 7) for d in range(1 - r, r) if d]
)
def test_a_torch_dimension_has_the_size_that_its_keras_axis_has(rank, dimension):
    torch = torch_array(rank)
    per_sample = torch.shape[1:]
    size = per_sample[dimension - 1 if dimension > 0 else dimension]
    axis = keras_axis(dimension, rank)
    assert 1 <= axis < rank
    assert keras_layout(torch).shape[axis] == size


@pytest.mark.parametrize(("rank", "dimension"), [(r, d) for r in range(3, 7) for d in range(1, r)])
def test_removing_a_dimension(rank, dimension):
    torch = torch_array(rank)
    axis = keras_axis(dimension, rank)
    piece = np.take(keras_layout(torch), 1, axis).transpose(axes_after_removal(rank, axis))
    np.testing.assert_array_equal(piece, keras_layout(np.take(torch, 1, dimension)))


@pytest.mark.parametrize("dimension", [0, 4, -4])
def test_a_dimension_that_is_not_there(dimension):
    with pytest.raises(ShapeMismatch, match=f"has no dimension {dimension} here: a sample has 3"):
        keras_axis(dimension, 4)


def test_unknown_sizes_travel_along():
    assert torch_shape((None, None, 7, 3)) == (None, 3, None, 7)
