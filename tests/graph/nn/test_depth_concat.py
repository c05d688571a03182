"""DepthConcat: results of different size."""

import keras
import numpy as np
import pytest

from graph import nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32") + 1


def centred(x, shape):
    output = np.zeros(shape, "float32")
    place = tuple(
        slice((a - b) // 2, (a - b) // 2 + b) for a, b in zip(shape, x.shape, strict=True)
    )
    output[place] = x
    return output


def test_smaller_images_stand_in_the_middle(run):
    x = ramp(2, 6, 7, 3)
    module = nn.DepthConcat(
        1, nn.Narrow(2, 2, 3), nn.Identity(), nn.Sequential(nn.Narrow(3, 1, 4), nn.Narrow(1, 2, 1))
    )
    parts = [x[:, 1:4], x, x[:, :, :4, 1:2]]
    expected = np.concatenate([centred(part, (2, 6, 7, part.shape[3])) for part in parts], -1)
    g = ramp(*expected.shape)
    ran = run(module, x, g)
    np.testing.assert_array_equal(ran.output, expected)
    gradient = g[..., 3:6].copy()
    gradient[:, 1:4] += g[:, 1:4, :, :3]
    gradient[:, :, :4, 1:2] += g[:, :, 1:5, 6:]
    np.testing.assert_array_equal(ran.gradInput, gradient)
    borders = [x for x in ran.model.layers if isinstance(x, keras.layers.ZeroPadding2D)]
    assert [layer.padding for layer in borders] == [((1, 2), (0, 0)), ((0, 0), (1, 2))]


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 5, 4, 3)])
def test_any_dimension_may_be_joined(run, shape):
    x = ramp(*shape)
    axis = 2 if len(shape) == 3 else 1
    output = run(nn.DepthConcat(2, nn.Narrow(1, 2, 2), nn.Identity()), x).output
    part = x[:, 1:3] if len(shape) == 3 else x[..., 1:3]
    np.testing.assert_array_equal(output, np.concatenate([centred(part, shape), x], axis))


def test_equal_sizes_are_only_joined(run):
    model = run(nn.DepthConcat(1, nn.Identity(), nn.Tanh()), ramp(2, 3, 4, 2)).model
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    assert kinds == ["Identity", "Activation", "Concatenate"]


def test_mistakes(refused):
    module = nn.DepthConcat(1, nn.SpatialConvolution(2, 3, 3, 3), nn.Identity())
    assert "which result is the largest while sizes are unknown" in refused(module, (None, None, 2))
    assert "has no children" in refused(nn.DepthConcat(1), (3, 4, 2))
    assert "results of one number of dimensions" in refused(
        nn.DepthConcat(1, nn.Identity(), nn.View(-1)), (3, 4, 2)
    )
