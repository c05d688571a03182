"""`save_torch7`: a gModule or an nn module as a `.t7` file for Torch7."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Literal

import keras
import numpy as np

from ..errors import GraphError
from ..gmodule import GModule
from ..nn.keras_layer import KerasLayer
from ..nn.module import Module
from ..node import as_module
from ..parameters import holders_of, parameters_of
from ..recursion import deep_recursion
from .blank import Blank
from .files import save
from .graph_writer import NOTE, inner_nodes
from .module_writer import ModuleWriter
from .types import TorchObject

__all__ = ["from_module", "save_torch7"]

_OVER_TIME = frozenset({"Sequencer", "BiSequencer", "SeqLSTM", "SeqGRU"})
_STEPWISE = frozenset({"FastLSTM", "GRU", "LSTM", "Recurrence", "Recurrent"})


def save_torch7(
    model: Any,
    path: str | os.PathLike[str],
    *,
    format: Literal["binary", "ascii"] = "binary",
    batched: bool | None = None,
    time_major: bool | None = None,
) -> None:
    """Write a model as a file that Torch7's `torch.load` reads.

    The modules, their arguments, parameters, gradients and running means, the node graph with its
    names, annotations and origins, and whether the model is in training mode. Torch works with
    planes first: weights and dimensions are written its way, and so the model takes and gives
    images planes first there, whichever layout it has here. A model of `load_torch7` comes back
    as what the file held, without the transpositions at its border. A recurrent module outside
    `nn.Sequencer` takes a whole sequence here, and is written with a Sequencer around it.

    The file is written beside `path` and renamed into place when complete.

    Args:
        model: A gModule or a module of `graph.nn`.
        path: The file. Nothing is written unless every module can be.
        format: ``"binary"``, or ``"ascii"``, which is ten times slower to read and write.
        batched: Whether Torch will feed the model batches, which its dimensions then count.
            Default: what `load_torch7` found for a model of its own, otherwise True.
        time_major: Whether Torch will feed it tensors (time, batch, ...), as sequencers want.
            Default: what `load_torch7` found, otherwise whether there is a sequencer.

    Raises:
        GraphError: Modules have no twin in Torch, Keras layers among them; all of them are named,
            with their path.
        ValueError: `format` is neither of those.
        OSError: The file cannot be written.

    Reference: torch/nngraph gmodule.lua, torch/torch7 File.lua.
    """
    save(path, from_module(model, batched=batched, time_major=time_major), format=format)


def from_module(
    model: Any, *, batched: bool | None = None, time_major: bool | None = None
) -> TorchObject:
    """The Torch object of a gModule or a module; see `save_torch7`."""
    module = as_module(model)
    graph = _graph_of(module)
    noted = _noted(graph)
    every = list(_modules_of(module))
    if batched is None:
        batched = noted.get("batched", True)
    if time_major is None:
        names = {m.torch_name for m in every}
        time_major = noted.get("time_major", bool(names & (_OVER_TIME | _STEPWISE)))
    blank = Blank(_dtype(module), bool(getattr(model, "train_mode", True)))
    writer = ModuleWriter(blank, bool(batched), bool(time_major), graph)
    # A container calls about ten Python functions for each of its children.
    with deep_recursion(4 * len(every)):
        found = writer.convert(_whole(graph) or module, "model")
    if writer.problems:
        raise GraphError(
            "the model cannot be written for Torch7:\n  "
            + "\n  ".join(writer.problems)
            + "\n  fix: replace these modules by modules of graph.nn that Torch has"
        )
    return found


def _dtype(module: Module) -> np.dtype:
    first = next(parameters_of(holders_of([module])), None)
    name = keras.backend.standardize_dtype(keras.config.floatx() if first is None else first.dtype)
    return np.dtype(name if name in ("float64", "float16") else "float32")


def _noted(graph: GModule | None) -> dict[str, Any]:
    """What `load_torch7` noted about how Torch fed the model."""
    nodes = [] if graph is None else graph.forwardnodes
    return {k: v for node in nodes for k, v in (node.annotations.get(NOTE) or {}).items()}


def _whole(graph: GModule | None) -> Any:
    """The one module around which `load_torch7` put a graph."""
    if graph is None or not _noted(graph).get("whole"):
        return None
    nodes = [n for n in inner_nodes(graph._graph) if n.inputs is not None]
    return nodes[0].module if len(nodes) == 1 else None  # Else it was changed since.


def _graph_of(module: Any) -> GModule | None:
    is_graph = isinstance(module, KerasLayer) and isinstance(module.layer, GModule)
    return module.layer if is_graph else None


def _modules_of(module: Module) -> Iterator[Module]:
    seen: set[int] = set()
    stack = [module]
    while stack:
        current = stack.pop()
        if id(current) not in seen:
            seen.add(id(current))
            yield current
            stack.extend(current.children())
