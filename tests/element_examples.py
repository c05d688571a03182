"""Element-wise and linear modules and decorators, with arguments that are not the defaults."""

import math

import numpy as np

from graph import nn


def ramp(*shape):
    """Values of both signs in no order, distinct in size and none at a bend of any example."""
    n = int(np.prod(shape))
    values = ((np.arange(n) * 7919 + 13) % (2 * n + 1) - n + 0.137) / n
    return values.reshape(shape).astype("float32")


FLAT, IMAGE, VOLUME = ramp(4, 6), ramp(3, 4, 5, 2), ramp(2, 3, 4, 5, 2)
SEQUENCE = ramp(3, 4, 6)
POSITIVE = np.abs(FLAT) + 0.1
WORDS = np.array([[1, 5, 2], [5, 5, 3]], "int32")
PAIRS = np.array([[[1, 0.5], [6, -2]], [[3, 1.5], [0, 0]], [[2, 7], [2, 1]]], "float32")


def examples():
    """New modules each time, since a module keeps its layers, with an input each."""
    partial = nn.PartialLinear(6, 4)
    partial.setPartition([4, 2, 4])
    return [
        (nn.ReLU(True), FLAT),
        (nn.ELU(0.3), IMAGE),
        (nn.Tanh(), FLAT),
        (nn.Sigmoid(), FLAT),
        (nn.SoftMax(), IMAGE),
        (nn.LogSoftMax(), SEQUENCE),
        (nn.LogSigmoid(), 5 * FLAT),
        (nn.SoftSign(), IMAGE),
        (nn.TanhShrink(), FLAT),
        (nn.SoftMin(), IMAGE),
        (nn.SpatialSoftMax(), IMAGE),
        (nn.SpatialLogSoftMax(), IMAGE),
        (nn.Abs(), FLAT),
        (nn.Exp(), FLAT),
        (nn.Log(), POSITIVE),
        (nn.Sqrt(0.1), POSITIVE),
        (nn.Square(), IMAGE),
        (nn.Power(-1.5), POSITIVE),
        (nn.SoftPlus(3), 9 * FLAT),
        (nn.SoftPlus(-2, threshold=1), FLAT),
        (nn.AddConstant(-0.7, True), IMAGE),
        (nn.AddConstant([1, 2.5, -3, 0, 5, 6]), FLAT),
        (nn.MulConstant(-0.3), IMAGE),
        (nn.Threshold(0.2, -0.4), FLAT),
        (nn.ReLU6(), 9 * FLAT),
        (nn.LeakyReLU(0.3), FLAT),
        (nn.LeakyReLU(-0.2), FLAT),
        (nn.PReLU(), IMAGE),
        (nn.PReLU(2), IMAGE),
        (nn.PReLU(4), SEQUENCE),
        (nn.RReLU(0.1, 0.7), IMAGE),
        (nn.CReLU(1), FLAT),
        (nn.CReLU(2), SEQUENCE),
        (nn.CReLU(3), IMAGE),
        (nn.HardTanh(-0.3, 0.6), FLAT),
        (nn.Clamp(-0.2, 0.1), IMAGE),
        (nn.HardShrink(0.3), FLAT),
        (nn.SoftShrink(0.3), FLAT),
        (nn.Add(40), IMAGE),
        (nn.Add(3, True), IMAGE),
        (nn.Mul(), SEQUENCE),
        (nn.CAdd(1, 2, 1, 5), IMAGE),
        (nn.CAdd(24), SEQUENCE),
        (nn.CMul(1, 2, 1, 1), IMAGE),
        (nn.CMul(2, 4, 5), IMAGE),
        (nn.CMul(4, 1), SEQUENCE),
        (nn.GradientReversal(0.3), FLAT),
        (nn.ZeroGrad(), IMAGE),
        (nn.L1Penalty(0.3, True, False), FLAT),
        (nn.WhiteNoise(0.5, 3), FLAT),
        (nn.WhiteNoise(), IMAGE),
        (nn.Dropout(0.3), FLAT),
        (nn.Dropout(0.3, True), FLAT),
        (nn.Dropout(0.3, True, lazy=True), IMAGE),
        (nn.Dropout(0.3, mono=True), SEQUENCE),
        (nn.SpatialDropout(0.3), IMAGE),
        (nn.VolumetricDropout(0.3), VOLUME),
        (nn.Normalize(1), FLAT),
        (nn.Normalize(2, 1e-3), SEQUENCE),
        (nn.Normalize(1.5), FLAT),
        (nn.Normalize(4), FLAT),
        (nn.Normalize(math.inf), FLAT),
        (nn.LayerNormalization(6, 0.5, 0.1), FLAT),
        (nn.LayerNormalization(6, affine=False), FLAT),
        (nn.GatedLinearUnit(), FLAT),
        (nn.GatedLinearUnit(1), IMAGE),
        (nn.GatedLinearUnit(-2), IMAGE),
        (nn.Maxout(6, 3, 4), FLAT),
        (nn.Maxout(6, 3, 2, nn.Tanh()), FLAT),
        (nn.Copy(), FLAT),
        (nn.Copy(None, "torch.DoubleTensor"), FLAT),
        (nn.Contiguous(), IMAGE),
        (nn.JustElement(), [FLAT]),
        (nn.Sequential(nn.JustTable(), nn.JustElement()), FLAT),
        (nn.Constant(7), FLAT),
        (nn.Constant(ramp(2, 3, 5), 3), IMAGE),
        (nn.OneHot(5), WORDS),
        (nn.DontCast(nn.Linear(6, 2), True), FLAT),
        (nn.Profile(nn.Linear(6, 2), 10, "mine"), FLAT),
        (nn.NaN(nn.Linear(6, 2), "mine"), FLAT),
        (nn.NaN(nn.ConcatTable(nn.Tanh(), nn.Exp())), FLAT),
        (nn.Bottle(nn.Linear(6, 2)), SEQUENCE),
        (nn.Bottle(nn.Linear(5, 3)), IMAGE),
        (nn.Bottle(nn.View(-1), 3, 2), IMAGE),
        (nn.Bottle(nn.SpatialConvolution(3, 2, 2, 1), 4), VOLUME),
        (nn.Linear(6, 3), FLAT),
        (nn.LinearWeightNorm(6, 3, eps=0.1), FLAT),
        (nn.LinearWeightNorm(6, 3, False), FLAT),
        (nn.WeightNorm(nn.Linear(6, 3)), FLAT),
        (nn.WeightNorm(nn.Linear(6, 3, False), 2), FLAT),
        (nn.WeightNorm(nn.SpatialConvolution(2, 3, 3, 2, 1, 1, 1)), IMAGE),
        (nn.WeightNorm(nn.SpatialFullConvolution(2, 3, 3, 2), 2), IMAGE),
        (nn.Sequential(nn.WeightNorm(nn.TemporalConvolution(6, 2, 3)), nn.Tanh()), SEQUENCE),
        (nn.PartialLinear(6, 4, False), FLAT),
        (partial, FLAT),
        (nn.Bilinear(6, 3, 2), [FLAT, ramp(4, 3)]),
        (nn.Bilinear(6, 3, 2, False), [FLAT, ramp(4, 3)]),
        (nn.Cosine(6, 3), FLAT),
        (nn.Euclidean(6, 3), FLAT),
        (nn.WeightedEuclidean(6, 3), FLAT),
        (nn.SparseLinear(6, 4), PAIRS),
        (nn.SparseLinear(6, 4, True, weightDecay=0.1), [PAIRS, PAIRS[:, :1]]),
        (nn.LookupTable(5, 3), WORDS),
        (nn.LookupTable(5, 3, 2), WORDS),
        (nn.LookupTable(5, 3, 0, 0.5), WORDS),
        (nn.LookupTable(5, 3, 5, 0.5, 1.5).scaleGradByFreq(), WORDS),
    ]


FILES = (
    "activation bilinear bottle constant decorator dropout gated gradient linear "
    "linear_weight_norm lookup noise normalize one_hot partial_linear passing pointwise rectifier "
    "scale shrink softmax sparse_linear template weight_norm"
).split()
