"""`nn.SpatialFractionalMaxPooling`."""

from __future__ import annotations

import functools
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .arguments import number
from .image import check_image, set_integers
from .module import Module
from .module_layer import ModuleLayer
from .random_layer import RandomLayer
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["SpatialFractionalMaxPooling"]

_DRAWN = 16
"""Samples to draw for fixed regions; a batch that is larger uses them again."""


class SpatialFractionalMaxPooling(Module):
    """Largest value of each window, the windows laid at random distances.

    Every plane of every sample gets its own regions, new ones each time, in evaluation too, as in
    Torch. `fixPoolingRegions` keeps those that are drawn first. After `to_keras` regions are
    drawn in training; inference, where Keras draws nothing, uses the ones in the middle.

    Args:
        poolSizeW: Window width, at least 2.
        poolSizeH: Window height, at least 2.
        arg1: Width of the output; or, if it or `arg2` is below 1, its share of the input's.
        arg2: Height of the output, or its share.
        newRandomPool: Torch's name of what `fixPoolingRegions` sets. Default: False.
        randomSamples: Numbers in ``[0, 1)``, ``(samples, planes, 2)``, that fix the regions.
            Default: None, drawn when they are needed.

    Shapes:
        ``(batch, H, W, C)`` -> ``(batch, oH, oW, C)``.

    Raises:
        GraphError: An argument is out of range; at lowering, the size of the image is not known
            or leaves no room for the windows.

    Reference: Graham 2014, arXiv:1412.6071; torch/nn SpatialFractionalMaxPooling.lua.
    """

    keras_name = "(ops.take_along_axis)"
    poolSizeW: int
    poolSizeH: int
    arg1: float
    arg2: float

    def __init__(
        self,
        poolSizeW: int,
        poolSizeH: int,
        arg1: float,
        arg2: float,
        *,
        newRandomPool: bool = False,
        randomSamples: Any = None,
    ) -> None:
        set_integers(self, 2, poolSizeW=poolSizeW, poolSizeH=poolSizeH)
        self.arg1 = number(arg1, self.torch_name, "arg1", least=0)
        self.arg2 = number(arg2, self.torch_name, "arg2", least=0)
        if self.arg1 >= 1 and self.arg2 >= 1:
            set_integers(self, 1, arg1=arg1, arg2=arg2)
        elif not (0 < self.arg1 < 1 and 0 < self.arg2 < 1):
            raise GraphError(
                f"nn.{self.torch_name}: arg1 and arg2 must both be sizes, or both shares of the "
                f"input between 0 and 1, got {arg1} and {arg2}, {caller_origin()}"
            )
        self.newRandomPool = bool(newRandomPool)
        self.randomSamples: list[Any] | None = None
        if randomSamples is not None:
            self.randomSamples = np.asarray(randomSamples, "float64").tolist()

    def fixPoolingRegions(self, val: bool = True) -> SpatialFractionalMaxPooling:
        """Keep the regions that are drawn first, or (False) draw new ones each time again.

        Returns:
            The module itself.
        """
        self.newRandomPool = bool(val)
        return self

    def _sides(self, width: int, height: int) -> list[tuple[int, int, int]]:
        """Length, number of windows and window length of the width and of the height."""
        parts = ((width, self.arg1, self.poolSizeW), (height, self.arg2, self.poolSizeH))
        return [(n, math.floor(n * wanted if wanted < 1 else wanted), k) for n, wanted, k in parts]

    def check(self, x: Any) -> None:
        check_image(x)
        if None in x.shape[1:]:
            raise ShapeMismatch(
                "divides the image and needs to know its size and planes",
                fix="state them with graph.Input(shape)",
            )
        for length, count, window in self._sides(x.shape[2], x.shape[1]):
            if count < 1 or count + window - 1 >= length:
                raise ShapeMismatch(
                    f"lays {count} windows of {window}, at least 1 apart, on {length} pixels",
                    fix="ask for fewer, at least one",
                )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if self.newRandomPool:
            if np.shape(self.randomSamples or ())[1:] != (x.shape[3], 2):
                self.randomSamples = np.random.random_sample((_DRAWN, x.shape[3], 2)).tolist()
            make: Any = ModuleLayer
        else:
            make = RandomLayer
            if scope.stock:
                return self.compute([x, self._drawn_by_keras(x, scope)])
        key = ("regions", self.newRandomPool)
        return self.apply_layer(x, scope, lambda name: make(self, name=name), key=key)

    def _drawn_by_keras(self, x: Any, scope: Scope) -> Any:
        """Numbers in [0, 1) out of the one layer of Keras that gives numbers of its own."""
        nothing = ops.transpose(ops.zeros_like(x[:, :2, 0]), (0, 2, 1))
        normal = self.apply_layer(
            nothing,
            scope,
            lambda name: keras.layers.GaussianNoise(1.0, name=name),
            key="noise",
            suffix="_noise",
        )
        return ops.minimum(0.5 + 0.5 * ops.erf(normal / math.sqrt(2)), 1 - 1e-7)

    def compute(self, x: Any, training: bool = False, seed: Any = None) -> Any:
        x, samples = x if is_table(x) else (x, self._samples(x, seed))
        x = ops.transpose(x, (0, 3, 1, 2))
        for i, side in enumerate(self._sides(x.shape[3], x.shape[2])):
            x = self._pooled(x, samples[:, :, i], 3 - i, *side)
        return ops.transpose(x, (0, 2, 3, 1))

    def _samples(self, x: Any, seed: Any) -> Any:
        if seed is not None:
            shape = (ops.shape(x)[0], x.shape[3], 2)
            return keras.random.uniform(shape, dtype=x.dtype, seed=seed)
        fixed = np.asarray(self.randomSamples, keras.backend.standardize_dtype(x.dtype))
        # Row numbers of the batch, whose size is not known: a running count of ones.
        count = ops.cumsum(ops.ones_like(x[:, 0, 0, 0], dtype="int32")) - 1
        return ops.take(fixed, count % len(fixed), axis=0)

    def _pooled(self, x: Any, samples: Any, axis: int, length: int, count: int, window: int) -> Any:
        """The largest of each window along one side of ``(batch, planes, H, W)``."""
        samples = ops.expand_dims(samples, -1)
        last = ops.cast(ops.zeros_like(samples), "int32") + (length - window)
        starts = last
        if count > 1:
            apart = (length - window) / (count - 1)
            index = np.arange(count - 1, dtype=keras.backend.standardize_dtype(x.dtype))
            # Cast cuts off, as C does.
            first = ops.cast(samples * apart, "int32")
            # In this order, or Keras on TensorFlow takes the numbers for a bias of the planes.
            moved = ops.cast(ops.add(index, samples) * apart, "int32") - first
            starts = ops.concatenate([moved, last], axis=-1)
        starts = ops.expand_dims(starts, 3 if axis == 2 else 2)
        taken = [ops.take_along_axis(x, starts + i, axis=axis) for i in range(window)]
        # Of equal values the first takes the gradient, as in Torch.
        return functools.reduce(ops.maximum, taken)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialFractionalMaxPooling:
        names = ("outW", "outH") if "outW" in fields else ("ratioW", "ratioH")
        pools = fields.integer("poolSizeW"), fields.integer("poolSizeH")
        return cls(
            *pools,
            *(fields[name] for name in names),
            newRandomPool=bool(fields.get("newRandomPool", False)),
            randomSamples=fields.array("randomSamples"),
        )
