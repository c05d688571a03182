"""The Torch `nn` vocabulary. One class is one Torch module."""

from . import tables
from .activation import (
    ELU,
    LogSigmoid,
    LogSoftMax,
    ReLU,
    Sigmoid,
    SoftMax,
    SoftSign,
    Tanh,
    TanhShrink,
)
from .adaptive_pooling import SpatialAdaptiveAveragePooling, SpatialAdaptiveMaxPooling
from .arithmetic import (
    CAddTable,
    CAddTensorTable,
    CDivTable,
    CMaxTable,
    CMinTable,
    CMulTable,
    CSubTable,
)
from .average_pooling import SpatialAveragePooling, VolumetricAveragePooling
from .batch_normalization import (
    BatchNormalization,
    SpatialBatchNormalization,
    VolumetricBatchNormalization,
)
from .bilinear import Bilinear
from .border import (
    SpatialReflectionPadding,
    SpatialReplicationPadding,
    SpatialZeroPadding,
    VolumetricReplicationPadding,
)
from .bottle import Bottle
from .constant import Constant
from .container import Concat, ConcatTable, Container, ParallelTable, Sequential
from .convert import Convert
from .convolution import SpatialConvolution, SpatialConvolutionMM, SpatialDilatedConvolution
from .convolution_local import SpatialConvolutionLocal
from .convolution_map import SpatialConvolutionMap, SpatialFullConvolutionMap
from .criterion import ModuleFromCriterion
from .cross_map_lrn import SpatialCrossMapLRN
from .decorator import Decorator, DontCast, NaN, Profile
from .depth_concat import DepthConcat
from .depthwise import SpatialDepthWiseConvolution, TemporalRowConvolution
from .dimension_padding import Padding
from .distance import CosineDistance, DotProduct, PairwiseDistance
from .dropout import Dropout, SpatialDropout, VolumetricDropout
from .fractional_pooling import SpatialFractionalMaxPooling
from .full_convolution import SpatialFullConvolution, VolumetricFullConvolution
from .gated import GatedLinearUnit, Maxout
from .gradient import GradientReversal, L1Penalty, ZeroGrad
from .identity import Identity
from .keras_layer import KerasLayer
from .linear import Linear
from .linear_weight_norm import LinearWeightNorm
from .local_normalization import (
    SpatialContrastiveNormalization,
    SpatialDivisiveNormalization,
    SpatialSubtractiveNormalization,
)
from .lookup import LookupTable
from .lp_pooling import FeatureLPPooling, SpatialLPPooling
from .matrix import MM, MV
from .max_pooling import (
    SpatialDilatedMaxPooling,
    SpatialMaxPooling,
    VolumetricDilatedMaxPooling,
    VolumetricMaxPooling,
)
from .mixture import MixtureTable
from .module import Module
from .noise import WhiteNoise
from .normalize import LayerNormalization, Normalize
from .one_hot import OneHot
from .parallel import MapTable, Parallel
from .partial_linear import PartialLinear
from .passing import Contiguous, Copy, JustElement, JustTable
from .pixel_shuffle import PixelShuffle
from .pointwise import Abs, AddConstant, Exp, Log, MulConstant, Power, SoftPlus, Sqrt, Square
from .rectifier import CReLU, LeakyReLU, PReLU, ReLU6, RReLU, Threshold
from .recurrent_gru import GRU, SeqGRU
from .recurrent_lstm import LSTM, FastLSTM, SeqLSTM
from .reduction import Max, Mean, Min, Sum
from .reshape import Collapse, Reshape, View
from .scale import Add, CAdd, CMul, Mul
from .select import Index, MaskedSelect, Narrow, Select
from .sequencer import BiSequencer, Recurrence, Recurrent, Recursor, Sequencer
from .shrink import Clamp, HardShrink, HardTanh, SoftShrink
from .softmax import SoftMin, SpatialLogSoftMax, SpatialSoftMax
from .sparse_linear import SparseLinear
from .squeeze import Replicate, Squeeze, Unsqueeze
from .subsampling import SpatialSubSampling, TemporalSubSampling
from .table import JoinTable, SelectTable, SplitTable
from .table_structure import FlattenTable, NarrowTable, ZipTable, ZipTableOneToMany
from .template import Cosine, Euclidean, WeightedEuclidean
from .temporal import TemporalConvolution, TemporalDynamicKMaxPooling, TemporalMaxPooling
from .transpose import Transpose
from .unpooling import SpatialMaxUnpooling
from .upsampling import SpatialUpSamplingBilinear, SpatialUpSamplingNearest, UpSampling
from .volumetric_convolution import VolumetricConvolution, VolumetricDilatedConvolution
from .weight_norm import WeightNorm

__all__ = [
    "UpSampling",
    "SpatialUpSamplingNearest",
    "SpatialUpSamplingBilinear",
    "PixelShuffle",
    "VolumetricReplicationPadding",
    "SpatialZeroPadding",
    "SpatialReplicationPadding",
    "SpatialReflectionPadding",
    "SpatialSubtractiveNormalization",
    "SpatialDivisiveNormalization",
    "SpatialContrastiveNormalization",
    "SpatialCrossMapLRN",
    "VolumetricBatchNormalization",
    "SpatialBatchNormalization",
    "BatchNormalization",
    "SpatialMaxUnpooling",
    "SpatialFractionalMaxPooling",
    "Abs",
    "Add",
    "AddConstant",
    "Bilinear",
    "Bottle",
    "CAdd",
    "CAddTable",
    "CAddTensorTable",
    "CDivTable",
    "CMaxTable",
    "CMinTable",
    "CMul",
    "CMulTable",
    "CReLU",
    "CSubTable",
    "Clamp",
    "Collapse",
    "Concat",
    "ConcatTable",
    "Constant",
    "Container",
    "Contiguous",
    "Convert",
    "Copy",
    "Cosine",
    "CosineDistance",
    "Decorator",
    "DepthConcat",
    "DontCast",
    "DotProduct",
    "Dropout",
    "ELU",
    "Euclidean",
    "Exp",
    "FeatureLPPooling",
    "FlattenTable",
    "GatedLinearUnit",
    "GradientReversal",
    "HardShrink",
    "HardTanh",
    "Identity",
    "Index",
    "JoinTable",
    "JustElement",
    "JustTable",
    "KerasLayer",
    "L1Penalty",
    "LayerNormalization",
    "LeakyReLU",
    "Linear",
    "LinearWeightNorm",
    "Log",
    "LogSigmoid",
    "LogSoftMax",
    "LookupTable",
    "MM",
    "MV",
    "MapTable",
    "MaskedSelect",
    "Max",
    "Maxout",
    "Mean",
    "Min",
    "MixtureTable",
    "Module",
    "ModuleFromCriterion",
    "Mul",
    "MulConstant",
    "NaN",
    "Narrow",
    "NarrowTable",
    "Normalize",
    "OneHot",
    "PReLU",
    "Padding",
    "PairwiseDistance",
    "Parallel",
    "ParallelTable",
    "PartialLinear",
    "Power",
    "Profile",
    "RReLU",
    "ReLU",
    "ReLU6",
    "Replicate",
    "Reshape",
    "Select",
    "SelectTable",
    "Sequential",
    "Sigmoid",
    "SoftMax",
    "SoftMin",
    "SoftPlus",
    "SoftShrink",
    "SoftSign",
    "SparseLinear",
    "SpatialAdaptiveAveragePooling",
    "SpatialAdaptiveMaxPooling",
    "SpatialAveragePooling",
    "SpatialConvolution",
    "SpatialConvolutionLocal",
    "SpatialConvolutionMM",
    "SpatialConvolutionMap",
    "SpatialDepthWiseConvolution",
    "SpatialDilatedConvolution",
    "SpatialDilatedMaxPooling",
    "SpatialDropout",
    "SpatialFullConvolution",
    "SpatialFullConvolutionMap",
    "SpatialLPPooling",
    "SpatialLogSoftMax",
    "SpatialMaxPooling",
    "SpatialSoftMax",
    "SpatialSubSampling",
    "SplitTable",
    "Sqrt",
    "Square",
    "Squeeze",
    "Sum",
    "Tanh",
    "TanhShrink",
    "TemporalConvolution",
    "TemporalDynamicKMaxPooling",
    "TemporalMaxPooling",
    "TemporalRowConvolution",
    "TemporalSubSampling",
    "Threshold",
    "Transpose",
    "Unsqueeze",
    "View",
    "VolumetricAveragePooling",
    "VolumetricConvolution",
    "VolumetricDilatedConvolution",
    "VolumetricDilatedMaxPooling",
    "VolumetricDropout",
    "VolumetricFullConvolution",
    "VolumetricMaxPooling",
    "WeightNorm",
    "WeightedEuclidean",
    "WhiteNoise",
    "ZeroGrad",
    "ZipTable",
    "ZipTableOneToMany",
    "BiSequencer",
    "FastLSTM",
    "GRU",
    "LSTM",
    "Recurrence",
    "Recurrent",
    "Recursor",
    "SeqGRU",
    "SeqLSTM",
    "Sequencer",
    "tables",
]
