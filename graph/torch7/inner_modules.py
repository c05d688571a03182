"""Classes of nn that are made of modules of their own in Torch, and of none here."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .blank import Blank, storage
from .types import TorchObject
from .window_fields import contrastive, divisive, subtractive

__all__ = ["COMPOSITES", "ConvertInner"]

ConvertInner = Callable[[Any, int], TorchObject]
"""The object of a child, given it and its number."""
Weights = dict[str, tuple[np.ndarray, np.ndarray]]


def _crelu(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    negative = blank.make("MulConstant", constant_scalar=-1, inplace=False)
    both = blank.make("ConcatTable", modules=(blank.make("Identity"), negative))
    joined = blank.make("JoinTable", dimension=2, size=storage())
    relu = blank.make("ReLU", threshold=0, val=0, inplace=m.inplace)
    own = {"nInputDims": m.nInputDims, "inplace": m.inplace}
    return {**own, "modules": (both, joined, relu)}


def _convert(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    # Torch makes the converter when it is first fed.
    given, wanted = m.inputShape, m.outputShape
    own = {"inputShape": given, "outputShape": wanted, "batchMode": True, "modules": ()}
    if given == "b*":
        return own
    return {
        **own,
        "inputBatchDim": given.index("b") + 1,
        "outputBatchDim": wanted.index("b") + 1,
        "nInputDim": len(given),
        "nOutputDim": len(wanted),
    }


def _map_table(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    children = tuple(convert(child, i) for i, child in enumerate(m.modules, 1))
    return {
        "shared": m.shared,
        "sharedparams": ("weight", "bias", "gradWeight", "gradBias"),
        "modules": children,
        "module": children[0] if children else None,
    }


def _bottle(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    return {
        **m.get_config(),
        "dimDelta": m.nInputDim - m.nOutputDim,
        "inShape": np.zeros(m.nInputDim),
        "outShape": np.zeros(m.nOutputDim),
        "modules": (convert(m.modules[0], 1),),
    }


def _maxout(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    linear, *preprocess = (convert(child, i) for i, child in enumerate(m.modules, 1))
    sizes = storage(m.maxoutNumber, m.outputSize)
    count = m.maxoutNumber * m.outputSize
    view = blank.make("View", size=sizes, numElements=count, numInputDims=1)
    largest = blank.make("Max", dimension=1, nInputDims=2)
    return {"modules": (linear, view, *preprocess, largest)}


def _layer_normalization(
    m: Any, blank: Blank, weights: Weights, convert: ConvertInner
) -> dict[str, Any]:
    flags = {"sizeAverage": True, "squeeze": True}
    mean = blank.make("Mean", dimension=1, nInputDims=1, **flags)
    again = blank.make("Replicate", nfeatures=m.nOutput, dim=1, ndim=1)
    parts = (blank.make("Identity"), blank.sequential(mean, again))
    modules = [
        blank.make("ConcatTable", modules=parts),
        blank.make("CSubTable"),
        blank.make("Normalize", p=2, eps=m.eps, normp=blank.empty()),
        blank.make("MulConstant", constant_scalar=math.sqrt(m.nOutput), inplace=False),
    ]
    if m.affine:
        (weight, slope), (bias, biasSlope) = weights["weight"], weights["bias"]
        sizes = {"size": storage(m.nOutput)}
        modules.append(blank.make("CMul", weight=weight, gradWeight=slope, **sizes))
        own = {"bias": bias, "gradBias": biasSlope, "scalar": False, "_ones": np.ones(1)}
        modules.append(blank.make("Add", **own))
    return {"modules": tuple(modules)}


def _partial_linear(
    m: Any, blank: Blank, weights: Weights, convert: ConvertInner
) -> dict[str, Any]:
    weight, slope = weights["weight"]
    bias, biasSlope = weights.get("bias", (None, None))
    rows = blank.make(
        "LookupTable",
        weight=weight,
        gradWeight=slope,
        paddingValue=0,
        shouldScaleGradByFreq=False,
    )
    parts = blank.make("ParallelTable", modules=(blank.make("Identity"), rows))
    every = np.arange(1, m.outputSize + 1)
    return {
        "inputsize": m.inputSize,
        "outputsize": m.outputSize,
        "network": blank.sequential(parts, blank.make("MM", transA=False, transB=True)),
        "bias": bias,
        "gradBias": biasSlope,
        "allcolumns": every,
        "partition": every if m.partition is None else np.array(m.partition),
    }


def _lp_pooling(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    windows = {"kW": m.kW, "kH": m.kH, "dW": m.dW, "dH": m.dH}
    flags = {"ceil_mode": False, "count_include_pad": True, "divide": True, "padW": 0, "padH": 0}
    power, root = blank.make("Square"), blank.make("Sqrt", eps=0)
    if m.pnorm != 2:
        power, root = (blank.make("Power", pow=p) for p in (m.pnorm, 1 / m.pnorm))
    mean = blank.make("SpatialAveragePooling", **windows, **flags)
    times = blank.make("MulConstant", constant_scalar=m.kW * m.kH, inplace=False)
    return {**windows, "modules": (power, mean, times, root)}


def _unpooling(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    return {"pooling": convert(m.pooling, 1)}


def _fractional(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    names = ("ratioW", "ratioH") if m.arg1 < 1 else ("outW", "outH")
    drawn = None if m.randomSamples is None else np.asarray(m.randomSamples)
    return {
        "poolSizeW": m.poolSizeW,
        "poolSizeH": m.poolSizeH,
        **dict(zip(names, (m.arg1, m.arg2), strict=True)),
        "newRandomPool": m.newRandomPool,
        "randomSamples": drawn,
    }


def _profile(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    child = convert(m.modules[0], 1)
    counts = dict.fromkeys(("numFwds", "numBwds", "summedFwdTime", "summedBwdTime"), 0)
    own = {"name": m.label, "print_interval": m.print_interval, "timer": TorchObject("torch.Timer")}
    return {**own, **counts, "module": child, "modules": (child,)}


def _weight_norm(m: Any, blank: Blank, weights: Weights, convert: ConvertInner) -> dict[str, Any]:
    child = convert(m.modules[0], 1)
    (v, vSlope), (g, gSlope) = weights["v"], weights["g"]
    sizes = [child.fields.pop(name) for name in ("weight", "gradWeight")][0].shape
    norm = np.sqrt((v.reshape(m.view_in) ** 2).sum(axis=1, keepdims=True) + 1e-4)
    return {
        "v": v.reshape(m.view_in),
        "g": g,
        "gradV": vSlope,
        "gradG": gSlope,
        "bias": child.get("bias"),
        "gradBias": child.get("gradBias"),
        "outputDim": m.outputDim,
        "otherDims": m.view_in[1],
        "viewIn": storage(*m.view_in),
        "viewOut": storage(*m.view_out),
        "weightSize": storage(*sizes),
        "_norm": norm,
        "_scale": (g / norm).ravel(),
        "modules": (child,),
    }


COMPOSITES: dict[str, Callable[[Any, Blank, Weights, ConvertInner], dict[str, Any]]] = {
    "CReLU": _crelu,
    "Convert": _convert,
    "MapTable": _map_table,
    "Bottle": _bottle,
    "Maxout": _maxout,
    "LayerNormalization": _layer_normalization,
    "PartialLinear": _partial_linear,
    "SpatialLPPooling": _lp_pooling,
    "SpatialSubtractiveNormalization": lambda m, blank, *_: subtractive(m, blank),
    "SpatialDivisiveNormalization": lambda m, blank, *_: divisive(m, blank),
    "SpatialContrastiveNormalization": lambda m, blank, *_: contrastive(m, blank),
    "SpatialMaxUnpooling": _unpooling,
    "SpatialFractionalMaxPooling": _fractional,
    "Profile": _profile,
    "WeightNorm": _weight_norm,
}
"""Class -> its fields, given the module, its parameters with their gradients, and its children."""
