"""Every module on sequences, images and volumes, with arguments that differ from the defaults."""

import numpy as np

from graph import nn


def ramp(*shape):
    """Distinct values of both signs in no order."""
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


FRAMES, IMAGE, VOLUME = ramp(3, 9, 4), ramp(3, 7, 6, 2), ramp(2, 5, 6, 7, 2)
TABLE = [[1, 1], [2, 1], [2, 3], [2, 1]]
KERNEL = [[1.0, 2.0, 3.0]]


def examples():
    """New modules each time, since a module keeps its layers, with an input each."""
    pool = nn.SpatialMaxPooling(3, 2, 3, 2, 1, 1).ceil()
    unpool = nn.SpatialMaxUnpooling(pool)
    return [
        (nn.SpatialConvolution(2, 3, 3, 2, 2, 1, 1, 0), IMAGE),
        (nn.SpatialConvolution(2, 4, 3, 3, groups=2), IMAGE),
        (nn.SpatialConvolutionMM(2, 3, 3, 3, 1, 1, 1).noBias(), IMAGE),
        (nn.SpatialDilatedConvolution(2, 3, 3, 2, 2, 3, 2, 2, 2, 4), IMAGE),
        (nn.VolumetricConvolution(2, 3, 2, 3, 2, 1, 2, 1, 1, 0, 0), VOLUME),
        (nn.VolumetricDilatedConvolution(2, 3, 2, 2, 3, 2, 1, 1, 1, 1, 1, 2, 3, 1), VOLUME),
        (nn.SpatialFullConvolution(2, 3, 3, 2, 2, 3, 1, 0, 1, 2), IMAGE),
        (nn.VolumetricFullConvolution(2, 3, 2, 3, 2, 1, 2, 1, 1, 1, 0, 0, 1, 0), VOLUME),
        (nn.SpatialFullConvolution(2, 3, 3, 3, 2, 2, 1, 1), [IMAGE, ramp(3, 14, 11, 5)]),
        (nn.SpatialConvolutionLocal(2, 3, 6, 7, 3, 2, 2, 1, 1, 0), IMAGE),
        (nn.SpatialConvolutionMap(TABLE, 3, 2, 2, 1), IMAGE),
        (nn.SpatialFullConvolutionMap(TABLE, 1, 2, 2, 3), IMAGE),
        (nn.SpatialDepthWiseConvolution(2, 3, 3, 2, 2, 1, 1, 1), IMAGE),
        (nn.TemporalConvolution(4, 3, 2, 3), FRAMES),
        (nn.TemporalRowConvolution(4, 3, 2), FRAMES),
        (nn.TemporalRowConvolution(9, 2, 1, True).noBias(), FRAMES),
        (nn.TemporalMaxPooling(3, 2), FRAMES),
        (nn.TemporalSubSampling(4, 3, 2), FRAMES),
        (nn.TemporalDynamicKMaxPooling(2, 0.5), FRAMES),
        (nn.SpatialMaxPooling(3, 2, 2, 3, 1, 1).ceil(), IMAGE),
        (nn.SpatialDilatedMaxPooling(2, 2, 1, 2, 1, 0, 2, 3), IMAGE),
        (nn.VolumetricMaxPooling(2, 3, 2, 1, 2, 2, 1, 1, 0).ceil(), VOLUME),
        (nn.VolumetricDilatedMaxPooling(2, 2, 2, 1, 1, 1, 0, 1, 0, 2, 1, 3), VOLUME),
        (nn.SpatialAveragePooling(3, 2, 2, 2, 1, 1).ceil().setCountExcludePad(), IMAGE),
        (nn.SpatialAveragePooling(2, 2, 2, 2, ceil_mode=True, divide=False), IMAGE),
        (nn.VolumetricAveragePooling(2, 3, 2, 1, 2, 2), VOLUME),
        (nn.SpatialAdaptiveMaxPooling(4, 3), IMAGE),
        (nn.SpatialAdaptiveMaxPooling(3, 7), IMAGE),
        (nn.SpatialAdaptiveAveragePooling(4, 3), IMAGE),
        (nn.SpatialAdaptiveAveragePooling(1, 1), IMAGE),
        (nn.SpatialFractionalMaxPooling(2, 3, 3, 0.5 * 4).fixPoolingRegions(), IMAGE),
        (nn.SpatialFractionalMaxPooling(2, 2, 0.4, 0.6, newRandomPool=True), IMAGE),
        (nn.Sequential(pool, nn.SpatialConvolution(2, 2, 1, 1), unpool), IMAGE),
        (nn.SpatialLPPooling(2, 2, 2, 3), IMAGE),
        (nn.SpatialLPPooling(2, 4, 2, 2, 1, 1), IMAGE),
        (nn.FeatureLPPooling(2, 2, 2), FRAMES),
        (nn.FeatureLPPooling(2, 1, 4), IMAGE),
        (nn.SpatialSubSampling(2, 3, 2, 1, 2), IMAGE),
        (nn.BatchNormalization(4, 1e-3, 0.3), ramp(3, 4)),
        (nn.SpatialBatchNormalization(2), IMAGE),
        (nn.VolumetricBatchNormalization(2, affine=False), VOLUME),
        (nn.SpatialCrossMapLRN(3, 0.5, 0.6, 2), IMAGE),
        (nn.SpatialSubtractiveNormalization(2, KERNEL), IMAGE),
        (nn.SpatialDivisiveNormalization(2, [1.0, 2.0, 1.0], 0.1, 0.3), IMAGE),
        (nn.SpatialContrastiveNormalization(2), IMAGE),
        (nn.SpatialUpSamplingNearest(3), IMAGE),
        (nn.SpatialUpSamplingBilinear(3), IMAGE),
        (nn.SpatialUpSamplingBilinear({"owidth": 5, "oheight": 11}), IMAGE),
        (nn.UpSampling(2), VOLUME),
        (nn.UpSampling(2, "nearest"), IMAGE),
        (nn.UpSampling({"odepth": 3, "owidth": 9, "oheight": 4}, "trilinear"), VOLUME),
        (nn.SpatialZeroPadding(2, -1, 0, 3), IMAGE),
        (nn.SpatialZeroPadding(-1, -2, 0, -1), IMAGE),
        (nn.SpatialReflectionPadding(2, -1, 3, 1), IMAGE),
        (nn.SpatialReplicationPadding(2, -1, 0, 3), IMAGE),
        (nn.VolumetricReplicationPadding(2, -1, 0, 3, -2, 1), VOLUME),
        (nn.PixelShuffle(2), ramp(3, 4, 5, 12)),
    ]
