"""Enlarging images and volumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .arguments import integer
from .image import check_image, check_maps, set_integers
from .module import Module
from .module_layer import ModuleLayer
from .torch_fields import TorchFields

__all__ = ["SpatialUpSamplingBilinear", "SpatialUpSamplingNearest", "UpSampling"]

_SIZES = {"T": "odepth", "H": "oheight", "W": "owidth"}


class SpatialUpSamplingNearest(Module):
    """Each pixel `scale` times along both sides; becomes `keras.layers.UpSampling2D`.

    Args:
        scale: A positive integer.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, H * scale, W * scale, C)``.

    Raises:
        GraphError: `scale` is not a positive integer; at lowering, the input is no image.

    Reference: torch/nn SpatialUpSamplingNearest.lua.
    """

    keras_name = "UpSampling2D"
    scale: int

    def __init__(self, scale: int) -> None:
        set_integers(self, 1, scale=scale)

    def check(self, x: Any) -> None:
        check_image(x)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.UpSampling2D(self.scale, name=name)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialUpSamplingNearest:
        return cls(fields.integer("scale_factor"))


class _Linear(Module):
    """Linear interpolation between the corners of the input, which are those of the output."""

    params: Any

    def _set(self, params: Any) -> None:
        if not isinstance(params, Mapping):
            self.params = integer(params, self.torch_name, "scale_factor")
            return
        missing = {"owidth", "oheight"} - set(params)
        unknown = set(params) - {"odepth", "owidth", "oheight"}
        if missing or unknown:
            raise GraphError(
                f"nn.{self.torch_name}: params must be a scale factor or hold owidth and oheight "
                f"(and odepth for volumes), got {dict(params)}, {caller_origin()}"
            )
        self.params = {k: integer(v, self.torch_name, k) for k, v in params.items()}

    def output_sizes(self, x: Any, sides: str) -> list[Any]:
        """The size of each side of the output, in Keras's order; None where it is not known."""
        if isinstance(self.params, dict):
            return [self.params.get(_SIZES[side]) for side in sides]
        return [None if n is None else n * self.params for n in x.shape[1:-1]]

    def check_linear(self, x: Any, sides: str) -> None:
        """Raise `ShapeMismatch` if `x` cannot be enlarged linearly."""
        check_maps(x, sides)
        if None in x.shape[1:-1]:
            raise ShapeMismatch(
                "interpolates between corners and needs to know how far they are apart",
                fix="state the size with graph.Input(shape)",
            )
        if None in self.output_sizes(x, sides):
            raise ShapeMismatch("is fed volumes and was given no odepth")

    def interpolated(self, x: Any, sides: str) -> Any:
        """`x` at its output size."""
        dtype = keras.backend.standardize_dtype(x.dtype)
        sizes = self.output_sizes(x, sides)
        for axis, wanted in reversed(list(enumerate(sizes, 1))):
            length = x.shape[axis]
            if wanted == length:
                continue
            low, share = _places(length, wanted)
            high = np.minimum(low + 1, length - 1)
            share = share.astype(dtype).reshape(-1, *(1,) * (len(x.shape) - axis - 1))
            first = ops.take(x, low, axis=axis)
            x = first * (1 - share) + ops.take(x, high, axis=axis) * share
        return x

    @classmethod
    def params_from_torch(cls, fields: TorchFields) -> Any:
        """The argument `params`."""
        if "scale_factor" in fields:
            return fields.integer("scale_factor")
        return {name: fields.integer(name) for name in _SIZES.values() if name in fields}


def _places(length: int, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Where each element of the output lies: the one before it, and its distance from that."""
    # In single precision whatever the tensors are, as in Torch.
    apart = np.float32(length - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
    place = apart * np.arange(wanted, dtype="float32")
    low = place.astype("int32")
    return low, place - low.astype("float32")


class SpatialUpSamplingBilinear(_Linear):
    """Bilinear enlargement that keeps the corners where they are.

    Args:
        params: A positive integer by which height and width are multiplied, or a dict of
            ``owidth`` and ``oheight``.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, H * params, W * params, C)`` or
        ``(batch, oheight, owidth, C)``.

    Raises:
        GraphError: `params` is neither; at lowering, the input is no image or its size is not
            known.

    Reference: torch/nn SpatialUpSamplingBilinear.lua.
    """

    keras_name = "(ops.take)"

    def __init__(self, params: int | Mapping[str, int]) -> None:
        self._set(params)

    def check(self, x: Any) -> None:
        self.check_linear(x, "HW")

    def compute(self, x: Any, training: bool = False) -> Any:
        return self.interpolated(x, "HW")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialUpSamplingBilinear:
        return cls(cls.params_from_torch(fields))


class UpSampling(_Linear):
    """Enlarges images or volumes, by repeating or by linear interpolation.

    Repeating becomes `keras.layers.UpSampling2D` or `keras.layers.UpSampling3D`; interpolation
    keeps the corners where they are.

    Args:
        params: A positive integer by which every side is multiplied; for interpolation also a
            dict of ``owidth``, ``oheight`` and, for volumes, ``odepth``.
        mode: ``"nearest"``, or ``"linear"`` (also called ``"bilinear"`` or ``"trilinear"``).
            Default: ``"nearest"``.

    Shapes:
        ``(batch, H, W, C)`` or ``(batch, T, H, W, C)`` -> the same with larger sides.

    Raises:
        GraphError: An argument is none of these; at lowering, the input is no image or volume,
            or its size is not known to interpolation.

    Reference: torch/nn UpSampling.lua.
    """

    keras_name = "UpSampling2D, UpSampling3D"

    def __init__(self, params: int | Mapping[str, int], mode: str = "nearest") -> None:
        modes = {
            "nearest": "nearest",
            **dict.fromkeys(("linear", "bilinear", "trilinear"), "linear"),
        }
        if mode not in modes:
            raise GraphError(
                f"nn.{self.torch_name}: mode must be one of {list(modes)}, got {mode!r}, "
                f"{caller_origin()}"
            )
        self.mode = modes[mode]
        self._set(params)
        if self.mode == "nearest" and isinstance(self.params, dict):
            raise GraphError(
                f"nn.{self.torch_name}: nearest needs a scale factor, got {self.params}, "
                f"{caller_origin()}"
            )

    def check(self, x: Any) -> None:
        sides = self._sides(x)
        check_maps(x, sides) if self.mode == "nearest" else self.check_linear(x, sides)

    def _sides(self, x: Any) -> str:
        return "THW" if not isinstance(x, list) and len(x.shape) == 5 else "HW"

    def layer_key(self, x: Any) -> Any:
        return len(x.shape)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        if self.mode == "linear":
            return ModuleLayer(self, name=name)
        kinds = {4: keras.layers.UpSampling2D, 5: keras.layers.UpSampling3D}
        return kinds[len(x.shape)](self.params, name=name)

    def compute(self, x: Any, training: bool = False) -> Any:
        return self.interpolated(x, self._sides(x))

    @classmethod
    def from_torch(cls, fields: TorchFields) -> UpSampling:
        return cls(cls.params_from_torch(fields), fields.get("mode", "nearest"))
