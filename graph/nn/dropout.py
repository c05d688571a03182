"""`nn.Dropout`, and its twins that drop whole planes."""

from __future__ import annotations

import weakref
from typing import Any, ClassVar

import keras
from keras import ops

from .arguments import number
from .image import check_maps
from .module_layer import ModuleLayer
from .pointwise import Pointwise
from .random_layer import RandomLayer
from .scope import Names, Scope
from .surrogate import with_gradient
from .torch_fields import TorchFields

__all__ = ["Dropout", "SpatialDropout", "VolumetricDropout"]


class _Dropping(Pointwise):
    """Sets values to 0 at random.

    `keras.layers.Dropout` and its twins scale what is left in training. Where Torch scales in
    inference instead, a `keras.layers.Rescaling` after it does both.
    """

    v1: bool = True
    stochasticInference: bool
    p: float

    def setp(self, p: float) -> None:
        """Change the probability. A model that has it already takes it over at ``rebuild()``.

        Raises:
            GraphError: `p` is not in ``[0, 1)``.
        """
        self.p = number(p, self.torch_name, "p", least=0, below=1)

    def noise_shape(self, shape: Any) -> tuple[Any, ...] | None:
        """The shape of what is drawn for an input of `shape`; None for that of the input."""
        return None

    def dropping_layer(self, x: Any, name: str) -> keras.layers.Layer:
        """The layer that drops, and scales the rest, in training."""
        return keras.layers.Dropout(self.p, noise_shape=self.noise_shape(x.shape), name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if self.stochasticInference and not scope.stock:
            key = ("stochastic", self.p)
            return self.apply_layer(x, scope, lambda name: RandomLayer(self, name=name), key=key)
        return self.dropped(x, scope)

    def dropped(self, x: Any, scope: Scope) -> Any:
        """`x` after dropping and scaling."""
        suffix = "_mask" if self.v1 else ""
        if self.stochasticInference:
            layer = scope.new_layer(lambda name: self.dropping_layer(x, name), suffix)
            y = layer(x, training=True)
        else:
            key = ("drop", self.p, self.noise_shape(x.shape))
            y = self.apply_layer(
                x, scope, lambda name: self.dropping_layer(x, name), key=key, suffix=suffix
            )
        if not self.v1:
            return y
        rescaling = keras.layers.Rescaling
        return self.apply_layer(
            y, scope, lambda name: rescaling(1 - self.p, name=name), key=("scale", self.p)
        )

    def compute(self, x: Any, training: bool = False, seed: Any = None) -> Any:
        """Dropping in inference too, where its gradient is that of the scaling alone."""
        keep = 1 - self.p
        shape = ops.shape(x)
        drawn = self.noise_shape(shape) or shape
        sizes = tuple(s if d is None else d for d, s in zip(drawn, shape, strict=True))
        kept = ops.cast(keras.random.uniform(sizes, dtype=x.dtype, seed=seed) < keep, x.dtype)
        dropped = x * kept if self.v1 else x * kept / keep
        return dropped if training else with_gradient(dropped, x * keep if self.v1 else x)


class Dropout(_Dropping):
    """Sets each value to 0 with probability `p` in training; becomes `keras.layers.Dropout`.

    What is left is divided by ``1 - p`` in training. Version 1 does not; it multiplies all by
    ``1 - p`` in inference instead, which adds a `keras.layers.Rescaling`.

    Args:
        p: Probability of dropping, in ``[0, 1)``. Default: 0.5.
        v1: Whether it is version 1. Default: False.
        inplace: Torch's memory option; kept, without effect. Default: False.
        stochasticInference: Whether it drops in inference too. Default: False.
        lazy: Whether all places where the module stands in a model drop the same values, as the
            steps of a recurrent network do with rnn's Dropout (which draws anew after a backward;
            here each run of the model does). Default: False.
        mono: Whether all samples of a batch lose the same values, as in rnn. Default: False.

    Raises:
        GraphError: `p` is not in ``[0, 1)``.

    Reference: Srivastava et al. 2014; torch/nn Dropout.lua; Element-Research/rnn Dropout.lua.
    """

    keras_name = "Dropout (v1: and Rescaling)"

    def __init__(
        self,
        p: float = 0.5,
        v1: bool = False,
        inplace: bool = False,
        stochasticInference: bool = False,
        *,
        lazy: bool = False,
        mono: bool = False,
    ) -> None:
        self.setp(p)
        self.v1 = bool(v1)
        self.inplace = bool(inplace)
        self.stochasticInference = bool(stochasticInference)
        self.lazy = bool(lazy)
        self.mono = bool(mono)
        self._masks: weakref.WeakKeyDictionary[Names, dict[Any, Any]]
        self._masks = weakref.WeakKeyDictionary()

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Dropout:
        return cls(
            fields.get("p", 0.5),
            not fields.get("v2", False),  # Files from before version 2 do not say.
            fields.get("inplace", False),
            fields.get("stochastic_inference", False),
            lazy=fields.get("lazy", False),
            mono=fields.get("mono", False),
        )

    def noise_shape(self, shape: Any) -> tuple[Any, ...] | None:
        return (1, *(None,) * (len(shape) - 1)) if self.mono else None

    def lower(self, x: Any, scope: Scope) -> Any:
        if not self.lazy or self.stochasticInference:
            return super().lower(x, scope)
        self.check(x)
        multiply = keras.layers.Multiply
        return self.apply_layer(
            [x, self._mask(x, scope)], scope, lambda name: multiply(name=name), key="masked"
        )

    def _mask(self, x: Any, scope: Scope) -> Any:
        """What all places in one model multiply their input with: ones after dropping."""
        known = self._masks.setdefault(scope.names, {})
        shape = tuple(x.shape)
        if shape not in known:
            ones = self.apply_layer(
                x, scope, lambda name: ModuleLayer(_Ones(), name=name), key="ones", suffix="_ones"
            )
            drawing = Scope(scope.names, scope.name + "_drawn", scope.where, stock=scope.stock)
            known[shape] = self.dropped(ones, drawing)
        return known[shape]


class _Ones(Pointwise):
    """A one for each value."""

    def compute(self, x: Any, training: bool = False) -> Any:
        return ops.ones_like(x)


class _PlaneDropout(_Dropping):
    sides: ClassVar[str]
    layer_class: ClassVar[Any]

    def __init__(self, p: float = 0.5, stochasticInference: bool = False) -> None:
        self.setp(p)
        self.stochasticInference = bool(stochasticInference)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> _PlaneDropout:
        return cls(fields.get("p", 0.5), fields.get("stochastic_inference", False))

    def check(self, x: Any) -> None:
        check_maps(x, self.sides)

    def noise_shape(self, shape: Any) -> tuple[Any, ...]:
        return (None, *(1,) * (len(shape) - 2), None)

    def dropping_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return self.layer_class(self.p, data_format="channels_last", name=name)


class SpatialDropout(_PlaneDropout):
    """Sets each plane of an image to 0 with probability `p` in training.

    What is left stays as it is; in inference all is multiplied by ``1 - p``. Becomes
    `keras.layers.SpatialDropout2D` and `keras.layers.Rescaling`.

    Args:
        p: Probability of dropping, in ``[0, 1)``. Default: 0.5.
        stochasticInference: Whether it drops in inference too. Default: False.

    Shapes:
        ``(batch, H, W, planes)`` -> the same.

    Raises:
        GraphError: `p` is not in ``[0, 1)``; at lowering, the input is no image.

    Reference: Tompson et al. 2015, arXiv:1411.4280; torch/nn SpatialDropout.lua.
    """

    keras_name = "SpatialDropout2D, Rescaling"
    sides = "HW"
    layer_class = keras.layers.SpatialDropout2D


class VolumetricDropout(_PlaneDropout):
    """Sets each plane of a volume to 0 with probability `p` in training.

    As `SpatialDropout` otherwise. Becomes `keras.layers.SpatialDropout3D` and
    `keras.layers.Rescaling`.

    Args:
        p: Probability of dropping, in ``[0, 1)``. Default: 0.5.
        stochasticInference: Whether it drops in inference too. Default: False.

    Shapes:
        ``(batch, T, H, W, planes)`` -> the same.

    Raises:
        GraphError: `p` is not in ``[0, 1)``; at lowering, the input is no volume.

    Reference: torch/nn VolumetricDropout.lua.
    """

    keras_name = "SpatialDropout3D, Rescaling"
    sides = "THW"
    layer_class = keras.layers.SpatialDropout3D
