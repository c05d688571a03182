"""Bottle: which dimensions are put together, in Torch's order."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def linear(inputs, outputs):
    module = nn.Linear(inputs, outputs)
    for variable in module.named_parameters().values():
        variable.assign(ramp(*variable.shape))
    return module, lambda x: x @ ramp(inputs, outputs) + ramp(outputs)


@pytest.mark.parametrize("shape", [(4, 6), (4, 3, 6), (4, 5, 6, 3), (4, 2, 5, 6, 3)])
def test_linear_on_the_last_dimension(run, shape):
    module, function = linear(6, 2)
    axis = -1 if len(shape) < 4 else -2  # Torch's last dimension.
    x = ramp(*shape)
    expected = np.moveaxis(function(np.moveaxis(x, axis, -1)), -1, axis)
    g = ramp(*expected.shape)
    ran = run(nn.Bottle(module), x, g)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    slope = np.moveaxis(np.moveaxis(g, axis, -1) @ ramp(6, 2).T, -1, axis)
    np.testing.assert_allclose(ran.gradInput, slope, rtol=1e-5, atol=1e-6)
    bias = np.moveaxis(g, axis, -1).reshape(-1, 2).sum(0)
    np.testing.assert_allclose(ran.gradients[1], bias, rtol=1e-4, atol=1e-5)


def test_images_of_a_volume(run):
    # Torch: (batch, 2, T, H, W) -> (batch * 2, T, H, W), so that T is the child's planes.
    convolution = nn.SpatialConvolution(3, 4, 2, 1)
    x = ramp(5, 3, 6, 7, 2)
    y = run(nn.Bottle(convolution, 4), x).output
    assert y.shape == (5, 4, 6, 6, 2)
    for plane in range(2):
        images = np.moveaxis(x[..., plane], 1, -1)
        expected = np.moveaxis(run(convolution, images).output, -1, 1)
        np.testing.assert_allclose(y[..., plane], expected, rtol=1e-5, atol=1e-6)


def test_a_child_that_gives_fewer_dimensions(run):
    x = ramp(5, 4, 6)
    y = run(nn.Bottle(nn.Sequential(nn.Unsqueeze(1), nn.Squeeze(1)), 2), x).output
    np.testing.assert_array_equal(y, x)
    # Samples of 4 x 6, flattened: (5, 3) of them.
    x = ramp(5, 4, 6, 3)
    y = run(nn.Bottle(nn.View(-1), 3, 2), x).output
    np.testing.assert_array_equal(y, np.moveaxis(x, -1, 1).reshape(5, 3, 24))


def test_a_time_that_is_not_known():
    module, function = linear(6, 2)
    given = graph.Input((None, 6))
    model = gModule([given], [nn.Bottle(module)(given)])
    assert model.output_shape == (None, None, 2)
    for time in (2, 5):
        x = ramp(3, time, 6)
        np.testing.assert_allclose(model.predict(x, verbose=0), function(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(graph.GraphError, match="cannot become stock Keras layers while sizes"):
        model.to_keras()


def test_mistakes(refused):
    text = refused(nn.Bottle(nn.View(-1), 3), (4, 6, 2))
    assert "needs a child that gives 3 dimensions" in text and "fix: state nOutputDim" in text
    assert "child 1 (Linear)" in refused(nn.Bottle(nn.Linear(5, 2)), (4, 6))
    assert "takes one tensor, not a table" in refused(nn.Bottle(nn.Tanh()), [(3,), (3,)])
    with pytest.raises(graph.GraphError, match="nn.Bottle: nInputDim must be an integer"):
        nn.Bottle(nn.Tanh(), 0)
    assert repr(nn.Bottle(nn.Tanh(), 3)) == "nn.Bottle(nn.Tanh(), 3, 3)"
