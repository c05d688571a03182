"""Sizes, parameters, multiply-adds and receptive fields of a model, layer by layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from .arithmetic import call_multiply_adds
from .calls import Call, Selector, calls_of, recorded_graph, require_graph, select, walk
from .nn.step_layer import StepLoop

__all__ = ["LayerRow", "LayerTable", "layer_output_shapes", "layer_table"]

_L = keras.layers
_TRANSPOSED = (_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose)
_CONVOLUTIONS = (
    *(_L.Conv1D, _L.Conv2D, _L.Conv3D, _L.DepthwiseConv1D, _L.DepthwiseConv2D),
    *(_L.SeparableConv1D, _L.SeparableConv2D),
)
_POOLS = (
    *(_L.MaxPooling1D, _L.MaxPooling2D, _L.MaxPooling3D),
    *(_L.AveragePooling1D, _L.AveragePooling2D, _L.AveragePooling3D),
)
_UPS = (_L.UpSampling1D, _L.UpSampling2D, _L.UpSampling3D)
_KEEP = (
    *(_L.ZeroPadding1D, _L.ZeroPadding2D, _L.ZeroPadding3D),
    *(_L.Cropping1D, _L.Cropping2D, _L.Cropping3D),
)
_MIXING = (
    *(_L.RNN, _L.Bidirectional, StepLoop),
    *(_L.MultiHeadAttention, _L.Attention, _L.AdditiveAttention),
)


def layer_output_shapes(
    model: keras.Model, layers: Selector | Sequence[Selector] | None = None
) -> dict[str, Any]:
    """The shapes of layers' outputs, without computing anything.

    Args:
        model: a built Functional or Sequential model.
        layers: as in `graph.activations`.

    Returns:
        Path -> shape, the batch axis (None, as all that is open) first; a list of shapes for
        several outputs.

    Raises:
        ValueError: the model is not built or has no graph; nothing matches.

    Example:
        >>> x = keras.Input((8, 8, 1))
        >>> layer_output_shapes(keras.Model(x, keras.layers.Conv2D(4, 3, name="conv")(x)))
        {'conv': (None, 6, 6, 4)}
    """
    calls = dict(walk(require_graph(model)))
    shapes = {name: [tuple(t.shape) for t in calls[name].outputs] for name in select(model, layers)}
    return {name: found[0] if len(found) == 1 else found for name, found in shapes.items()}


@dataclass(frozen=True)
class LayerRow:
    """One call of a layer.

    Attributes:
        name: path of the call.
        kind: the layer's class.
        output_shape: without the batch axis; of its first output.
        kernel: window in samples of the input's grid, per spatial axis; None where it has none.
        stride: steps of the window.
        dilation: distance between the window's points.
        padding: Keras's name for it, `"valid"` or `"same"`.
        parameters: `(F F D) K + K` for a convolution of K filters FxF over D channels with bias.
        multiply_adds: for one sample; None where unknown. See `graph.arithmetic`.
        receptive_field: how many samples of the model's input one output depends on, per axis;
            not cut at the border. None from where an output depends on everything, or unknown.
        jump: the distance, in samples of the model's input, between neighbouring outputs.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    kernel: tuple[int, ...] | None
    stride: tuple[int, ...] | None
    dilation: tuple[int, ...] | None
    padding: str | None
    parameters: int
    multiply_adds: int | None
    receptive_field: tuple[float, ...] | None
    jump: tuple[float, ...] | None


@dataclass(frozen=True)
class LayerTable(Sequence[LayerRow]):
    """The rows of `layer_table`; prints as a table.

    Attributes:
        rows: one for each call.
        parameters: of the model, a shared layer's counted once.
        multiply_adds: of the model for one sample; None where one is unknown.
    """

    rows: tuple[LayerRow, ...]
    parameters: int
    multiply_adds: int | None

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            found = [row for row in self.rows if row.name == key]
            if not found:
                raise KeyError(key)
            return found[0]
        return self.rows[key]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        head = ("layer", "type", "output", "kernel", "stride", "parameters", "multiply-adds")
        lines: list[tuple[str, ...]] = [(*head, "field", "jump")]
        for row in self.rows:
            window = _times(row.kernel)
            if row.dilation and set(row.dilation) != {1}:
                window += f" dil {_times(row.dilation)}"
            lines.append(
                (
                    *(row.name, row.kind, _times(row.output_shape), window, _times(row.stride)),
                    *(f"{row.parameters:,}", _number(row.multiply_adds)),
                    *(_times(row.receptive_field), _times(row.jump)),
                )
            )
        total = ("total", "", "", "", "", f"{self.parameters:,}", _number(self.multiply_adds))
        lines.append((*total, "", ""))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if i < 2 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )


def layer_table(
    model: keras.Model, layers: Selector | Sequence[Selector] | None = None
) -> LayerTable:
    """Output size, window, parameters, multiply-adds and receptive field of each layer.

    A window of F points, S apart, over N samples padded by P gives (N - F + 2P) / S + 1 outputs.
    With j the jump, r the receptive field: r' = r + (F - 1) j, j' = S j; where branches meet, the
    larger counts.

    Args:
        model: a built Functional or Sequential model.
        layers: as in `graph.activations`. Default None: the model's own layers.

    Returns:
        The rows; `print` shows them, `table["conv1"]` and `table[0]` give one.

    Raises:
        ValueError: the model is not built or has no graph; nothing matches.

    Reference:
        Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks",
        Distill 2019.

    Example:
        >>> x = keras.Input((227, 227, 3))
        >>> y = keras.layers.Conv2D(96, 11, strides=4, name="conv1")(x)
        >>> row = layer_table(keras.Model(x, y))["conv1"]
        >>> row.output_shape, row.parameters, row.multiply_adds
        ((55, 55, 96), 34944, 105415200)
        >>> row.receptive_field, row.jump
        ((11, 11), (4, 4))
    """
    graph = require_graph(model)
    fields: dict[str, Any] = {}
    starts = {id(t): _start(t) for t in graph.inputs}
    _follow(graph, starts, "", fields)
    calls = dict(walk(graph))
    rows = tuple(_row(name, calls[name], fields.get(name)) for name in select(model, layers))
    own = [call_multiply_adds(c) for c in calls_of(graph) if c.shown and c.inputs]
    total = None if None in own else sum(n for n in own if n is not None)
    return LayerTable(rows, model.count_params(), total)


Field = tuple[tuple[float, ...], tuple[float, ...]] | None


def _start(tensor: Any) -> Field:
    spatial = len(tensor.shape) - 2
    return ((1,) * spatial, (1,) * spatial) if spatial > 0 else None


def _follow(graph: Any, fields: dict[int, Field], prefix: str, found: dict[str, Field]) -> None:
    """Fill in the field of every tensor, and of every call by its path."""
    for call in calls_of(graph):
        if not call.inputs:
            found[prefix + call.name] = fields.get(id(call.outputs[0]))
            continue
        given = [fields.get(id(t)) for t in call.inputs]
        inner = recorded_graph(call.operation)
        if inner is None:
            results = [_after(call, given)] * len(call.outputs)
        else:
            pairs = zip(inner.inputs, given, strict=True)
            inside: dict[int, Field] = {id(t): field for t, field in pairs}
            _follow(inner, inside, f"{prefix}{call.name}/", found)
            results = [inside.get(id(t)) for t in inner.outputs]
        fields.update((id(t), r) for t, r in zip(call.outputs, results, strict=True))
        found[prefix + call.name] = results[0]


def _after(call: Call, given: list[Field]) -> Field:
    known = [field for field in given if field is not None]
    if len(known) < len(given) or len({len(field[0]) for field in known}) != 1:
        return None
    field = tuple(max(values) for values in zip(*(f[0] for f in known), strict=True))
    jump = tuple(max(values) for values in zip(*(f[1] for f in known), strict=True))
    layer = call.operation
    if isinstance(layer, _UPS):
        sizes = _each(layer.size, len(jump))
        return field, tuple(_exact(j / s) for j, s in zip(jump, sizes, strict=True))
    window = _window(layer)
    if window is not None:
        kernel, stride, dilation = window
        if isinstance(layer, _TRANSPOSED):
            reach = [math.ceil(((k - 1) * d + 1) / s) - 1 for k, s, d in zip(*window, strict=True)]
            jumps = tuple(_exact(j / s) for j, s in zip(jump, stride, strict=True))
        else:
            reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
            jumps = tuple(j * s for j, s in zip(jump, stride, strict=True))
        return tuple(r + n * j for r, n, j in zip(field, reach, jump, strict=True)), jumps
    if isinstance(layer, _MIXING):
        return None
    same = all(
        len(a.shape) == len(call.outputs[0].shape)
        and (isinstance(layer, _KEEP) or _grid(layer, a) == _grid(layer, call.outputs[0]))
        for a in call.inputs
    )
    return (field, jump) if same else None


def _grid(layer: Any, tensor: Any) -> tuple[int | None, ...]:
    first = getattr(layer, "data_format", None) == "channels_first"
    return tuple(tensor.shape[2:] if first else tensor.shape[1:-1])


def _exact(number: float) -> float:
    return int(number) if number == int(number) else number


def _each(value: Any, count: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * count


def _window(layer: Any) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None:
    if isinstance(layer, (*_CONVOLUTIONS, *_TRANSPOSED)):
        return tuple(layer.kernel_size), tuple(layer.strides), tuple(layer.dilation_rate)
    if isinstance(layer, _POOLS):
        size = _each(layer.pool_size, 1)
        return size, _each(layer.strides or size, len(size)), (1,) * len(size)
    return None


def _row(name: str, call: Call, field: Field) -> LayerRow:
    window = _window(call.operation)
    kernel, stride, dilation = window or (None, None, None)
    receptive, jump = field or (None, None)
    return LayerRow(
        name=name,
        kind=type(call.operation).__name__,
        output_shape=tuple(call.outputs[0].shape[1:]),
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=getattr(call.operation, "padding", None) if window else None,
        parameters=call.operation.count_params(),
        multiply_adds=call_multiply_adds(call) if call.inputs else 0,
        receptive_field=receptive,
        jump=jump,
    )


def _times(values: Sequence[Any] | None) -> str:
    if values is None:
        return "-"
    return " x ".join("?" if v is None else f"{v:g}" for v in values) or "scalar"


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
