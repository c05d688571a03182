"""Steps that multiply by constants and add constants, channel by channel, in inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from ..nn.batch_normalization import TorchBatchNormalization
from ..nn.module_layer import ModuleLayer
from ..nn.scale import Add, CAdd, CMul, Mul
from .plan import Step, Value

__all__ = ["Affine", "affine_of"]

_NORMALISED = (keras.layers.BatchNormalization, TorchBatchNormalization)
# Beyond it, what float32 rounds in `mean * scale` shows in the fifth digit of the result.
_MOST_DEVIATIONS = 1000.0


@dataclass(frozen=True)
class Affine:
    """``x * scale + shift``.

    Attributes:
        scale: One number, or one for each channel, in float64.
        shift: Likewise.
        axis: The axis of the channels; None where both are one number.
    """

    scale: np.ndarray
    shift: np.ndarray
    axis: int | None

    def over(self, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Scale and shift, one number for each of `channels`."""
        return np.broadcast_to(self.scale, channels), np.broadcast_to(self.shift, channels)


def affine_of(step: Step) -> Affine | None:
    """What a step does to its one input, if that is affine; None if it is not.

    A layer of another package that is affine in inference says so with a method
    ``inference_affine()``, which gives scale and shift of each channel of the last axis.
    """
    if len(step.outputs) != 1 or not step.inputs or not step.output.like(step.inputs[0]):
        return None
    if not step.piece.is_layer:
        return _of_operation(step)
    value = step.input
    kind, layer = step.piece.kind, step.piece.source
    if value is None or layer is None:
        return None
    if hasattr(layer, "inference_affine"):
        scale, shift = layer.inference_affine()
        return _checked(np.asarray(scale, "float64"), np.asarray(shift, "float64"), -1, value)
    if kind in _NORMALISED:
        return _of_batch_normalization(layer, value)
    if kind is keras.layers.Rescaling:
        return _of_constants(layer.scale, layer.offset, value)
    if kind is keras.layers.Normalization:
        return _of_normalization(layer, value)
    if kind is ModuleLayer and type(layer.module) in (Add, CAdd, Mul, CMul):
        return _of_module(layer, value)
    return None


def _of_batch_normalization(layer: Any, value: Value) -> Affine | None:
    mean = np.asarray(keras.ops.convert_to_numpy(layer.moving_mean), "float64")
    variance = np.asarray(keras.ops.convert_to_numpy(layer.moving_variance), "float64")
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * keras.ops.convert_to_numpy(layer.gamma)
    if np.abs(mean * scale).max(initial=0) > _MOST_DEVIATIONS:
        return None
    shift = -mean * scale
    if layer.center:
        shift = shift + keras.ops.convert_to_numpy(layer.beta)
    axis = layer.axis[0] if isinstance(layer.axis, (list, tuple)) else layer.axis
    return _checked(scale, shift, axis, value)


def _of_normalization(layer: Any, value: Value) -> Affine | None:
    rank = len(value.shape)
    if layer.mean is None or layer.invert or tuple(layer.axis) not in ((-1,), (rank - 1,)):
        return None
    mean = np.asarray(keras.ops.convert_to_numpy(layer.mean), "float64").reshape(-1)
    variance = np.asarray(keras.ops.convert_to_numpy(layer.variance), "float64").reshape(-1)
    scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
    if np.abs(mean * scale).max(initial=0) > _MOST_DEVIATIONS:
        return None
    return _checked(scale, -mean * scale, -1, value)


def _of_constants(scale: Any, shift: Any, value: Value) -> Affine | None:
    try:
        numbers = [np.asarray(x, "float64") for x in (scale, shift)]
    except (TypeError, ValueError):
        return None
    first = keras.config.image_data_format() == "channels_first"
    if any(n.ndim > 1 or (n.ndim and first) for n in numbers):
        return None
    return _checked(numbers[0], numbers[1], -1, value)


def _of_module(layer: Any, value: Value) -> Affine | None:
    """Of nn.Mul, nn.CMul, nn.Add and nn.CAdd, from what they make of ones and of zeros."""
    shape = (1, *(1 if size is None else size for size in value.shape[1:]))
    multiplies = type(layer.module) in (Mul, CMul)
    probe = keras.ops.full(shape, 1 if multiplies else 0, dtype=value.dtype)
    answer = np.asarray(keras.ops.convert_to_numpy(layer(probe)), "float64")
    numbers = answer.reshape(-1, answer.shape[-1])
    if not (numbers == numbers[0]).all():
        return None  # Each place has numbers of its own.
    one, zero = np.ones(()), np.zeros(())
    scale, shift = (numbers[0], zero) if multiplies else (one, numbers[0])
    return _checked(scale, shift, -1, value)


def _of_operation(step: Step) -> Affine | None:
    """Of `x * 2`, `x + numbers` and the like."""
    name = step.piece.kind.__name__
    known = step.piece.kind.__module__ == "keras.src.ops.numpy"
    if not known or step.kwargs or len(step.args) != 2 or len(step.inputs) != 1:
        return None
    value = step.inputs[0]
    first = step.args[0] is value
    constant = step.args[1] if first else step.args[0]
    if value.masked or isinstance(constant, (str, bool, keras.Variable)):
        return None
    try:
        number = np.asarray(constant, "float64")
    except (TypeError, ValueError):
        return None
    if number.ndim > 1:
        return None
    one, zero = np.ones(()), np.zeros(())
    if name == "Multiply":
        return _checked(number, zero, -1, value)
    if name == "Add":
        return _checked(one, number, -1, value)
    if name == "Subtract":
        return _checked(one if first else -one, -number if first else number, -1, value)
    if name in ("Divide", "TrueDivide") and first and number.all():
        return _checked(1 / number, zero, -1, value)
    return None


def _checked(scale: np.ndarray, shift: np.ndarray, axis: int, value: Value) -> Affine | None:
    rank = len(value.shape)
    axis = axis % rank
    for numbers in (scale, shift):
        if numbers.ndim and (axis == 0 or numbers.shape != (value.shape[axis],)):
            return None
        if not np.isfinite(numbers).all():
            return None
    return Affine(scale, shift, axis if scale.ndim or shift.ndim else None)
