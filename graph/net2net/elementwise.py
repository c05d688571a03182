"""Layers and operations that treat every value alike: equal channels stay equal."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..activation_names import ELEMENTWISE
from .registry import Axes, rule
from .spaces import Space, freeze, size_of
from .trace import Trace

__all__ = ["activation_problem", "freeze_activation", "merged"]

L: Any = keras.layers
_OPERATIONS = frozenset(
    "Relu Relu6 Sigmoid SparseSigmoid Softplus Softsign SoftShrink SparsePlus Silu Squareplus "
    "LogSigmoid LeakyRelu HardSigmoid HardSilu Elu Selu Gelu Celu TanhShrink HardTanh HardShrink "
    "Threshold Tanh Absolute Negative Exp Expm1 Log Log1p Sqrt Rsqrt Square Sin Cos Sign Clip "
    "Reciprocal Add Subtract Multiply Divide TrueDivide Maximum Minimum Power Cast".split()
)


def activation_problem(activation: Any) -> str | None:
    """Why a layer's own activation keeps its channels as they are; None if it does not."""
    if isinstance(activation, L.Layer):
        if type(activation) in _LAYERS or isinstance(activation, L.Activation):
            return activation_problem(getattr(activation, "activation", None))
        return f"has {type(activation).__name__} for its activation"
    name = getattr(activation, "__name__", str(activation))
    known = activation is None or (
        name in ELEMENTWISE and getattr(keras.activations, name, None) is activation
    )
    return None if known else f"has the activation {name}, which may mix channels"


def freeze_activation(layer: Any, space: Space | None, activation: Any) -> None:
    """Let the channels stay as they are if the layer's activation may mix them."""
    problem = activation_problem(activation)
    if problem and space is not None:
        freeze(space, f"'{layer.name}' ({type(layer).__name__}) {problem}")


def merged(trace: Trace, layer: Any, fed: list[Axes], shape: Any) -> Axes:
    """The axes of what is computed value by value from several tensors, which are broadcast."""
    kind = type(layer).__name__
    reason = f"'{layer.name}' ({kind}) brings together channels that cannot be widened alike"
    found: list[Space | None] = [None] * len(shape)
    for axis in range(1, len(shape)):
        wide: list[Space | None] = []
        for space in (axes[axis] for axes in fed):
            if space is not None and size_of(space) == 1 != shape[axis]:
                freeze(space, f"'{layer.name}' ({kind}) repeats one channel along others")
            else:
                wide.append(space)
        for other in wide[1:]:
            trace.same(wide[0], other, reason)
        found[axis] = wide[0] if wide else None
    return tuple(found)


_LAYERS = (
    *(L.ReLU, L.LeakyReLU, L.ELU, L.Dropout, L.AlphaDropout, L.GaussianDropout, L.GaussianNoise),
    *(L.SpatialDropout1D, L.SpatialDropout2D, L.SpatialDropout3D, L.Identity),
    *(L.ActivityRegularization, L.Masking),
)


@rule(*_LAYERS)
def _unary(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    return [fed[0]]


@rule(L.Activation)
def _activation(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    for space in fed[0]:
        freeze_activation(layer, space, layer.activation)
    return [fed[0]]


@rule(L.Rescaling)
def _rescaling(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    if any(len(getattr(v, "shape", ())) for v in map(ops.convert_to_tensor, _scales(layer))):
        return trace.unknown(call, fed, "has a scale for each channel")
    return [fed[0]]


def _scales(layer: Any) -> tuple[Any, Any]:
    return layer.scale, layer.offset


@rule(L.Softmax)
def _softmax(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    reason = f"'{layer.name}' (Softmax) normalises over them"
    trace.freeze([fed[0][axis] for axis in axes], reason)
    return [fed[0]]


@rule(L.PReLU)
def _prelu(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    for axis, space in enumerate(fed[0][1:]):
        if axis + 1 not in (layer.shared_axes or []):
            trace.weight(layer.alpha, axis, space)
    return [fed[0]]


@rule(L.Add, L.Subtract, L.Multiply, L.Average, L.Maximum, L.Minimum)
def _merge(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    if len({len(axes) for axes in fed}) > 1:
        return trace.unknown(call, fed, "merges tensors of different ranks")
    return [merged(trace, layer, fed, call.outputs[0].shape)]


def operation(trace: Trace, layer: Any, fed: list[Axes], call: Any) -> list[Axes]:
    """A bare `keras.ops` operation of a Functional model."""
    constants = [
        value
        for value in keras.tree.flatten(
            [call.arguments.args, call.arguments.kwargs, *vars(layer).values()]
        )
        if not isinstance(value, keras.KerasTensor) and len(getattr(value, "shape", ()))
    ]
    if constants:
        return trace.unknown(call, fed, "takes an array whose channels are not known")
    return _merge(trace, layer, fed, call)


def _register_operations() -> None:
    from keras.src.ops import core, nn, numpy

    for module in (core, nn, numpy):
        found = [getattr(module, name, None) for name in _OPERATIONS]
        rule(*(c for c in found if isinstance(c, type)))(operation)


_register_operations()
