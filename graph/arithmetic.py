"""How many multiplications one call of a layer takes for one sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras

from .calls import Call, calls_of, recorded_graph
from .nn.step_layer import StepLoop

__all__ = ["call_multiply_adds"]

_L = keras.layers
_TRANSPOSED = (_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose)
_CONVOLUTIONS = (_L.Conv1D, _L.Conv2D, _L.Conv3D, _L.DepthwiseConv1D, _L.DepthwiseConv2D)
_SEPARABLE = (_L.SeparableConv1D, _L.SeparableConv2D)


def call_multiply_adds(call: Call) -> int | None:
    """Multiply-adds of the products with weights, and of attention's two products.

    Adding a bias, normalising, activations and pooling are not counted, as is the custom.

    Args:
        call: A call of a layer in a graph.

    Returns:
        The number for one sample; None where a shape is open or the layer is unknown and has
        weights.
    """
    layer = call.operation
    shape: tuple[int | None, ...] = tuple(call.outputs[0].shape)
    given: tuple[Any, ...] = tuple(call.inputs[0].shape) if call.inputs else shape
    if (graph := recorded_graph(layer)) is not None:
        return _inside(graph)
    if isinstance(layer, StepLoop):
        return _product([_inside(layer.cell)], [given[1]])
    if isinstance(layer, _TRANSPOSED):  # before its base, the convolution
        return _product(layer.kernel.shape, _places(layer, given))
    if isinstance(layer, _SEPARABLE):
        kernels = _size(layer.depthwise_kernel) + _size(layer.pointwise_kernel)
        return _product([kernels], _places(layer, shape))
    if isinstance(layer, _CONVOLUTIONS):
        return _product(layer.kernel.shape, _places(layer, shape))
    if isinstance(layer, _L.Dense):
        return _product(layer.kernel.shape, shape[1:-1])
    if isinstance(layer, _L.EinsumDense):
        return _einsum(layer, given)
    if isinstance(layer, (_L.LSTM, _L.GRU, _L.SimpleRNN)):
        cell = layer.cell
        return _product([_size(cell.kernel) + _size(cell.recurrent_kernel)], [given[1]])
    if isinstance(layer, _L.Bidirectional):
        cells = [layer.forward_layer, layer.backward_layer]
        if all(isinstance(one, (_L.LSTM, _L.GRU, _L.SimpleRNN)) for one in cells):
            sizes = [_size(one.cell.kernel) + _size(one.cell.recurrent_kernel) for one in cells]
            return _product([sum(sizes)], [given[1]])
        return None
    if isinstance(layer, _L.MultiHeadAttention):
        return _attention(layer, call)
    plain = (_L.BatchNormalization, _L.LayerNormalization, _L.GroupNormalization, _L.Embedding)
    return 0 if isinstance(layer, (*plain, _L.PReLU)) or not layer.weights else None


def _inside(graph: Any) -> int | None:
    inside = [call_multiply_adds(c) for c in calls_of(graph) if c.is_layer and c.inputs]
    return None if None in inside else sum(n for n in inside if n is not None)


def _size(variable: Any) -> int:
    return math.prod(variable.shape)


def _places(layer: Any, shape: Sequence[int | None]) -> Sequence[int | None]:
    return shape[1:-1] if layer.data_format == "channels_last" else shape[2:]


def _product(*factors: Sequence[int | None]) -> int | None:
    numbers = [n for factor in factors for n in factor]
    return None if None in numbers else math.prod(n for n in numbers if n is not None)


def _einsum(layer: Any, given: Sequence[int | None]) -> int | None:
    left, _ = layer.equation.replace(" ", "").split("->")
    first, kernel = left.split(",")
    sizes: dict[str, int | None] = dict(zip(kernel, layer.kernel.shape, strict=True))
    # "..." stands for the axes before the named ones; its first is the batch.
    named = first.replace("...", "")
    ellipsis = len(given) - len(named)
    for letter, size in zip(named, given[ellipsis:], strict=True):
        sizes.setdefault(letter, size)
    if "..." not in first:
        sizes.pop(named[0], None)  # the batch
        return _product(list(sizes.values()))
    return _product(list(sizes.values()), given[1:ellipsis])


def _attention(layer: Any, call: Call) -> int | None:
    query = tuple(call.inputs[0].shape)
    value = tuple(call.inputs[1].shape) if len(call.inputs) > 1 else query
    steps, keys = query[1], value[1]
    if len(query) != 3 or steps is None or keys is None:
        return None
    heads, depth = layer.num_heads, layer.key_dim
    width = layer._value_dim or depth
    out = call.outputs[0].shape[-1]
    projected = steps * query[2] * heads * depth + keys * value[2] * heads * (depth + width)
    return projected + heads * steps * keys * (depth + width) + steps * heads * width * out
