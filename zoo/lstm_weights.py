"""The weights of LSTMs, to and from `keras.layers.LSTM`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from graph import GModule

from .lstm import gate_names

__all__ = ["from_keras_lstm", "to_keras_lstm"]


def to_keras_lstm(source: Any, layer: int = 1) -> keras.layers.LSTM:
    """A `keras.layers.LSTM` that computes what an LSTM of this package does.

    The two biases of a gate of `zoo.LSTM` become their sum.

    Args:
        source: What `zoo.LSTM` or `zoo.LSTMLanguageModel` makes, or any gModule with modules of
            `nn` that have Keras's cell: `nn.FastLSTM`, `nn.SeqLSTM`,
            ``nn.LSTM(cell2gate=False)``; or such a module.
        layer: Which LSTM, in the order of the graph, from 1. Default: 1.

    Returns:
        A built layer with ``return_sequences=True`` and variables of its own.

    Raises:
        TypeError: `source` is none of these.
        ValueError: There is no such `layer`.

    >>> import zoo
    >>> to_keras_lstm(zoo.LSTM(12, 8)).count_params()
    672
    """
    target = _lstm(source, layer)
    kernel, recurrent, bias = target.to_stock()
    lstm = keras.layers.LSTM(recurrent.shape[0], return_sequences=True)
    lstm.build((None, None, kernel.shape[0]))
    lstm.set_weights([kernel, recurrent, bias])
    return lstm


def from_keras_lstm(
    target: Any, source: keras.layers.LSTM | Sequence[np.ndarray], layer: int = 1
) -> None:
    """Give an LSTM of this package the weights of a `keras.layers.LSTM`.

    Of the two biases of a gate of `zoo.LSTM` that of the input takes Keras's, the other is 0.

    Args:
        target: As `source` of `to_keras_lstm`.
        source: A built layer, or its ``get_weights()``: kernel, recurrent kernel and, unless it
            has none, bias; gates in Keras's order i, f, c, o.
        layer: Which LSTM of `target`, from 1. Default: 1.

    Raises:
        TypeError: `target` or `source` is none of these.
        ValueError: There is no such `layer`; `source` is not built, has other activations than
            sigmoid and tanh or runs backwards; or the shapes do not fit. Nothing is changed then.
    """
    place = _lstm(target, layer)
    arrays = [np.asarray(a) for a in _weights(source)]
    if len(arrays) == 2 and arrays[1].ndim == 2:
        arrays.append(np.zeros(arrays[1].shape[1], arrays[1].dtype))  # use_bias=False
    expected = [w.shape for w in place.to_stock()]
    found = [a.shape for a in arrays]
    if found != expected:
        raise ValueError(
            f"the weights do not fit LSTM {layer}\n  expected {expected}\n  got      {found}"
        )
    place.from_stock(arrays)


def _weights(source: Any) -> Sequence[Any]:
    if isinstance(source, (list, tuple)):
        return source
    if not isinstance(source, keras.layers.LSTM):
        raise TypeError(f"expected a keras.layers.LSTM or its weights, got {source!r}")
    if not source.built:
        raise ValueError(f"{source.name} has no weights yet: build it or call it once first")
    used = [
        keras.activations.serialize(a) for a in (source.activation, source.recurrent_activation)
    ]
    if used != ["tanh", "sigmoid"] or source.go_backwards:
        raise ValueError(
            f"{source.name} is another cell: activations {used} and "
            f"go_backwards={source.go_backwards}, expected ['tanh', 'sigmoid'] and False"
        )
    return source.get_weights()


class _Cell:
    """One layer of `zoo.LSTM`, with the same two methods as the modules of `nn`."""

    def __init__(self, model: GModule, layer: int, layers: int) -> None:
        self._gates = [
            [model.get_layer(_of(gate, kind)) for kind in "xh"]
            for gate in gate_names(layer, layers)
        ]

    def to_stock(self) -> list[np.ndarray]:
        pairs = [[a.get_weights() for a in gate] for gate in self._gates]
        return [
            np.concatenate([x[0] for x, _ in pairs], 1),
            np.concatenate([h[0] for _, h in pairs], 1),
            np.concatenate([x[1] + h[1] for x, h in pairs]),
        ]

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        parts = zip(*(np.split(w, 4, axis=-1) for w in weights), strict=True)
        for (x, h), (kernel, recurrent, bias) in zip(self._gates, parts, strict=True):
            x.set_weights([kernel, bias])
            h.set_weights([recurrent, np.zeros_like(bias)])


def _of(gate: str, kind: str) -> str:
    """``in_gate_2`` -> ``in_gate_x_2``."""
    base, _, number = gate.rpartition("_")
    return f"{base}_{kind}_{number}" if number.isdigit() else f"{gate}_{kind}"


def _lstm(source: Any, layer: int) -> Any:
    """The LSTM with `to_stock` and `from_stock`."""
    found = _lstms(source)
    if not found:
        raise TypeError(f"{source!r} has no LSTM whose weights fit keras.layers.LSTM")
    if isinstance(layer, bool) or not isinstance(layer, int) or not 1 <= layer <= len(found):
        raise ValueError(f"there is no LSTM {layer!r}: they are counted from 1 to {len(found)}")
    return found[layer - 1]


def _lstms(source: Any) -> list[Any]:
    modules = [source]
    if isinstance(source, GModule):
        names = {node.name for node in source.forwardnodes}
        layers = sum((name or "").startswith("forget_gate_x") for name in names)
        if layers and names.issuperset(_of(gate_names(layers, layers)[0], kind) for kind in "xh"):
            return [_Cell(source, layer, layers) for layer in range(1, layers + 1)]
        modules = source.node_modules()
    return [part for module in modules for part in _inside(module)]


def _inside(module: Any) -> list[Any]:
    """The modules with Keras's cell in a module, itself among them."""
    kind = getattr(module, "torch_name", None)
    if kind in ("FastLSTM", "SeqLSTM") or (kind == "LSTM" and not module.cell2gate):
        return [module]
    return [part for child in getattr(module, "modules", ()) for part in _inside(child)]
