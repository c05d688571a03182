"""Normalisation of each sample by itself: `Normalize` and `LayerNormalization`."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .arguments import integer, number
from .module import Module, Shape
from .pointwise import Pointwise
from .surrogate import with_gradient
from .torch_fields import TorchFields

__all__ = ["LayerNormalization", "Normalize"]


class Normalize(Pointwise):
    """``x / (sum |x|^p + eps)^(1/p)`` over the last axis; ``x / (max |x| + eps)`` for p infinite.

    The gradient is Torch's: where `p` is below 2 and odd, its ``|x|^(p-2)`` has `eps` added to
    ``|x|``; for p infinite, the first of several largest values takes it all.

    Args:
        p: The norm, above 0; ``math.inf`` is allowed.
        eps: Added for stability. Default: 1e-10.

    Shapes:
        ``(batch, n)`` or ``(batch, time, n)`` -> the same.

    Raises:
        GraphError: `p` is not a number above 0, or `eps` no number; at lowering, the input has
            other dimensions.

    Reference: torch/nn Normalize.lua.
    """

    keras_name = "(ops.power, ops.sum)"

    def __init__(self, p: float, eps: float = 1e-10) -> None:
        self.p = number(p, "Normalize", "p")
        self.eps = number(eps, "Normalize", "eps")
        if self.p <= 0:
            raise GraphError(f"nn.Normalize: p must be above 0, got {p} ({caller_origin()})")

    def check(self, x: Any) -> None:
        super().check(x)
        if len(x.shape) not in (2, 3):
            raise ShapeMismatch(
                "takes vectors, or sequences of them",
                expected=(None, None),
                fix="flatten the samples first, e.g. with nn.View(-1)",
            )

    def compute(self, x: Any, training: bool = False) -> Any:
        """The normalised vectors."""
        fixed = ops.stop_gradient(x)
        size = ops.abs(fixed)
        if math.isinf(self.p):
            norm = ops.max(size, axis=-1, keepdims=True) + self.eps
            largest = ops.one_hot(ops.argmax(size, axis=-1), x.shape[-1], dtype=x.dtype)
            return x / _with_slope(norm, x, largest * (fixed / norm))
        total = ops.sum(ops.power(size, self.p), axis=-1, keepdims=True) + self.eps
        slope = self.p * fixed
        if self.p < 2:
            slope = slope * ops.power(size + self.eps, self.p - 2)
        elif self.p > 2:
            slope = slope * ops.power(size, self.p - 2)
        return x / ops.power(_with_slope(total, x, slope), 1 / self.p)


def _with_slope(value: Any, x: Any, slope: Any) -> Any:
    return with_gradient(value, ops.sum(slope * x, axis=-1, keepdims=True))


class LayerNormalization(Module):
    """``weight (x - mean) / sqrt(var + eps / nOutput) + bias`` over the features of a sample.

    Becomes `keras.layers.LayerNormalization`. Torch7's own class subtracts the means of a batch
    in the wrong order, so that it is right for a batch of one only; this one is right for all.

    Args:
        nOutput: Number of features.
        bias: What the learnt `bias` starts with. Default: 0.
        eps: Added to the sum of squares, not to their mean. Default: 1e-10.
        affine: Whether `weight` and `bias` are there. Default: True.

    Shapes:
        ``(batch, nOutput)`` -> the same.

    Raises:
        GraphError: `nOutput` is not a positive integer, or `bias` or `eps` no number; at
            lowering, the input has another size.

    Reference: Ba et al. 2016, arXiv:1607.06450; torch/nn LayerNormalization.lua.
    """

    keras_name = "LayerNormalization"

    def __init__(
        self, nOutput: int, bias: float = 0, eps: float = 1e-10, affine: bool = True
    ) -> None:
        self.nOutput = integer(nOutput, "LayerNormalization", "nOutput")
        self.bias = number(bias, "LayerNormalization", "bias")
        self.eps = number(eps, "LayerNormalization", "eps")
        self.affine = bool(affine)

    def input_size(self) -> Shape:
        return (self.nOutput,)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 2 or x.shape[-1] != self.nOutput:
            raise ShapeMismatch(
                f"takes samples of {self.nOutput} features", expected=(None, self.nOutput)
            )

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.LayerNormalization(
            epsilon=self.eps / self.nOutput,
            center=self.affine,
            scale=self.affine,
            beta_initializer=keras.initializers.Constant(self.bias),
            name=name,
        )

    def named_parameters(self) -> dict[str, keras.Variable]:
        if not self.affine:
            return {}
        layer = self.built_layer((None, self.nOutput))
        return {"weight": layer.gamma, "bias": layer.beta}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> LayerNormalization:
        means, _, normalize, _, *affine = fields["modules"]
        replicate = means["modules"][1]["modules"][1]
        return cls(int(replicate["nfeatures"]), 0, normalize["eps"], bool(affine))

    def load_torch(self, fields: TorchFields) -> None:
        if self.affine:
            gain, shift = fields["modules"][4:6]
            named = self.named_parameters()
            self.assign_torch(fields, "weight", named["weight"], gain["weight"])
            self.assign_torch(fields, "bias", named["bias"], shift["bias"])
