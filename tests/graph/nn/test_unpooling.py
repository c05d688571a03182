"""Unpooling against the places that a loop finds."""

import keras
import numpy as np
import pytest
from image_examples import ramp

import graph
from graph import GraphError, gModule, nn


def unpooled(x, values, pool):
    """Each value where its window (within the image) has its first largest pixel."""
    y = np.zeros(x.shape)
    for n, i, j, c in np.ndindex(*values.shape):
        top, left = i * pool.dH - pool.padH, j * pool.dW - pool.padW
        rows = range(max(top, 0), min(top + pool.kH, x.shape[1]))
        columns = range(max(left, 0), min(left + pool.kW, x.shape[2]))
        places = [(r, s) for r in rows for s in columns]
        y[(n, *max(places, key=lambda p: x[n, p[0], p[1], c]), c)] = values[n, i, j, c]
    return y


@pytest.mark.parametrize(
    ("pool", "size"),
    [
        (nn.SpatialMaxPooling(2, 2), (4, 6)),
        (nn.SpatialMaxPooling(3, 2), (5, 8)),
        (nn.SpatialMaxPooling(3, 2).ceil(), (5, 8)),
        (nn.SpatialMaxPooling(2, 3, 2, 3, 1, 1), (5, 6)),
        (nn.SpatialMaxPooling(3, 2, 3, 2, 1, 1).ceil(), (6, 7)),
        (nn.SpatialMaxPooling(4, 4, 4, 4, 1, 2), (5, 5)),
    ],
)
def test_places(pool, size):
    x = ramp(2, *size, 3)
    image = graph.Input(x.shape[1:])
    pooled = pool(image)
    doubled = nn.SpatialMaxPooling(1, 1)(nn.CAddTable()([pooled, pooled]))
    model = gModule([image], [pooled, nn.SpatialMaxUnpooling(pool)(doubled)]).evaluate()
    values, y = model.forward(x)
    np.testing.assert_allclose(y, unpooled(x, 2 * values, pool), rtol=1e-6)
    gradOutput = ramp(*y.shape)
    gradInput = model.backward(x, [np.zeros_like(values), gradOutput])
    # Through the values only: what arrives at each place goes back to it, twice.
    mask = unpooled(x, np.ones_like(values), pool)
    np.testing.assert_allclose(gradInput, 2 * mask * gradOutput, rtol=1e-6)


def test_the_first_of_equal_values(run):
    pool = nn.SpatialMaxPooling(2, 2)
    both = nn.Sequential(pool, nn.SpatialMaxUnpooling(pool))
    y = run(both, np.ones((1, 2, 2, 1), "float32")).output
    np.testing.assert_array_equal(y[0, :, :, 0], [[1, 0], [0, 0]])


def test_its_pooling_module_stays_its_own_when_saved(tmp_path):
    x = ramp(2, 4, 4, 3)
    pool, other = nn.SpatialMaxPooling(2, 2), nn.SpatialMaxPooling(2, 2)
    image = graph.Input((4, 4, 3))
    # The other one runs last, on another image.
    joined = nn.CAddTable()([pool(image), other(nn.MulConstant(-1.0)(image))])
    model = gModule([image], [nn.SpatialMaxUnpooling(pool)(joined)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.forward(x), model.forward(x))
    places = unpooled(x, np.ones((2, 2, 2, 3)), pool)
    assert (np.asarray(model.forward(x)) != 0).sum() == (places != 0).sum()
    assert not np.asarray(model.forward(x))[places == 0].any()
    unpooling = loaded.modules[-1]
    assert any(unpooling.pooling is module for module in loaded.modules)


def test_mistakes(refused):
    pool = nn.SpatialMaxPooling(2, 2)
    unpool = nn.SpatialMaxUnpooling(pool)
    assert "has not run before it in this model" in refused(unpool, (2, 2, 3))
    late = nn.Sequential(unpool, pool)
    assert "has not run before it" in refused(late, (4, 4, 3))
    again = nn.Sequential(pool, nn.SpatialConvolution(3, 3, 2, 2), unpool)
    text = refused(again, (6, 6, 3))
    assert "shaped as the output" in text and "(None, 3, 3, 3)" in text
    assert "height and width" in refused(nn.Sequential(pool, unpool), (None, 4, 3))
    with pytest.raises(GraphError, match="must be an nn.SpatialMaxPooling"):
        nn.SpatialMaxUnpooling(nn.SpatialAveragePooling(2, 2))
    with pytest.raises(GraphError, match="must be as large as its window"):
        nn.SpatialMaxUnpooling(nn.SpatialMaxPooling(3, 3, 2, 2))
