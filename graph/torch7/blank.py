"""New Torch objects with the fields that their class has before it is ever fed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tensors import element_name
from .types import TorchObject, TorchStorage

__all__ = ["Blank", "storage"]

_BOTH = ("output", "gradInput")
_TABLES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            *("CAddTable", "CSubTable", "CMulTable", "CDivTable", "CMaxTable", "CMinTable"),
            *("JoinTable", "PairwiseDistance", "CosineDistance", "DotProduct", "MM", "MV"),
            *("MixtureTable", "Index", "MaskedSelect", "SelectTable", "Bilinear", "SparseLinear"),
            "JustElement",
        ),
        ("gradInput",),
    ),
    **dict.fromkeys(
        (
            *("FlattenTable", "NarrowTable", "ParallelTable", "ZipTable", "ZipTableOneToMany"),
            *("CAddTensorTable", "ReverseTable", "MapTable", "Sequencer", "BiSequencer"),
        ),
        _BOTH,
    ),
    **dict.fromkeys(("SplitTable", "ConcatTable", "JustTable"), ("output",)),
}
# Class -> its empty tensors, of its own type unless another stands after the colon.
_CONVOLVED = "finput fgradInput"
_INDICES = "indices:Long"
_NORMS = "save_mean save_std"
_EXPANDED = (
    "_div _expand _expand2 _expand3 _gradOutput _input _output _repeat _repeat2 _sum _weight"
)
_BUFFERS = {
    "BatchNormalization": _NORMS,
    "SpatialBatchNormalization": _NORMS,
    "VolumetricBatchNormalization": _NORMS,
    "Bilinear": "buff1 buff2",
    "CAdd": "_bias _expand _gradBias _gradOutput _output _repeat",
    "CMaxTable": "maxIdx mask maxVals gradMaxVals maskByteTensor:Byte",
    "CMinTable": "minIdx mask minVals gradMaxVals maskByteTensor:Byte",
    "CMul": "_expand _gradInput _gradOutput _gradWeight _input _output _repeat _sum _weight",
    "Cosine": "_gradOutput _inputNorm _sum _weight _weightNorm",
    "CosineDistance": "buffer ones w w1 w22 w32",
    "DontCast": "_gradOutput _input",
    "DotProduct": "buffer",
    "Dropout": "noise",
    "Euclidean": f"{_EXPANDED} _sum",
    "FastLSTM": "zeroTensor",
    "GRU": "zeroTensor",
    "LSTM": "zeroTensor",
    "Linear": "addBuffer",
    "LinearNoBias": "addBuffer",
    "LinearWeightNorm": "addBuffer norm scale weight",
    "LogSigmoid": "buffer",
    "LookupTable": "_count:Int _input:Long",
    "MaskedSelect": (
        "_gradBuffer _gradMask:Byte _maskIndexBuffer:Long _maskIndexBufferCPU _maskIndices:Long"
    ),
    "Max": "_indices:Long _output",
    "Min": "_indices:Long _output",
    "MixtureTable": "_expert _expert2 _expertView _expertView2 _gaterView _sum",
    "Normalize": "_gradInput _output buffer buffer2 cross norm",
    "PReLU": "gradWeightBuf gradWeightBuf2",
    "PairwiseDistance": "diff grad ones outExpand",
    "PartialLinear": "addBuffer buffer",
    "PixelShuffle": "_shuffleIn _shuffleOut",
    "RReLU": "noise",
    "Recurrence": "typeTensor",
    "SeqGRU": "buffer1 buffer2 buffer3 gates grad_a_buffer grad_h0 grad_x h0",
    "SeqLSTM": ("buffer1 buffer2 buffer3 c0 cell gates grad_a_buffer grad_c0 grad_h0 grad_x h0"),
    "SoftMin": "mininput",
    "SoftSign": "temp tempgrad",
    "SpatialAdaptiveMaxPooling": _INDICES,
    "SpatialConvolution": _CONVOLVED,
    "SpatialConvolutionLocal": _CONVOLVED,
    "SpatialConvolutionMM": _CONVOLVED,
    "SpatialCrossMapLRN": "accumRatio paddedRatio scale",
    "SpatialDepthWiseConvolution": _CONVOLVED,
    "SpatialDilatedConvolution": _CONVOLVED,
    "SpatialDilatedMaxPooling": _INDICES,
    "SpatialDivisiveNormalization": "_coef adjustedstds coef localstds ones thresholdedstds",
    "SpatialDropout": "noise",
    "SpatialFullConvolution": f"{_CONVOLVED} ones",
    "SpatialMaxPooling": _INDICES,
    "SpatialMaxUnpooling": _INDICES,
    "SpatialSubtractiveNormalization": "_coef adjustedsums coef localsums ones",
    "TemporalDynamicKMaxPooling": _INDICES,
    "TemporalMaxPooling": _INDICES,
    "TemporalRowConvolution": _CONVOLVED,
    "VolumetricConvolution": _CONVOLVED,
    "VolumetricDilatedConvolution": _CONVOLVED,
    "VolumetricDropout": "noise",
    "VolumetricFullConvolution": f"{_CONVOLVED} ones",
    "VolumetricMaxPooling": _INDICES,
    "WeightedEuclidean": f"{_EXPANDED} _diagCov _expand4 _repeat3 _sum",
    "WhiteNoise": "noise",
    "ZipTableOneToMany": "gradInputEl",
}
_TYPES = {"Long": np.int64, "Int": np.int32, "Byte": np.uint8}


class Blank:
    """Makes objects of one tensor type, in one mode.

    Args:
        dtype: What their tensors hold.
        train: Whether they are in training mode.
    """

    def __init__(self, dtype: np.dtype, train: bool) -> None:
        self.dtype = dtype
        self.train = train

    def make(self, name: str, **fields: Any) -> TorchObject:
        """An object of class `name` of nn, or of another library if the name says so.

        Args:
            name: The class.
            **fields: Its own fields. An array that is not empty is brought to the tensor type of
                the others, a tuple is a table, and None is no field.
        """
        library, _, short = name.rpartition(".")
        obj = TorchObject(f"{library or 'nn'}.{short}", {})
        self.fill(obj, fields)
        return obj

    def fill(self, obj: TorchObject, fields: dict[str, Any]) -> None:
        """Give an object the fields of its class, and these."""
        short = obj.class_name.rpartition(".")[2]
        obj.fields |= {
            "output": self.empty(),
            "gradInput": self.empty(),
            "_type": f"torch.{element_name(self.dtype)}Tensor",
            "train": self.train,
        }
        obj.fields |= {field: [] for field in _TABLES.get(short, ())}
        for buffer in _BUFFERS.get(short, "").split():
            field, _, kind = buffer.partition(":")
            obj.fields[field] = np.zeros(0, _TYPES[kind]) if kind else self.empty()
        for field, value in fields.items():
            if isinstance(value, np.ndarray) and value.size:
                value = value.astype(self.dtype, copy=False)
            if value is not None:
                obj.fields[field] = list(value) if isinstance(value, tuple) else value

    def empty(self) -> np.ndarray:
        """A new tensor without dimensions."""
        return np.zeros(0, self.dtype)

    def parameter(self, value: Any) -> tuple[np.ndarray, np.ndarray]:
        """A tensor of this type, and its gradient of 0."""
        array = np.array(value, self.dtype, order="C")
        return array, np.zeros_like(array)

    def sequential(self, *modules: Any) -> TorchObject:
        """`nn.Sequential` of objects."""
        return self.make("Sequential", modules=modules)


def storage(*sizes: int) -> TorchStorage:
    """A LongStorage."""
    return TorchStorage(np.array(sizes, np.int64))
