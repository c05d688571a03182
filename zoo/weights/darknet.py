"""Darknet's ``.weights`` files: which variable of a model each of their numbers belongs to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

import graph

from .assigning import Entry, Plan
from .darknet_file import DarknetWeightsError, Header, Part, parse_header, read_header, read_parts
from .errors import WeightsError
from .named import WeightNames
from .report import Skipped

__all__ = ["DarknetWeightsError", "Header", "file_plan", "plan", "read_header", "recognises"]

Planned = list[tuple[keras.Variable, np.ndarray, str]]

_EPSILON = 1e-6  # Outside the root: pjreddie/darknet src/blas.c `normalize_cpu`.


def recognises(head: bytes, size: int) -> bool:
    """Whether a file that begins so looks like Darknet's weights.

    There is no mark to know them by, only a plausible version, which the first bytes of a ``.t7``
    file can be as well: a major version of 2 to 999 is not taken for Darknet's.

    Args:
        head: The first bytes, 20 or more if there are as many.
        size: Bytes of the whole file.
    """
    try:
        header = parse_header(head, "")
    except DarknetWeightsError:
        return False
    return size > header.size and (header.major < 2 or header.major >= 1000)


def plan(model: graph.GModule, path: str | os.PathLike[str]) -> Planned:
    """What a ``.weights`` file would give a model; nothing is assigned.

    The layers of the file are the convolutions, linear layers and batch normalisations of the
    model, in the order of the annotation ``darknet`` of their nodes, or, without any, of running.
    A batch normalisation belongs to the layer that it reads. Kernels are turned from
    (out, in, height, width) into (height, width, in, out), linear ones from (out, in) into
    (in, out). A stock `keras.layers.BatchNormalization` gets Darknet's scale times
    ``sqrt(variance + epsilon) / (sqrt(variance) + 1e-6)``, which makes it equal in inference.

    Args:
        model: A `graph.GModule` whose shapes are known.
        path: The file.

    Returns:
        For each variable the array in its shape, and the array's name: the layer's and Darknet's,
        e.g. ``conv1 rolling_variance``.

    Raises:
        DarknetWeightsError: The file is damaged, or holds more or fewer numbers than the model,
            or numbers that are not finite. The byte is told.
        WeightsError: The model has parameters that no such file holds.
        FileNotFoundError: There is no such file.
    """
    units = list(_units(model))
    parts = [part for unit in units for part in unit.parts()]
    header, arrays = read_parts(path, parts, more=_more(model))
    rest = iter(arrays)
    planned: Planned = []
    for unit in units:
        given = {part.name: next(rest) for part in unit.parts()}
        planned += unit.planned(list(given.values()), header.transposed)
    return planned


def file_plan(model: Any, path: str, tables: Sequence[WeightNames]) -> Plan:
    """What the file holds for a model, as `load_weights` takes it.

    Raises:
        WeightsError: As of `plan`, or no such file fits the model.
    """
    planned = plan(model, path)
    entries = [
        Entry(name, variable, array.shape, "float32", lambda array=array: array)
        for variable, array, name in planned
    ]
    read = read_header(path).size + sum(4 * array.size for _, array, _ in planned)
    rest = (os.path.getsize(path) - read) // 4
    top = [Skipped(f"the last {rest} numbers", "the model ends before them (include_top=False)")]
    return Plan("Darknet weights", entries, top if rest else [])


@dataclass
class _Unit:
    """A layer of Darknet's that has weights: a kernel, a batch normalisation, or both."""

    kernel: Any = None
    norm: Any = None

    @property
    def name(self) -> str:
        return (self.kernel or self.norm).name

    @property
    def _is_linear(self) -> bool:
        return isinstance(self.kernel, keras.layers.Dense)

    def parts(self) -> list[Part]:
        """What the file holds of it, in order."""
        norm = []
        if self.norm is not None:
            count = self.norm.gamma.shape[0]
            names = ("scales", "rolling_mean", "rolling_variance")
            norm = [Part(f"{self.name} {n}", count, n == names[-1]) for n in names]
        if self.kernel is None:
            return norm
        shape = self.kernel.kernel.shape
        biases = Part(f"{self.name} biases", shape[-1])
        weights = Part(f"{self.name} weights", int(np.prod(shape)))
        return [biases, weights, *norm] if self._is_linear else [biases, *norm, weights]

    def planned(self, arrays: list[np.ndarray], transposed: bool) -> Planned:
        """The variables with the arrays of `parts`, in Keras's layout."""
        named = dict(zip((p.name.rpartition(" ")[2] for p in self.parts()), arrays, strict=True))
        pairs: list[tuple[Any, np.ndarray, str]] = []
        if self.kernel is not None:
            pairs.append(
                (self.kernel.kernel, self._kernel(named["weights"], transposed), "weights")
            )
            if self.norm is None:
                pairs.append((self.kernel.bias, named["biases"], "biases"))
            else:
                pairs.append((self.norm.beta, named["biases"], "biases"))
        if self.norm is not None:
            scales = self._scales(named["scales"], named["rolling_variance"])
            pairs += [
                (self.norm.gamma, scales, "scales"),
                (self.norm.moving_mean, named["rolling_mean"], "rolling_mean"),
                (self.norm.moving_variance, named["rolling_variance"], "rolling_variance"),
            ]
        return [(variable, array, f"{self.name} {name}") for variable, array, name in pairs]

    def _kernel(self, array: np.ndarray, transposed: bool) -> np.ndarray:
        shape = tuple(self.kernel.kernel.shape)
        if self._is_linear:
            return array.reshape(shape) if transposed else array.reshape(shape[::-1]).T
        height, width, planes, filters = shape
        return array.reshape(filters, planes, height, width).transpose(2, 3, 1, 0)

    def _scales(self, scales: np.ndarray, variance: np.ndarray) -> np.ndarray:
        if hasattr(self.norm, "spread"):  # Divides as Darknet does.
            return scales
        exact = variance.astype("float64")
        ratio = np.sqrt(exact + self.norm.epsilon) / (np.sqrt(exact) + _EPSILON)
        return (scales * ratio).astype("float32")


def _units(model: graph.GModule) -> Iterator[_Unit]:
    """The layers that have weights, in the order of the file.

    Raises:
        WeightsError: The model is no such thing, or has parameters that no file holds.
    """
    if not isinstance(model, graph.GModule) or not model.is_lowered:
        raise WeightsError("Darknet's weights go into a graph.GModule whose shapes are known")
    nodes: list[Any] = [node for node in model.forwardnodes if node.module is not None]
    numbered = [node.annotations.get("darknet") for node in nodes]
    if any(number is not None for number in numbered):
        # The sort is stable: what one section made stays in running order.
        nodes.sort(key=lambda node: node.annotations.get("darknet", -1))
    found: list[_Unit] = []
    made_by: dict[int, _Unit] = {}  # The node of each kernel.
    seen: set[int] = set()
    problems: list[str] = []
    for node in nodes:
        before = made_by.get(id(node.parents[0])) if node.parents else None
        for layer in node.module.held_layers():
            if not layer.weights or id(layer) in seen:
                continue
            seen.add(id(layer))
            problem = _problem(layer, before)
            if problem:
                problems.append(f"'{layer.name}' ({type(layer).__name__}) {problem}")
            elif not isinstance(layer, keras.layers.BatchNormalization):
                made_by[id(node)] = _Unit(kernel=layer)
                found.append(made_by[id(node)])
            elif before is not None:
                before.norm = layer
            else:
                found.append(_Unit(norm=layer))
    for unit in found:
        if unit.kernel is not None and unit.norm is None and not unit.kernel.use_bias:
            problems.append(f"'{unit.name}' has no bias")
    if problems:
        raise WeightsError(
            f"no Darknet file fits {model.name}:\n  " + "\n  ".join(problems) + "\n"
            "  such files hold convolutions and linear layers with a bias or a batch normalisation"
        )
    yield from found


def _problem(layer: Any, before: _Unit | None) -> str | None:
    if isinstance(layer, keras.layers.BatchNormalization):
        if not layer.scale:
            return "has no scale"
        if before is None:
            return "has a bias of its own, but reads no convolution" if layer.center else None
        if before.norm is not None or before.kernel.use_bias:
            return f"reads '{before.name}', which has a bias already"
        return None if layer.center else "has no bias"
    if type(layer) in (keras.layers.Conv2D, keras.layers.Dense):
        return None
    return "is of another kind"


def _more(model: graph.GModule) -> int:
    """In how large groups numbers may follow: the classifier that the model was built without."""
    sizes = [node.annotations.get("darknet_top", 0) for node in model.forwardnodes]
    return max(sizes, default=0)
