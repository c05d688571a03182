"""Batch normalisation."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import ShapeMismatch
from .arguments import number
from .image import check_maps, set_integers
from .module import Module, Shape
from .scope import Scope
from .torch_fields import TorchFields

__all__ = [
    "BatchNormalization",
    "SpatialBatchNormalization",
    "TorchBatchNormalization",
    "VolumetricBatchNormalization",
]


@keras.saving.register_keras_serializable(package="nngraph")
class TorchBatchNormalization(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that trains as Torch's does.

    The moving variance is of the unbiased one, and a batch of one sample is normalised with the
    moving statistics, which it leaves as they are. Inference is Keras's own.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As `keras.layers.BatchNormalization.call`; a mask is not looked at."""
        if not (training and self.trainable):
            return super().call(inputs, training=False)
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x = ops.cast(inputs, dtype)
        old_mean = ops.cast(self.moving_mean, dtype)
        old_variance = ops.cast(self.moving_variance, dtype)
        axes = list(range(len(x.shape) - 1))
        mean = ops.mean(x, axis=axes)
        # Not the mean square less the squared mean, which loses digits.
        variance = ops.mean(ops.square(x - mean), axis=axes)
        sizes = ops.shape(x)
        count = ops.cast(ops.convert_to_tensor(math.prod(sizes[:-1])), dtype)
        unbiased = variance * (count / ops.maximum(count - 1, 1))
        several = ops.convert_to_tensor(sizes[0]) > 1
        share = ops.where(several, ops.cast(1 - self.momentum, dtype), ops.cast(0, dtype))
        self.moving_mean.assign(old_mean + share * (mean - old_mean))
        self.moving_variance.assign(old_variance + share * (unbiased - old_variance))
        mean = ops.where(several, mean, old_mean)
        variance = ops.where(several, variance, old_variance)
        y = (x - mean) / ops.sqrt(variance + self.epsilon)
        if self.scale:
            y = y * ops.cast(self.gamma, dtype) + ops.cast(self.beta, dtype)
        return ops.cast(y, self.compute_dtype)

    def to_keras(self) -> keras.layers.BatchNormalization:
        """Keras's own layer with these values, equal in inference."""
        layer = keras.layers.BatchNormalization.from_config(self.get_config())
        layer.build((None,) * (self.input_spec.ndim - 1) + tuple(self.moving_mean.shape))
        layer.set_weights(self.get_weights())
        return layer


class BatchNormalization(Module):
    """``(x - mean) / sqrt(variance + eps) * weight + bias``, feature by feature.

    Mean and (biased) variance are the batch's own in training and the running ones otherwise.
    Becomes a `keras.layers.BatchNormalization` that keeps Torch's running variance, which is of
    the unbiased one, and that lets a batch of one sample pass with the running statistics; after
    `to_keras` it is Keras's layer itself, equal in inference. Weights start uniform in
    ``[0, 1)``, biases at 0, as in Torch.

    Args:
        nOutput: Number of features.
        eps: Added to the variance. Default: 1e-5.
        momentum: Weight of the new statistics in the running ones. Keras's `momentum` is
            ``1 - momentum``. Default: 0.1.
        affine: Whether there are weights and biases. Default: True.

    Shapes:
        ``(batch, nOutput)`` -> the same.

    Raises:
        GraphError: An argument is out of range; at lowering, the input has another shape.

    Reference: Ioffe & Szegedy 2015, arXiv:1502.03167; torch/nn BatchNormalization.lua.
    """

    keras_name = "BatchNormalization"
    sides: str = ""
    nOutput: int

    def __init__(
        self, nOutput: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = True
    ) -> None:
        set_integers(self, 1, nOutput=nOutput)
        self.eps = number(eps, self.torch_name, "eps", least=0)
        self.momentum = number(momentum, self.torch_name, "momentum", least=0)
        self.affine = bool(affine)

    def input_size(self) -> Shape | None:
        return None if self.sides else (self.nOutput,)

    def check(self, x: Any) -> None:
        if self.sides:
            check_maps(x, self.sides, planes=self.nOutput)
        elif isinstance(x, list) or len(x.shape) != 2 or x.shape[1] != self.nOutput:
            raise ShapeMismatch(
                f"takes samples of {self.nOutput} features", expected=(None, self.nOutput)
            )

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return self._layer(TorchBatchNormalization, name)

    def _layer(self, kind: type, name: str) -> Any:
        return kind(
            momentum=1 - self.momentum,
            epsilon=self.eps,
            center=self.affine,
            scale=self.affine,
            gamma_initializer=keras.initializers.RandomUniform(0.0, 1.0),
            name=name,
        )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if not scope.stock:
            return self.apply_layer(x, scope)

        def make(name: str) -> keras.layers.Layer:
            ours = self.statistics_layer()
            layer = self._layer(keras.layers.BatchNormalization, name)
            layer.build(x.shape)
            layer.set_weights(ours.get_weights())
            layer.trainable = ours.trainable
            return layer

        return self.apply_layer(x, scope, make, key="stock")

    def statistics_layer(self) -> Any:
        """The layer, which holds `moving_mean` and `moving_variance`."""
        return self.built_layer((None,) * (len(self.sides) + 1) + (self.nOutput,))

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self.statistics_layer()
        return {"weight": layer.gamma, "bias": layer.beta} if self.affine else {}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> BatchNormalization:
        features = len(fields["running_mean"])
        eps, momentum = fields.get("eps", 1e-5), fields.get("momentum", 0.1)
        return cls(features, eps, momentum, "weight" in fields)

    def load_torch(self, fields: TorchFields) -> None:
        super().load_torch(fields)
        layer = self.statistics_layer()
        variance = fields.array("running_var")
        if variance is None:
            # Files from before running_var hold 1 / sqrt(variance + eps) as running_std.
            variance = np.asarray(fields["running_std"], "float64") ** -2 - self.eps
        for name, variable, array in (
            ("running_mean", layer.moving_mean, np.asarray(fields["running_mean"])),
            ("running_var", layer.moving_variance, variance),
        ):
            self.assign_torch(fields, name, variable, array)


class SpatialBatchNormalization(BatchNormalization):
    """`BatchNormalization` of images, plane by plane.

    Args:
        nOutput: Number of planes.
        eps: Added to the variance. Default: 1e-5.
        momentum: Weight of the new statistics in the running ones. Default: 0.1.
        affine: Whether there are weights and biases. Default: True.

    Shapes:
        ``(batch, H, W, nOutput)`` -> the same.

    Raises:
        GraphError: As `BatchNormalization`.

    Reference: torch/nn SpatialBatchNormalization.lua.
    """

    sides = "HW"


class VolumetricBatchNormalization(BatchNormalization):
    """`BatchNormalization` of volumes, plane by plane.

    Args:
        nOutput: Number of planes.
        eps: Added to the variance. Default: 1e-5.
        momentum: Weight of the new statistics in the running ones. Default: 0.1.
        affine: Whether there are weights and biases. Default: True.

    Shapes:
        ``(batch, T, H, W, nOutput)`` -> the same.

    Raises:
        GraphError: As `BatchNormalization`.

    Reference: torch/nn VolumetricBatchNormalization.lua.
    """

    sides = "THW"
