"""Squeeze, Unsqueeze and Replicate."""

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize(
    ("shape", "dim", "result"),
    [
        ((3, 1, 4, 1), None, (3, 4)),
        ((3, 1, 4, 1), 1, (3, 4, 1)),
        ((3, 1, 4, 1), 2, (3, 1, 4, 1)),
        ((3, 1, 4, 1), 3, (3, 1, 4)),
        ((3, 2, 1, 4, 1, 5), None, (3, 2, 4, 5)),
        ((3, 2, 4, 5), None, (3, 2, 4, 5)),
        ((3, 1), None, (3,)),
        ((1, 1, 2), 1, (1, 2)),
    ],
)
def test_squeeze(run, shape, dim, result):
    torch = ramp(*shape)
    ran = run(nn.Squeeze(dim), keras_order(torch), keras_order(torch.reshape(result) + 1))
    np.testing.assert_array_equal(ran.output, keras_order(torch.reshape(result)))
    np.testing.assert_array_equal(ran.gradInput, keras_order(torch + 1))


@pytest.mark.parametrize("shape", [(3,), (3, 4), (3, 4, 2), (3, 4, 2, 5)])
def test_unsqueeze_and_replicate_at_every_place(run, shape):
    torch = ramp(*shape)
    for place in range(1, len(shape) + 1):
        longer = np.expand_dims(torch, place)
        ran = run(nn.Unsqueeze(place), keras_order(torch), keras_order(longer + 1))
        np.testing.assert_array_equal(ran.output, keras_order(longer))
        np.testing.assert_array_equal(ran.gradInput, keras_order(torch + 1))
        repeated = np.repeat(longer, 4, place)
        gradOutput = ramp(*repeated.shape)
        ran = run(nn.Replicate(4, place), keras_order(torch), keras_order(gradOutput))
        np.testing.assert_array_equal(ran.output, keras_order(repeated))
        np.testing.assert_array_equal(ran.gradInput, keras_order(gradOutput.sum(place)))


def test_rows_are_repeated_by_keras_own_layer(run):
    layers = run(nn.Replicate(4), ramp(2, 3)).model.layers
    assert isinstance(layers[-1], keras.layers.RepeatVector)


def test_image_sizes_known_only_when_it_runs():
    x = graph.Input((None, None, 1))
    model = gModule([x], [nn.Squeeze()(x), nn.Unsqueeze(2)(x), nn.Replicate(2, 4)(x)])
    for size in ((3, 4), (5, 2)):
        image = ramp(2, *size, 1)
        squeezed, longer, repeated = model.forward(image)
        np.testing.assert_array_equal(squeezed, image[..., 0])
        np.testing.assert_array_equal(longer, image[:, None])
        np.testing.assert_array_equal(repeated, np.stack([image, image], 3))


def test_num_input_dims_is_only_checked(run, refused):
    x = ramp(2, 1, 3)
    assert run(nn.Squeeze(1).setNumInputDims(2), x).output.shape == (2, 3)
    assert run(nn.Unsqueeze(3).setNumInputDims(2), x).output.shape == (2, 3, 1, 1)
    for module in (nn.Squeeze(1, 3), nn.Unsqueeze(1, 3), nn.Replicate(2, 1, 3)):
        assert "is told of samples of 3 dimensions, these have 2" in refused(module, (1, 3))


def test_mistakes(refused):
    assert "cannot tell whether dimension 2 (axis 1) has size 1" in refused(
        nn.Squeeze(2), (None, 3, 1)
    )
    assert "has no dimension 3" in refused(nn.Squeeze(3), (1, 3))
    for module in (nn.Unsqueeze(4), nn.Replicate(2, 4)):
        text = refused(module, (2, 3))
        assert "cannot have a new dimension 4: a sample has 2" in text
        assert "give a place from 1 to 3" in text
    for make in (nn.Squeeze, nn.Unsqueeze, nn.Replicate):
        for value in (0, -1, "1", 1.5):
            with pytest.raises(graph.GraphError, match=rf"nn.{make.__name__}: \w+ must be an int"):
                make(value)
        assert "takes one tensor" in refused(make(1), [(1, 3), (1, 3)])
