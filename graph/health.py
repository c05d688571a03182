"""The health of a model: statistics of every layer on real data, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np

from .activations import activations
from .calls import Selector, select

__all__ = ["LayerRow", "LayerTable", "layer_statistics"]

_SATURATED = 0.01  # of the range, from either end


@dataclass(frozen=True)
class LayerRow:
    """What one call of a layer answered.

    Attributes:
        name: path of the call.
        kind: class of the layer.
        mean: of the finite values; nan where there are none.
        std: of the finite values.
        sparsity: share of exact zeros.
        dead: ReLU units (channels of a map) that are never above zero; None for others.
        units: units or channels, the last axis.
        saturated: share of the values of a sigmoid or tanh within 1 % of an end of its range;
            None for others.
        not_finite: how many values are NaN or infinite.
        gradient_norm: Euclidean norm of the loss's gradient by the layer's weights; None where
            it was not asked for or there are none.
    """

    name: str
    kind: str
    mean: float
    std: float
    sparsity: float
    dead: int | None
    units: int
    saturated: float | None
    not_finite: int
    gradient_norm: float | None


@dataclass(frozen=True)
class LayerTable:
    """The rows of `layer_statistics`; `print` shows them as a table with what is wrong.

    Attributes:
        rows: one for each call of a layer, in the order of the graph.
    """

    rows: tuple[LayerRow, ...]

    @property
    def nan_source(self) -> str | None:
        """The first layer with a value that is not finite, or None."""
        return next((row.name for row in self.rows if row.not_finite), None)

    def warnings(self) -> list[str]:
        """What is wrong, in words; the norms are called vanishing or exploding at 1e-7 and 1e3."""
        found = []
        if self.nan_source is not None:
            found.append(f"{self.nan_source}: the first layer where a value is not finite")
        for row in self.rows:
            if row.dead:
                found.append(f"{row.name}: {row.dead} of {row.units} units never fire")
            if row.saturated is not None and row.saturated > 0.5:
                found.append(f"{row.name}: {row.saturated:.0%} of the values are saturated")
            norm = row.gradient_norm
            if norm is not None and not np.isfinite(norm):
                found.append(f"{row.name}: the gradient is not finite")
            elif norm is not None and (norm > 1e3 or norm < 1e-7):
                word = "explodes" if norm > 1 else "vanishes"
                found.append(f"{row.name}: the gradient {word}, its norm is {norm:.1e}")
        return found

    def __str__(self) -> str:
        """The table as text."""
        names = [f.name.replace("_", " ") for f in fields(LayerRow)]
        lines = [names, *([_shown(v) for v in _values(row)] for row in self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(names))]
        text = [
            "  ".join(_set(c, w, k) for k, (c, w) in enumerate(zip(line, widths, strict=True)))
            for line in lines
        ]
        return "\n".join([*(line.rstrip() for line in text), *self.warnings()])


def layer_statistics(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = None,
    *,
    targets: Any = None,
    loss: Any = None,
    batch_size: int = 32,
) -> LayerTable:
    """Look at what every layer answers to data, in inference mode.

    Args:
        model: a built model with a graph.
        x: the data, as `graph.activations` takes it.
        layers: which layers, as `graph.activations` takes them. Default: all.
        targets: what the model is to answer to `x`; with it, and `loss`, the norms of the
            gradients are computed, over all of `x` at once. Default None.
        loss: a Keras loss (a function or object of targets and predictions). Default None.
        batch_size: samples computed at once, gradients aside. Default 32.

    Returns:
        A table, one row for each call of a layer.

    Raises:
        RuntimeError: gradients are asked for and Keras does not run on TensorFlow.
        ValueError: one of `targets` and `loss` is given without the other; or as
            `graph.activations` raises.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.ReLU(name="relu")])
        >>> row = layer_statistics(model, np.array([[1.0, -2.0], [3.0, -4.0]])).rows[0]
        >>> row.mean, row.sparsity, row.dead
        (1.0, 0.5, 1)
    """
    if (targets is None) != (loss is None):
        raise ValueError("gradient norms need both targets and loss")
    chosen = select(model, layers)
    found = activations(model, x, layers, batch_size=batch_size)
    norms = {} if loss is None else _gradient_norms(model, x, targets, loss)
    rows = [_row(name, chosen[name], value, norms) for name, value in found.items()]
    return LayerTable(tuple(rows))


def _row(name: str, layer: Any, value: Any, norms: dict[int, float]) -> LayerRow:
    parts = [np.asarray(v) for v in keras.tree.flatten(value)]
    values = np.concatenate([np.ravel(v) for v in parts]).astype("float64")
    finite = values[np.isfinite(values)]
    last = parts[0]
    kind = _activation(layer)
    dead = None
    if kind == "relu":
        dead = int((~(last > 0).reshape(-1, last.shape[-1]).any(axis=0)).sum())
    saturated = None
    if kind in ("sigmoid", "tanh"):
        low, high = (0.0, 1.0) if kind == "sigmoid" else (-1.0, 1.0)
        edge = (high - low) * _SATURATED
        saturated = float(np.mean((values < low + edge) | (values > high - edge)))
    return LayerRow(
        name=name,
        kind=type(layer).__name__,
        mean=float(finite.mean()) if finite.size else float("nan"),
        std=float(finite.std()) if finite.size else float("nan"),
        sparsity=float(np.mean(values == 0)),
        dead=dead,
        units=int(last.shape[-1]),
        saturated=saturated,
        not_finite=int(values.size - finite.size),
        gradient_norm=norms.get(id(layer)),
    )


def _activation(layer: Any) -> str | None:
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    if isinstance(layer, keras.layers.RNN):
        return None  # its gates' functions are not those of what it answers
    known = type(layer).__name__.lower()
    name = getattr(getattr(layer, "activation", None), "__name__", known)
    return name if name in ("relu", "sigmoid", "tanh") else None


def _gradient_norms(model: keras.Model, x: Any, targets: Any, loss: Any) -> dict[int, float]:
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"gradient norms need Keras on TensorFlow; it runs on {keras.backend.backend()}"
        )
    import tensorflow as tf

    with tf.GradientTape() as tape:
        score = tf.reduce_mean(keras.losses.get(loss)(tf.convert_to_tensor(targets), model(x)))
    variables = model.trainable_variables
    gradients = tape.gradient(score, [v.value for v in variables])
    squares = {
        id(v): 0.0 if g is None else float(tf.reduce_sum(tf.square(tf.convert_to_tensor(g))))
        for v, g in zip(variables, gradients, strict=True)
    }
    return {
        id(layer): float(np.sqrt(sum(squares[id(v)] for v in layer.trainable_variables)))
        for layer in model._flatten_layers(include_self=False)
        if layer.trainable_variables and all(id(v) in squares for v in layer.trainable_variables)
    }


def _values(row: LayerRow) -> list[Any]:
    return [getattr(row, f.name) for f in fields(row)]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _set(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
