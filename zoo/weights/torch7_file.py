"""`.t7` files: a Torch7 model's parameters, in order, for the modules of a network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graph.parameters import holders_of
from graph.torch7 import TorchObject, load
from graph.torch7.tree import buffers, parameters, place_of, walk

from .assigning import Entry, Plan
from .errors import WeightsError
from .named import NamedArray, WeightNames, module_variables, torch_entry

__all__ = ["plan", "recognises"]

_TABLE, _OBJECT = 3, 4  # Torch's type ids of what can hold a model
_ORDERED = ("weight", "bias", "running_mean", "running_var")


def recognises(head: bytes, size: int) -> bool:
    """Whether a file with these first bytes is one, binary or ASCII."""
    if head[:2] in (b"3\n", b"4\n", b"3 ", b"4 "):
        return True
    return size > 8 and any(
        int.from_bytes(head[:4], order) in (_TABLE, _OBJECT) for order in ("little", "big")
    )


def plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model, parameter by parameter in Torch's order.

    Raises:
        WeightsError: The file holds no model, or `model` is no GModule.
        Torch7FormatError: The file is damaged.
    """
    if not hasattr(model, "node_modules"):
        raise WeightsError(
            f"a Torch7 file, and {model.name} is no GModule: load it into the network"
        )
    theirs = list(_parameters(_root(load(path, functions="opaque"))))
    ours = [
        (module, name, variable)
        for module in holders_of(model.node_modules())
        for name, variable in _ordered(module_variables(module))
    ]
    entries = []
    for i, (source, array) in enumerate(theirs):
        named = NamedArray(array.shape, array.dtype.name, lambda a=array: a, source)
        if i < len(ours):
            module, name, variable = ours[i]
            entries.append(_entry(source, named, module, name, variable))
        else:
            entries.append(Entry(source, None, array.shape, array.dtype.name, named.read))
    return Plan("Torch7 model", entries, fix="the parameters must come in the order of the network")


def _entry(source: str, array: NamedArray, module: Any, name: str, variable: Any) -> Entry:
    """An entry for the next variable; the Torch name must be the same."""
    its = source.rpartition(".")[2]
    if its in _ORDERED and its != name:
        # A module without a bias, say: the two do not run in step any more.
        return Entry(source, None, array.shape, array.dtype, array.read)
    return torch_entry(source, array, module, name, variable)


def _root(held: Any) -> TorchObject:
    if isinstance(held, dict):
        for key in ("model", "net", "network"):
            if isinstance(held.get(key), TorchObject):
                return held[key]
    if not isinstance(held, TorchObject):
        raise WeightsError(f"a Torch7 {type(held).__name__}, expected a model", offset=0)
    return held


def _parameters(root: TorchObject) -> Iterator[tuple[str, np.ndarray]]:
    """Every parameter and running statistic with its path; a shared one where it comes first."""
    seen: set[Any] = set()
    for entry in walk(root):
        if entry.first is not None:
            continue
        held = {**parameters(entry.object), **buffers(entry.object)}
        if "running_std" in held:
            # Files from before running_var hold 1 / sqrt(variance + eps).
            eps = float(entry.object.get("eps") or 1e-5)
            held["running_var"] = np.asarray(held.pop("running_std"), "float64") ** -2 - eps
        for name, array in _ordered(held):
            place = place_of(array)
            if place not in seen:
                seen.add(place)
                yield f"{entry.path}.{name}".lstrip("."), array


def _ordered(named: dict[str, Any]) -> list[tuple[str, Any]]:
    """Weight, bias, running mean and variance first, then the others as they are."""
    first = [(name, named[name]) for name in _ORDERED if name in named]
    return first + [(name, value) for name, value in named.items() if name not in _ORDERED]
