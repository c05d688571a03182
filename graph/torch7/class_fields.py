"""The fields of a Torch class that are not the constructor arguments of its `graph.nn` twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..nn.torch_fields import UnsupportedTorch
from .blank import Blank, storage
from .types import TENSOR_DTYPES

__all__ = ["fields_of"]

# Constructor argument -> field; one without a field has an empty name.
_RENAMED: dict[str, str] = {
    "min_value": "min_val",
    "max_value": "max_val",
    "lambda_": "lambda",
    "lam": "lambda",
    "stochasticInference": "stochastic_inference",
}
# Class -> its dimension, and the field that says how many dimensions a sample has.
_DIMENSIONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("JoinTable", "SplitTable", "Sum", "Mean", "Max", "Min"), ("dimension", "nInputDims")
    ),
    **dict.fromkeys(("Select", "Narrow", "Concat", "DepthConcat"), ("dimension", "nInputDims")),
    "Squeeze": ("dim", "numInputDims"),
    "Unsqueeze": ("pos", "numInputDims"),
    "Replicate": ("dim", "ndim"),
    "Padding": ("dim", "nInputDim"),
    "GatedLinearUnit": ("dim", ""),
    "MixtureTable": ("dim", ""),
    "Parallel": ("inputDimension", ""),
}
# Arguments that Torch's classes with a weight tell from its shape.
_OMITTED = frozenset({"inputSize", "outputSize", "inputSize1", "inputSize2", "nIndex", "nOutput"})
_KEEP_SIZES = frozenset({"LinearWeightNorm", "SeqGRU"})


def fields_of(module: Any, blank: Blank, batched: bool, over_time: bool) -> dict[str, Any]:
    """What a module's object holds besides parameters, children and what all have.

    Args:
        module: The module.
        blank: Makes the objects.
        batched: Whether Torch's dimensions count the batch.
        over_time: Whether they count the time first.

    Raises:
        UnsupportedTorch: The module does not know what Torch must be told.
    """
    name: str = module.torch_name
    config = module.get_config()
    fed = config.pop("fed", None)
    fields: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, bool | int | float | str) and key not in ("bias", "name"):
            fields[_RENAMED[key] if key in _RENAMED else key] = value
    learnt = hasattr(module, "statistics_layer") or "weight" in module.named_parameters()
    if learnt and name not in _KEEP_SIZES:
        fields = {k: v for k, v in fields.items() if k not in _OMITTED}
    if fields.get("groups") == 1:
        del fields["groups"]
    dimension, counted = _DIMENSIONS.get(name) or ("", "")
    place = fields.get(dimension)
    # One that is counted within a sample is Torch's own already.
    if batched and fed is None and isinstance(place, int) and place > 0:
        if not fields.get(counted):
            fields[dimension] = place if over_time and place == 1 else place + 1
    if name == "Parallel" and batched:
        fields["outputDimension"] += 1
    if "batchfirst" in fields and not over_time:
        fields["batchfirst"] = True
    special = _SPECIAL.get(name)
    if special is not None:
        fields |= special(module, blank)
    elif name in _SIZED:
        fields |= _SIZED[name](module, blank, batched)
    return {k: v for k, v in fields.items() if v is not None}


def _view(m: Any, blank: Blank, batched: bool) -> dict[str, Any]:
    own = {"size": storage(*m.sizes), "sizes": None, "numElements": abs(math.prod(m.sizes))}
    if m.fed is not None or m.numInputDims is not None or not batched:
        return own
    ranks, leads = _fed_before(m)
    if len(ranks) == 1 and not leads:
        return {**own, "numInputDims": ranks.pop()}  # Else Torch would guess where the batch is.
    if -1 in m.sizes and not leads:
        raise UnsupportedTorch(
            "needs the number of dimensions of a sample, which Torch wants to know: build or feed "
            "the model first, or call setNumInputDims"
        )
    return own


def _reshape(m: Any, blank: Blank, batched: bool) -> dict[str, Any]:
    count = abs(math.prod(m.sizes))
    own = {"size": storage(*m.sizes), "batchsize": storage(1, *m.sizes), "nelement": count}
    if m.fed is None:
        ranks, leads = _fed_before(m)
        if batched and m.sizes[0] == -1 and len(m.sizes) > 1 and not ranks:
            raise UnsupportedTorch(
                "may mean the batch by its leading -1: build or feed the model first"
            )
        own["batchMode"] = batched and not leads
    return {**own, "sizes": None}


def _transpose(m: Any, blank: Blank, batched: bool) -> dict[str, Any]:
    lead = 1 if batched and m.fed is None and m.numInputDims is None else 0
    return {"permutations": [[place + lead for place in pair] for pair in m.permutations]}


def _fed_before(m: Any) -> tuple[set[int], bool]:
    """The ranks of the samples that it has been lowered for; whether its first -1 is the batch."""
    ranks, leads = set(), False
    for key, layer in m._layers.items():
        if key[0] == "reshape":
            nodes = layer._inbound_nodes
            ranks |= {len(x.shape) - 1 for node in nodes for x in node.input_tensors}
            leads |= len(key[1]) < len(m.sizes)
    return ranks, leads


def _number_or_tensor(value: Any) -> Any:
    return np.array(value) if isinstance(value, list) else value


def _laid(m: Any, blank: Blank) -> dict[str, Any]:
    return {"size": storage(*m.size)}


def _mapped(m: Any, blank: Blank) -> dict[str, Any]:
    table = np.array(m.conMatrix, np.float64)
    planes = {"nInputPlane": int(table[:, 0].max()), "nOutputPlane": int(table[:, 1].max())}
    return {"conMatrix": None, "connTable": table, **planes}


def _grown(count: int) -> dict[str, Any]:
    return {name: storage(*[0] * count) for name in ("inputSize", "outputSize")}


def _interpolated(m: Any, blank: Blank) -> dict[str, Any]:
    given = m.params if isinstance(m.params, dict) else {"scale_factor": m.params}
    return {"params": None, **given, **_grown(5 if m.torch_name == "UpSampling" else 4)}


def _normalize(m: Any, blank: Blank) -> dict[str, Any]:
    if math.isinf(m.p):
        return {"_indices": np.zeros(0, np.int64)}
    return {"normp": blank.empty()}


def _copy(m: Any, blank: Blank) -> dict[str, Any]:
    own = {"intype": None, "outtype": None}
    if m.outtype is None:
        return own
    return {**own, "output": np.zeros(0, TENSOR_DTYPES[m.outtype])}


def _sequence(m: Any, blank: Blank) -> dict[str, Any]:
    return {"_remember": "neither", "maskzero": False}


def _seq_lstm(m: Any, blank: Blank) -> dict[str, Any]:
    names = {"inputSize": None, "outputSize": None}
    sizes = {"inputsize": m.inputSize, "outputsize": m.outputSize, "hiddensize": m.outputSize}
    return {**_sequence(m, blank), **names, **sizes}


def _tanh_shrink(m: Any, blank: Blank) -> dict[str, Any]:
    return {"tanh": blank.make("Tanh")}


def _mixture(m: Any, blank: Blank) -> dict[str, Any]:
    counts = {"dimG": 2, "batchSize": 0, "backwardSetup": False}
    return {**counts, "size": storage(), "size2": storage()}


def _constant(**fields: Any) -> Callable[[Any, Blank], dict[str, Any]]:
    return lambda m, blank: dict(fields)


def _joined(field: str) -> Callable[[Any, Blank], dict[str, Any]]:
    return lambda m, blank: {field: storage()}


_Fields = Callable[[Any, Blank], dict[str, Any]]
# Class -> the fields that replace those of the constructor's names; None is no field.
_SPECIAL: dict[str, _Fields] = {
    "AddConstant": lambda m, b: {"constant_scalar": _number_or_tensor(m.constant_scalar)},
    "Add": lambda m, b: {"inputSize": None, "_ones": np.ones(1)},
    "CAdd": _laid,
    "CMul": _laid,
    "Clamp": _constant(inplace=False),
    "Concat": _joined("outputSize"),
    "Constant": lambda m, b: {"value": np.array(m.value)},
    "Copy": _copy,
    "DepthConcat": _joined("outputSize"),
    "Dropout": lambda m, b: {"v1": None, "v2": not m.v1},
    "Euclidean": _constant(fastBackward=True),
    "FlattenTable": lambda m, b: {"input_map": []},
    "JoinTable": _joined("size"),
    "MixtureTable": _mixture,
    "Narrow": lambda m, b: {"offset": None, "index": m.offset},
    "Normalize": _normalize,
    "Padding": _joined("outputSize"),
    "PairwiseDistance": lambda m, b: {"p": None, "norm": m.p},
    "Parallel": _joined("totalOutputSize"),
    "PixelShuffle": lambda m, b: {"upscaleFactorSquared": m.upscaleFactor**2},
    "ReLU": _constant(threshold=0, val=0),
    "Replicate": lambda m, b: {"nf": None, "nfeatures": m.nf},
    "SeqGRU": lambda m, b: {**_sequence(m, b), "seqLength": 1, "miniBatch": 1},
    "SeqLSTM": _seq_lstm,
    "SparseLinear": _constant(legacyMode=False, sparseUpdate=0),
    "SpatialConvolutionLocal": lambda m, b: {"oH": m.oH, "oW": m.oW},
    "SpatialConvolutionMap": _mapped,
    "SpatialFullConvolutionMap": _mapped,
    "SpatialUpSamplingBilinear": _interpolated,
    "SpatialUpSamplingNearest": lambda m, b: {
        "scale": None,
        "scale_factor": m.scale,
        **_grown(4),
    },
    "TanhShrink": _tanh_shrink,
    "Threshold": lambda m, b: {"value": None, "val": m.value},
    "UpSampling": _interpolated,
}
_SIZED = {"View": _view, "Reshape": _reshape, "Transpose": _transpose}
