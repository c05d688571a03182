"""The modules with which Torch's local normalisations sum up a window of all planes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .blank import Blank
from .types import TorchObject

__all__ = ["contrastive", "divisive", "subtractive"]


def subtractive(m: Any, blank: Blank) -> dict[str, Any]:
    """The fields of `nn.SpatialSubtractiveNormalization`."""
    kernel = _kernel(m, m.nInputPlane)
    return {
        "nInputPlane": m.nInputPlane,
        "kernel": kernel,
        "meanestimator": blank.sequential(*_window(m, blank, kernel)),
        "subtractor": blank.make("CSubTable"),
        "divider": blank.make("CDivTable"),
    }


def divisive(m: Any, blank: Blank) -> dict[str, Any]:
    """The fields of `nn.SpatialDivisiveNormalization`."""
    kernel = _kernel(m, math.sqrt(m.nInputPlane))
    squares = (blank.make("Square"), *_window(m, blank, kernel), blank.make("Sqrt", eps=0))
    limits = {"threshold": m.threshold, "thresval": m.thresval}
    return {
        "nInputPlane": m.nInputPlane,
        "kernel": kernel,
        **limits,
        "meanestimator": blank.sequential(*_window(m, blank, kernel)),
        "stdestimator": blank.sequential(*squares),
        "normalizer": blank.make("CDivTable"),
        "divider": blank.make("CDivTable"),
        "thresholder": blank.make(
            "Threshold", threshold=m.threshold, val=m.thresval, inplace=False
        ),
    }


def contrastive(m: Any, blank: Blank) -> dict[str, Any]:
    """The fields of `nn.SpatialContrastiveNormalization`."""
    return {
        "nInputPlane": m.nInputPlane,
        "kernel": _given(m),
        "threshold": m.threshold,
        "thresval": m.thresval,
        "normalizer": blank.sequential(
            blank.make("SpatialSubtractiveNormalization", **subtractive(m, blank)),
            blank.make("SpatialDivisiveNormalization", **divisive(m, blank)),
        ),
    }


def _given(m: Any) -> np.ndarray:
    return np.ones((9, 9)) if m.kernel is None else np.asarray(m.kernel)


def _kernel(m: Any, one_sided: float) -> np.ndarray:
    """The weights as Torch keeps them: a sum of 1 over all planes."""
    kernel = _given(m)
    return kernel / (kernel.sum() * (m.nInputPlane if kernel.ndim == 2 else one_sided))


def _window(m: Any, blank: Blank, kernel: np.ndarray) -> list[TorchObject]:
    """The modules that sum up a window of all planes with these weights."""
    planes = m.nInputPlane
    kH, kW = kernel.shape[0], kernel.shape[-1]
    top, left = kH // 2, kW // 2
    modules = [blank.make("SpatialZeroPadding", pad_l=left, pad_r=left, pad_t=top, pad_b=top)]
    if kernel.ndim == 2:
        weight = np.repeat(kernel[None, None], planes, axis=1)
    else:
        rows, slope = blank.parameter(np.repeat(kernel[None, None], planes, axis=0))
        bias, biasSlope = blank.parameter(np.zeros(planes))
        table = np.repeat(np.arange(1, planes + 1)[:, None], 2, axis=1)
        own = {"weight": rows, "gradWeight": slope, "bias": bias, "gradBias": biasSlope}
        sizes = {"nInputPlane": planes, "nOutputPlane": planes, "dW": 1, "dH": 1}
        modules.append(
            blank.make("SpatialConvolutionMap", kW=kW, kH=1, connTable=table, **sizes, **own)
        )
        weight = np.repeat(kernel[None, None, :, None], planes, axis=1)
    weight, slope = blank.parameter(weight)
    bias, biasSlope = blank.parameter(np.zeros(1))
    own = {"weight": weight, "gradWeight": slope, "bias": bias, "gradBias": biasSlope}
    sizes = {"kH": weight.shape[2], "kW": weight.shape[3], "dW": 1, "dH": 1, "padW": 0, "padH": 0}
    counts = {"nInputPlane": planes, "nOutputPlane": 1}
    modules.append(blank.make("SpatialConvolution", **counts, **sizes, **own))
    return [*modules, blank.make("Replicate", nfeatures=planes, dim=1, ndim=3)]
