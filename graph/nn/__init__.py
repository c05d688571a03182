"""The Torch `nn` vocabulary. One class is one Torch module."""

from . import tables
from .activation import ELU, LogSoftMax, ReLU, Sigmoid, SoftMax, Tanh
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
from .container import Concat, ConcatTable, Container, ParallelTable, Sequential
from .convert import Convert
from .convolution import SpatialConvolution, SpatialConvolutionMM, SpatialDilatedConvolution
from .convolution_local import SpatialConvolutionLocal
from .convolution_map import SpatialConvolutionMap, SpatialFullConvolutionMap
from .criterion import ModuleFromCriterion
from .depth_concat import DepthConcat
from .depthwise import SpatialDepthWiseConvolution, TemporalRowConvolution
from .dimension_padding import Padding
from .distance import CosineDistance, DotProduct, PairwiseDistance
from .dropout import Dropout
from .full_convolution import SpatialFullConvolution, VolumetricFullConvolution
from .identity import Identity
from .keras_layer import KerasLayer
from .linear import Linear
from .lookup import LookupTable
from .matrix import MM, MV
from .max_pooling import (
    SpatialDilatedMaxPooling,
    SpatialMaxPooling,
    VolumetricDilatedMaxPooling,
    VolumetricMaxPooling,
)
from .mixture import MixtureTable
from .module import Module
from .parallel import MapTable, Parallel
from .reduction import Max, Mean, Min, Sum
from .reshape import Collapse, Reshape, View
from .select import Index, MaskedSelect, Narrow, Select
from .squeeze import Replicate, Squeeze, Unsqueeze
from .table import JoinTable, SelectTable, SplitTable
from .table_structure import FlattenTable, NarrowTable, ZipTable, ZipTableOneToMany
from .temporal import TemporalConvolution, TemporalDynamicKMaxPooling, TemporalMaxPooling
from .transpose import Transpose
from .volumetric_convolution import VolumetricConvolution, VolumetricDilatedConvolution

__all__ = [
    "CAddTable",
    "CAddTensorTable",
    "CDivTable",
    "CMaxTable",
    "CMinTable",
    "CMulTable",
    "CSubTable",
    "Collapse",
    "Concat",
    "ConcatTable",
    "Container",
    "Convert",
    "CosineDistance",
    "DepthConcat",
    "DotProduct",
    "Dropout",
    "ELU",
    "FlattenTable",
    "Identity",
    "Index",
    "JoinTable",
    "KerasLayer",
    "Linear",
    "LogSoftMax",
    "LookupTable",
    "MM",
    "MV",
    "MapTable",
    "MaskedSelect",
    "Max",
    "Mean",
    "Min",
    "MixtureTable",
    "Module",
    "ModuleFromCriterion",
    "Narrow",
    "NarrowTable",
    "Padding",
    "PairwiseDistance",
    "Parallel",
    "ParallelTable",
    "ReLU",
    "Replicate",
    "Reshape",
    "Select",
    "SelectTable",
    "Sequential",
    "Sigmoid",
    "SoftMax",
    "SpatialAveragePooling",
    "SpatialConvolution",
    "SpatialConvolutionLocal",
    "SpatialConvolutionMM",
    "SpatialConvolutionMap",
    "SpatialDepthWiseConvolution",
    "SpatialDilatedConvolution",
    "SpatialDilatedMaxPooling",
    "SpatialFullConvolution",
    "SpatialFullConvolutionMap",
    "SpatialMaxPooling",
    "SplitTable",
    "Squeeze",
    "Sum",
    "Tanh",
    "TemporalConvolution",
    "TemporalDynamicKMaxPooling",
    "TemporalMaxPooling",
    "TemporalRowConvolution",
    "Transpose",
    "Unsqueeze",
    "View",
    "VolumetricAveragePooling",
    "VolumetricConvolution",
    "VolumetricDilatedConvolution",
    "VolumetricDilatedMaxPooling",
    "VolumetricFullConvolution",
    "VolumetricMaxPooling",
    "ZipTable",
    "ZipTableOneToMany",
    "tables",
]
