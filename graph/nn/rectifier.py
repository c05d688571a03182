"""Rectifiers besides `ReLU`: one slope above a bend, another below."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..layout import keras_axis
from ..origin import caller_origin
from .arguments import integer, number
from .dimension import one_tensor
from .module import Module
from .module_layer import ModuleLayer, ParameterSpec
from .pointwise import Pointwise
from .random_layer import RandomLayer

__all__ = ["CReLU", "LeakyReLU", "PReLU", "RReLU", "ReLU6", "Threshold"]


class Threshold(Pointwise):
    """``x`` above `threshold`, else `value`.

    Args:
        threshold: What a value must exceed. Default: 1e-6.
        value: What takes the place of the others. Default: 0.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: An argument is not a number; or `inplace` with a `value` above `threshold`,
            which Torch refuses.

    Reference: torch/nn Threshold.lua.
    """

    keras_name = "(ops.where)"

    def __init__(self, threshold: float = 1e-6, value: float = 0, inplace: bool = False) -> None:
        self.threshold = number(threshold, "Threshold", "threshold")
        self.value = number(value, "Threshold", "value")
        self.inplace = bool(inplace)
        if self.inplace and self.value > self.threshold:
            raise GraphError(
                f"nn.Threshold: in place, value ({value}) must not exceed threshold "
                f"({threshold}), {caller_origin()}"
            )

    @classmethod
    def from_torch(cls, fields: Any) -> Threshold:
        inplace = fields.get("inplace", False)
        return cls(fields.get("threshold", 1e-6), fields.get("val", 0), inplace)

    def compute(self, x: Any, training: bool = False) -> Any:
        """What exceeds the threshold, and `value`."""
        return ops.where(x > self.threshold, x, self.value)


class ReLU6(Pointwise):
    """``min(max(0, x), 6)``; becomes `keras.layers.ReLU`.

    Args:
        inplace: Torch's memory option; kept, without effect. Default: False.

    Reference: torch/nn ReLU6.lua.
    """

    keras_name = "ReLU(max_value=6)"

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = bool(inplace)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.ReLU(max_value=6.0, name=name)


class LeakyReLU(Pointwise):
    """``x`` above 0, ``negval x`` below; becomes `keras.layers.LeakyReLU`.

    Args:
        negval: Slope below 0. Default: 0.01. True or False in its place is taken for `inplace`,
            as in Torch. A negative slope, which Keras's layer refuses, stays a layer of this
            package.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: `negval` is not a number.

    Reference: torch/nn LeakyReLU.lua.
    """

    keras_name = "LeakyReLU"

    def __init__(self, negval: float | bool = 0.01, inplace: bool = False) -> None:
        if isinstance(negval, bool):
            negval, inplace = 0.01, negval
        self.negval = number(negval, "LeakyReLU", "negval")
        self.inplace = bool(inplace)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        if self.negval < 0:
            return ModuleLayer(self, name=name)
        return keras.layers.LeakyReLU(negative_slope=self.negval, name=name)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The two slopes."""
        return ops.where(x > 0, x, x * self.negval)


class PReLU(Pointwise):
    """``x`` above 0, ``w x`` below, with a learnt slope `w`, at first 0.25.

    `keras.layers.PReLU` has the same values, but at 0 another gradient.

    Args:
        nOutputPlane: One slope for each plane or feature, the first dimension of a sample; 0 for
            one slope that all share. Default: 0.

    Shapes:
        Any shape -> the same; with `nOutputPlane`, ``(batch, nOutputPlane)``,
        ``(batch, nOutputPlane, time)``, ``(batch, H, W, nOutputPlane)``, ...

    Raises:
        GraphError: `nOutputPlane` is not an integer; at lowering, the input has not so many
            planes.

    Reference: He et al. 2015, arXiv:1502.01852; torch/nn PReLU.lua.
    """

    keras_name = "(ops.where)"

    def __init__(self, nOutputPlane: int = 0) -> None:
        self.nOutputPlane = integer(nOutputPlane, "PReLU", "nOutputPlane", least=0)

    def parameter_specs(self) -> list[ParameterSpec]:
        quarter = keras.initializers.Constant(0.25)
        return [ParameterSpec("weight", (max(self.nOutputPlane, 1),), quarter)]

    def check(self, x: Any) -> None:
        super().check(x)
        if self.nOutputPlane:
            axis = keras_axis(1, len(x.shape))
            if x.shape[axis] not in (None, self.nOutputPlane):
                expected: list[int | None] = [None] * len(x.shape)
                expected[axis] = self.nOutputPlane
                raise ShapeMismatch(
                    f"takes samples of {self.nOutputPlane} planes", expected=tuple(expected)
                )

    def compute(self, x: Any, training: bool = False, weight: Any = None) -> Any:
        """The two slopes."""
        if self.nOutputPlane:
            sizes = [1] * len(x.shape)
            sizes[keras_axis(1, len(sizes))] = self.nOutputPlane
            weight = ops.reshape(weight, sizes)
        return ops.where(x > 0, x, x * weight)


class RReLU(Pointwise):
    """``x`` above 0, ``r x`` below: `r` is drawn anew for each value in training.

    Otherwise `r` is ``(lower + upper) / 2``; after `to_keras`, it always is.

    Args:
        lower: Least slope. Default: 1/8.
        upper: Largest slope. Default: 1/3.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Raises:
        GraphError: An argument is not a number of at least 0, or `lower` is above `upper`.

    Reference: Xu et al. 2015, arXiv:1505.00853; torch/nn RReLU.lua.
    """

    keras_name = "(keras.random, ops.where)"

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        # Not as `lower`, which is what every module is turned into layers by.
        self._least = number(lower, "RReLU", "lower", least=0)
        self._most = number(upper, "RReLU", "upper", least=0)
        self.inplace = bool(inplace)
        if self._least > self._most:
            raise GraphError(
                f"nn.RReLU: lower ({lower}) must not exceed upper ({upper}), {caller_origin()}"
            )

    def get_config(self) -> dict[str, Any]:
        return {"lower": self._least, "upper": self._most, "inplace": self.inplace}

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return RandomLayer(self, name=name)

    def compute(self, x: Any, training: bool = False, seed: Any = None) -> Any:
        """The two slopes."""
        slope: Any = (self._least + self._most) / 2
        if training and self._least < self._most:
            slope = keras.random.uniform(
                ops.shape(x), self._least, self._most, dtype=x.dtype, seed=seed
            )
        return ops.where(x > 0, x, x * slope)


class CReLU(Module):
    """``max(0, x)`` and ``max(0, -x)``, joined along the planes.

    Args:
        nInputDims: How many dimensions a sample has.
        inplace: Torch's memory option; kept, without effect. Default: False.

    Shapes:
        ``(batch, n)`` -> ``(batch, 2n)``, ``(batch, H, W, n)`` -> ``(batch, H, W, 2n)``.

    Raises:
        GraphError: `nInputDims` is not a positive integer; at lowering, a sample has another
            number of dimensions.

    Reference: Shang et al. 2016, arXiv:1603.05201; torch/nn CReLU.lua.
    """

    keras_name = "(ops.concatenate, ops.relu)"

    def __init__(self, nInputDims: int, inplace: bool = False) -> None:
        self.nInputDims = integer(nInputDims, "CReLU", "nInputDims")
        self.inplace = bool(inplace)

    def check(self, x: Any) -> None:
        one_tensor(x)
        if len(x.shape) != self.nInputDims + 1:
            raise ShapeMismatch(
                f"takes samples of {self.nInputDims} dimensions",
                expected=(None,) * (self.nInputDims + 1),
            )

    def compute(self, x: Any, training: bool = False) -> Any:
        """Both halves."""
        axis = keras_axis(1, len(x.shape))
        return ops.relu(ops.concatenate([x, -x], axis=axis))
