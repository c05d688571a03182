"""Torch modules that work plane by plane let their planes be widened."""

import numpy as np
import pytest

import graph
from graph import gModule, net2net, nn

MODULES = {
    "ceil": nn.SpatialMaxPooling(2, 2).ceil(),
    "dilated": nn.SpatialDilatedMaxPooling(2, 2, 1, 1, 0, 0, 2, 2),
    "average": nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1),
    "lp": nn.SpatialLPPooling(4, 2, 2, 2),
    "adaptive max": nn.SpatialAdaptiveMaxPooling(3, 2),
    "adaptive average": nn.SpatialAdaptiveAveragePooling(3, 2),
    "nearest": nn.SpatialUpSamplingNearest(2),
    "bilinear": nn.SpatialUpSamplingBilinear(2),
    "zeros": nn.SpatialZeroPadding(1, 2, 0, -1),
    "reflection": nn.SpatialReflectionPadding(1, 2, 1, 2),
    "replication": nn.SpatialReplicationPadding(1, 2, 1, 2),
}


@pytest.mark.parametrize("name", MODULES)
def test_planes_by_themselves(name):
    x = graph.Input((8, 7, 3))
    conv = (x - nn.SpatialConvolution(3, 4, 2, 2)).annotate(name="conv")
    model = gModule([x], [conv - MODULES[name] - nn.Square() - nn.SpatialConvolution(4, 2, 1, 1)])
    wide = net2net.wider(model, "conv", 7)
    assert wide.get_layer("conv").filters == 7
    batch = np.random.default_rng(0).normal(size=(2, 8, 7, 3)).astype("float32")
    expected = model.predict(batch, verbose=0)
    np.testing.assert_allclose(wide.predict(batch, verbose=0), expected, rtol=1e-5, atol=1e-5)
