"""The health of a model: statistics of every layer on real data, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np

from .batches import batches_of
from .calls import Selector
from .subject import subject_of
from .tally import Tally
from .weight_gradients import WeightGradients

__all__ = ["LayerRow", "LayerTable", "layer_statistics"]

_EXPLODES, _VANISHES = 1e3, 1e-7


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
        """The first layer with a value that is not finite, or None.

        A nested model is named only if no layer inside it that was looked at has such a value.
        """
        sick = [row.name for row in self.rows if row.not_finite]
        inside = (name for name in sick if not any(n.startswith(f"{name}/") for n in sick))
        return next(inside, None)

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
            elif norm is not None and (norm > _EXPLODES or norm < _VANISHES):
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
    """Look at what every layer answers to data, in inference mode, in one pass over the data.

    The memory that it takes does not grow with the number of samples. With `targets` and `loss`
    the same pass forward is followed by one back.

    Args:
        model: a built model, as `graph.activations` takes it.
        x: the data, as `graph.activations` takes it.
        layers: which layers, as `graph.activations` takes them. Default: all, those of nested
            models too.
        targets: what the model is to answer to `x`, one row a sample; with it, and `loss`, the
            norms of the gradients of the mean loss over all of `x` are computed. Default None.
        loss: a Keras loss: its name, a function or object of targets and predictions. Default
            None.
        batch_size: samples computed at once. Default 32.

    Returns:
        A table, one row for each call of a layer.

    Raises:
        RuntimeError: gradients are asked for and Keras runs on JAX.
        ValueError: one of `targets` and `loss` is given without the other; `targets` has not as
            many rows as `x`; or as `graph.activations` raises.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.ReLU(name="relu")])
        >>> row = layer_statistics(model, np.array([[1.0, -2.0], [3.0, -4.0]])).rows[0]
        >>> row.mean, row.sparsity, row.dead
        (1.0, 0.5, 1)
    """
    if (targets is None) != (loss is None):
        raise ValueError("gradient norms need both targets and loss")
    subject = subject_of(model)
    batches = batches_of(subject, x, batch_size)
    chosen = subject.select(_every if layers is None else layers, batches.first)
    names = tuple(chosen)
    slopes = None if loss is None else WeightGradients(subject, names, targets, loss)
    compiled = subject.compiled(names, None, False)
    tallies = [Tally(layer) for layer in chosen.values()]
    for start, arrays in batches.start_at(0):
        values = compiled(arrays) if slopes is None else slopes.run(start, arrays)
        for tally, value in zip(tallies, values, strict=True):
            tally.add(value)
    norms = {} if slopes is None else slopes.norms(chosen.values())
    return LayerTable(
        tuple(
            LayerRow(
                name=name,
                kind=type(layer).__name__,
                mean=tally.mean,
                std=tally.std,
                sparsity=tally.sparsity,
                dead=tally.dead,
                units=tally.units,
                saturated=tally.saturated,
                not_finite=tally.not_finite,
                gradient_norm=norms.get(id(layer)),
            )
            for (name, layer), tally in zip(chosen.items(), tallies, strict=True)
        )
    )


def _every(layer: keras.layers.Layer) -> bool:
    return True


def _values(row: LayerRow) -> list[Any]:
    return [getattr(row, f.name) for f in fields(row)]


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _set(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)
