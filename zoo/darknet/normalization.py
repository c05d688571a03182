"""Batch normalisation and local response normalisation as Darknet computes them."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from graph import net2net, nn
from graph.errors import GraphError, ShapeMismatch
from graph.nn.scope import Scope
from graph.nn.windows import slide

__all__ = ["DarknetBatchNorm", "DarknetBatchNormalization", "DarknetResponseNormalization"]

_OUTSIDE, _INSIDE = 1e-6, 1e-5  # src/blas.c normalize_cpu, src/blas_kernels.cu normalize_kernel


@keras.saving.register_keras_serializable(package="nngraph")
class DarknetBatchNorm(keras.layers.BatchNormalization):
    """`keras.layers.BatchNormalization` that divides and trains as Darknet does.

    Args:
        inside: Whether epsilon is added to the variance, or to its root.
        **kwargs: As of `keras.layers.BatchNormalization`.
    """

    def __init__(self, inside: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inside = bool(inside)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.input_spec = None  # The same layer serves features and maps.

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """As `keras.layers.BatchNormalization.call`; a mask is not looked at."""
        dtype = keras.backend.result_type(inputs.dtype, "float32")
        x = ops.cast(inputs, dtype)
        mean = ops.cast(self.moving_mean, dtype)
        variance = ops.cast(self.moving_variance, dtype)
        if training and self.trainable:
            old_mean, old_variance = mean, variance
            axes = list(range(len(x.shape) - 1))
            mean = ops.mean(x, axis=axes)
            count = ops.cast(ops.convert_to_tensor(math.prod(ops.shape(x)[:-1])), dtype)
            squares = ops.sum(ops.square(x - mean), axis=axes)
            variance = squares / ops.maximum(count - 1, 1)
            share = 1 - self.momentum
            self.moving_mean.assign(old_mean + share * (mean - old_mean))
            self.moving_variance.assign(old_variance + share * (variance - old_variance))
        # The mean is taken off first: Keras's order loses the digits of a channel that is steady.
        y = (x - mean) / self.spread(variance)
        if self.scale:
            y = y * ops.cast(self.gamma, dtype)
        if self.center:
            y = y + ops.cast(self.beta, dtype)
        return ops.cast(y, self.compute_dtype)

    def spread(self, variance: Any) -> Any:
        """What is divided by."""
        if self.inside:
            return ops.sqrt(variance + self.epsilon)
        # The root has no slope at 0; this changes no value, since epsilon is far larger.
        return ops.sqrt(ops.maximum(variance, 1e-30)) + self.epsilon

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments."""
        return {**super().get_config(), "inside": self.inside}


net2net.like(DarknetBatchNorm, keras.layers.BatchNormalization)


class DarknetBatchNormalization(nn.Module):
    """``(x - mean) / (sqrt(variance) + 1e-6) * scale + bias``, channel by channel.

    In training mean and variance are the batch's own, the variance with Bessel's correction, and
    the running ones move by a hundredth. Becomes a `keras.layers.BatchNormalization` of that rule.
    After `to_keras` it is Keras's own layer, equal in inference: its epsilon is 1e-12 and its
    moving variance ``variance + 2e-6 sqrt(variance)``, for
    ``(sqrt(variance) + 1e-6)^2 = variance + 2e-6 sqrt(variance) + 1e-12``.

    Args:
        nOutput: Number of channels.
        epsilon: "outside" the root, as Darknet computes on a CPU, or "inside",
            ``sqrt(variance + 1e-5)``, as on a GPU. Default: "outside".
        center: Whether there are biases. Default: True.

    Shapes:
        ``(batch, ..., nOutput)`` -> the same.

    Raises:
        GraphError: `epsilon` is neither; at lowering, the input has other channels.

    Reference: Ioffe & Szegedy 2015, arXiv:1502.03167; pjreddie/darknet src/batchnorm_layer.c,
    src/blas.c.
    """

    keras_name = "BatchNormalization"

    def __init__(self, nOutput: int, epsilon: str = "outside", center: bool = True) -> None:
        if epsilon not in ("outside", "inside"):
            raise GraphError(f"epsilon must be 'outside' or 'inside' the root, got {epsilon!r}")
        self.nOutput = int(nOutput)
        self.epsilon = epsilon
        self.center = bool(center)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or x.shape[-1] != self.nOutput:
            raise ShapeMismatch(f"takes {self.nOutput} channels")

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        inside = self.epsilon == "inside"
        return DarknetBatchNorm(
            inside,
            momentum=0.99,
            epsilon=_INSIDE if inside else _OUTSIDE,
            center=self.center,
            name=name,
        )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if not scope.stock:
            return self.apply_layer(x, scope)

        def make(name: str) -> keras.layers.Layer:
            ours = self._layer()
            layer = keras.layers.BatchNormalization(
                momentum=ours.momentum,
                epsilon=_INSIDE if ours.inside else _OUTSIDE**2,
                center=self.center,
                name=name,
            )
            layer.build(x.shape)
            *others, variance = ours.get_weights()
            if not ours.inside:
                variance = variance + 2 * _OUTSIDE * np.sqrt(variance)
            layer.set_weights([*others, variance])
            layer.trainable = ours.trainable
            return layer

        return self.apply_layer(x, scope, make, key="stock")

    def _layer(self) -> Any:
        return self.built_layer((None, self.nOutput))

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self._layer()
        return {"weight": layer.gamma, **({"bias": layer.beta} if self.center else {})}


class DarknetResponseNormalization(nn.Module):
    """``x / (kappa + alpha * (sum of x^2 over size channels - x_h^2)) ^ beta``.

    Darknet's sum over neighbouring channels never adds channel ``h = size // 2``, yet subtracts it
    where the window leaves it behind, so that it is missing everywhere; published weights were
    trained so. Alpha is not divided by the size.

    Args:
        size: How many channels a window holds. Default: 5.
        alpha: Scale of the sum. Default: 0.0001.
        beta: Exponent. Default: 0.75.
        kappa: Added to the sum. Default: 1.

    Shapes:
        ``(batch, H, W, C)`` -> the same.

    Raises:
        GraphError: At lowering, fewer channels than half the window.

    Reference: pjreddie/darknet src/normalization_layer.c.
    """

    keras_name = "(ops.power of sums of slices)"
    keeps_shape = True

    def __init__(
        self, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, kappa: float = 1.0
    ) -> None:
        self.size = int(size)
        self.alpha = float(alpha)
        self.beta = float(beta)
        self.kappa = float(kappa)

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 4 or x.shape[-1] <= self.size // 2:
            raise ShapeMismatch(f"takes maps of more than {self.size // 2} channels")

    def compute(self, x: Any, training: bool = False) -> Any:
        """The normalised maps."""
        half, before = self.size // 2, (self.size - 1) // 2
        squares = ops.square(x)
        padded = ops.pad(squares, ((0, 0), (0, 0), (0, 0), (before, half)))
        sums = slide(padded, (1, 1, self.size), (1, 1, 1), (1, 1, 1), ops.add)
        sums = sums - squares[..., half : half + 1]
        return x * ops.power(self.kappa + self.alpha * sums, -self.beta)
