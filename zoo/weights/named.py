"""Arrays with names, as PyTorch, safetensors and NumPy files hold them, for a model's layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from .assigning import Entry, Plan
from .errors import WeightsError
from .report import Skipped

__all__ = ["NamedArray", "WeightNames", "by_name", "module_variables", "torch_entry"]


@dataclass(frozen=True)
class WeightNames:
    """What a family of files calls the layers of a network.

    Attributes:
        title: Whose files these are.
        layout: ``"torch"`` for kernels (out, in, height, width) and (out, in), ``"keras"`` for
            (height, width, in, out) and (in, out).
        layers: Name in the file -> layer.
        planes_last: Linear layers that read a flattened feature map in the order height, width,
            planes -> the layer that gives the map. Here it is planes, height, width.
        fits: How to build the network that these files are for.
    """

    title: str
    layout: Literal["torch", "keras"]
    layers: Mapping[str, str]
    planes_last: Mapping[str, str] = field(default_factory=dict)
    fits: str | None = None


class NamedArray(NamedTuple):
    """An array in a file.

    Attributes:
        shape: As the file states it.
        dtype: Its dtype's name.
        read: Gives the array.
        source: What the report calls it; None for its name.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]
    source: str | None = None


def by_name(
    model: Any,
    arrays: Mapping[str, NamedArray],
    layout: Literal["torch", "keras"],
    tables: Sequence[WeightNames],
    *,
    format: str,
    skipped: Sequence[Skipped] = (),
) -> Plan:
    """The plan for arrays called ``<name of a layer>.weight``, ``.bias``, ``.running_mean``, ....

    Args:
        model: The model.
        arrays: Name -> array.
        layout: How the file lays kernels out.
        tables: Names to try beside the layers' own.
        format: What the file is, for people.
        skipped: What was left out already.

    Raises:
        WeightsError: The model has no nodes, so that its layers' Torch layout is not known.
    """
    nodes = getattr(model, "forwardnodes", None)
    if nodes is None:
        raise WeightsError(
            f"{format}, and {model.name} is no GModule: load it into the network as the zoo builds "
            f"it (a features_only model takes it as weights=path)"
        )
    modules = {node.name: node.module for node in nodes if node.name and node.module}
    own = WeightNames("", layout, {name: name for name in modules})
    heads = {name.rpartition(".")[0] for name in arrays}
    fitting = [table for table in tables if table.layout == layout]
    table = max([*fitting, own], key=lambda t: len(heads & set(t.layers)))
    entries: list[Entry] = []
    skips = list(skipped)
    for name, array in arrays.items():
        head, _, parameter = name.rpartition(".")
        if parameter == "num_batches_tracked":
            skips.append(Skipped(name, "a counter that Keras does not keep"))
            continue
        layer = table.layers.get(head)
        module = None if layer is None else modules.get(layer)
        variable = None if module is None else module_variables(module).get(parameter)
        if layer is None or module is None or variable is None:
            entries.append(Entry(array.source or name, None, array.shape, array.dtype, array.read))
            continue
        source = array.source or name
        if layout == "torch":
            entries.append(torch_entry(source, array, module, parameter, variable))
        else:
            before = table.planes_last.get(layer) if parameter == "weight" else None
            maps = None if before is None else tuple(model.get_layer(before).output.shape[1:])
            entries.append(_keras_entry(source, array, variable, maps))
    whose = f"{format} of {table.title}" if table.title and heads & set(table.layers) else format
    fix = f"it fits {table.fits}" if table.fits and heads & set(table.layers) else None
    return Plan(whose, entries, skips, fix)


def module_variables(module: Any) -> dict[str, keras.Variable]:
    """A module's variables by Torch's names, running statistics included."""
    named = dict(module.named_parameters())
    if hasattr(module, "statistics_layer"):
        layer = module.statistics_layer()
        named |= {"running_mean": layer.moving_mean, "running_var": layer.moving_variance}
    return named


def torch_entry(
    source: str, array: NamedArray, module: Any, parameter: str, variable: keras.Variable
) -> Entry:
    """The entry for an array in Torch's layout; the module itself says how its own differs."""
    shape = _keras_shape(module, parameter, array.shape)

    def read() -> np.ndarray:
        return module.parameter_from_torch(parameter, array.read())

    return Entry(source, variable, shape, array.dtype, read)


def _keras_shape(module: Any, parameter: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in Keras's layout, found out with an array that takes no memory."""
    if math.prod(shape) <= 2**32:
        try:
            dummy = np.broadcast_to(np.int8(0), shape)
            return tuple(module.parameter_from_torch(parameter, dummy).shape)
        except (ValueError, TypeError, IndexError):
            pass  # It has another number of elements or of axes than the module's.
    return (*shape[2:], shape[1], shape[0]) if len(shape) > 1 else shape


def _keras_entry(
    source: str, array: NamedArray, variable: keras.Variable, maps: tuple[int, ...] | None
) -> Entry:
    def read() -> np.ndarray:
        values = array.read()
        if maps is not None and len(values) == math.prod(maps):
            # Rows in the order height, width, planes become planes, height, width.
            values = values.reshape(*maps, -1).transpose(2, 0, 1, 3).reshape(values.shape)
        return values

    return Entry(source, variable, array.shape, array.dtype, read)
