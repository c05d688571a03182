"""`load_torch7`: a model of Torch7 or nngraph as a gModule."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Literal

from ..errors import GraphError
from ..gmodule import GModule
from ..nn.identity import Identity
from ..nn.torch_fields import UnsupportedTorch
from ..node import Node, apply
from .border import bordered, checked_shapes
from .collecting import Collecting, UnsupportedModules
from .files import load
from .graph_writer import NOTE
from .node_graph import to_nodes
from .tree import Entry, is_graph, walk
from .types import TorchObject

__all__ = ["load_torch7", "root_of"]

# Fed (time, batch, ...) by Torch.
_OVER_TIME = ("nn.Sequencer", "nn.BiSequencer", "nn.SeqLSTM", "nn.SeqGRU")


def load_torch7(
    path: str | os.PathLike[str] | TorchObject,
    input_shape: Any = None,
    *,
    layout: Literal["torch", "keras"] = "torch",
    batched: bool | None = None,
    time_major: bool | None = None,
    custom: Mapping[str, Callable[[TorchObject], Any]] | None = None,
    functions: Literal["refuse", "opaque"] = "refuse",
    progress: Callable[[int, int], object] | None = None,
) -> GModule:
    """A model that Torch7 saved, with the outputs that Torch7 gives.

    Takes an nn.gModule and classes made of it, and any other module or container of nn, cunn and
    cudnn. Parameters that share their memory in the file are shared. Nothing in a file is run.
    The model's `forward` runs in training mode if the file's model does (its field `train`).

    Args:
        path: The file; or an object that `graph.torch7.load` gave, where the file holds more than
            the model.
        input_shape: The shape of one sample without the batch, in `layout`, such as
            ``(3, 224, 224)`` or ``(time, features)``; a nested list of shapes for a table or
            several inputs. Default: what the modules state, or else the shapes of the first data.
        layout: ``"torch"``: the model takes what Torch took and gives what Torch gave, planes
            before rows and columns and, where the model is `time_major`, the steps before the
            batch (their number is then a part of the model); the transposition is part of the
            model, wherever it is saved or exported. ``"keras"``: the batch comes first, and
            tensors of rank 4 and more have their planes last.
        batched: Whether Torch fed the model batches. The Keras model always takes a batch: if
            False, a batch of Torch's inputs, ``model.forward(x[None])[0]``. Default: True, or
            False with a warning where the model can only have been fed single samples.
        time_major: Whether it was fed tensors (time, batch, ...), as the sequencers of rnn take
            them. Default: whether it has such modules.
        custom: Class name -> a function of the `TorchObject` that makes an nn module or a Keras
            layer, which is fed tensors of rank 4 with their planes last. For classes that
            `graph.nn` does not have, and instead of its own.
        functions: ``"refuse"`` modules one of whose methods is a Lua function of their own, or
            take them as their class defines them (``"opaque"``).
        progress: Called as ``progress(done, total)`` after every module.

    Returns:
        The model. It is built if its shapes are known, otherwise with the first data.

    Raises:
        UnsupportedTorch: Modules cannot be taken over; all of them are named, with their path in
            the model, class and reason. Or the file holds no model.
        GraphError: The modules do not fit together, or not `input_shape`.
        Torch7FormatError: The file is no Torch7 file or is damaged.
        OSError: The file cannot be read.
        ValueError: An argument is none of those above.

    Reference: torch/nngraph gmodule.lua, torch/torch7 File.lua.
    """
    for name, value, known in (
        ("layout", layout, ("torch", "keras")),
        ("functions", functions, ("refuse", "opaque")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r}, expected {known[0]!r} or {known[1]!r}")
    where = "the model" if isinstance(path, TorchObject) else os.fsdecode(path)
    root = root_of(path)
    entries = list(walk(root))
    if time_major is None:
        time_major = any(_is_over_time(e.object) for e in entries)

    def attempt(fed_batches: bool) -> GModule:
        conversion = Collecting(
            fed_batches,
            time_major,
            entries,
            custom or {},
            run_functions_are_fine=functions == "opaque",
            progress=progress or (lambda done, total: None),
        )
        return _model(root, conversion, where, input_shape, layout, time_major)

    model = attempt(batched) if batched is not None else _found_out(attempt, where)
    model.train_mode = _train(root, entries)
    return model


def root_of(path: str | os.PathLike[str] | TorchObject) -> TorchObject:
    """The object of the model in a file.

    Raises:
        UnsupportedTorch: The file holds something else.
    """
    if isinstance(path, TorchObject):
        return path
    root = load(path, functions="opaque")
    if isinstance(root, TorchObject):
        return root
    what = f"a {type(root).__name__}"
    fix = ""
    if isinstance(root, dict | list):
        keys = [k for k, v in root.items()] if isinstance(root, dict) else range(1, len(root) + 1)
        what = f"a table with the keys {', '.join(map(repr, list(keys)[:20]))}"
        fix = (
            "\n  fix: take the model out of it: table = graph.torch7.load(path, "
            "functions='opaque'); graph.load_torch7(table['model'])"
        )
    raise UnsupportedTorch(f"{os.fsdecode(path)} holds {what}, expected a module{fix}")


def _found_out(attempt: Callable[[bool], GModule], where: str) -> GModule:
    """The model as fed batches if it can be, otherwise as fed single samples."""
    try:
        return attempt(True)
    except (UnsupportedTorch, GraphError) as error:
        if isinstance(error, UnsupportedModules) and not error.only_unbatched:
            raise
        try:
            model = attempt(False)
        except (UnsupportedTorch, GraphError):
            raise error from None
        warnings.warn(
            f"{where} cannot have been fed batches, so it is loaded as fed single samples "
            f"(batched=False): feed a batch of them, model.forward(x[None])[0]; it could not be "
            f"loaded otherwise: {error}",
            stacklevel=3,
        )
        return model


def _is_over_time(obj: TorchObject) -> bool:
    return obj.class_name in _OVER_TIME and not obj.get("batchfirst")


def _model(
    root: TorchObject,
    conversion: Collecting,
    where: str,
    input_shape: Any,
    layout: str,
    time_major: bool,
) -> GModule:
    inputs, outputs = _nodes(root, conversion)
    if conversion.problems:
        raise UnsupportedModules(where, conversion.sorted_problems())
    # For `save_torch7`, which writes the model as it was.
    inputs[0].annotations[NOTE] = {
        "batched": conversion.batched,
        "time_major": conversion.time_major,
        "whole": not is_graph(root) or conversion.is_custom(root),
    }
    shapes = checked_shapes(input_shape, len(inputs))
    modules = {id(n.module): n.module for n in _all_nodes(outputs) if n.module is not None}
    conversion.share(list(modules.values()))
    name = root.get("name")
    name = _runnable(name) if isinstance(name, str) else None
    return bordered(inputs, outputs, name, shapes, layout, time_major)


def _runnable(name: str) -> str:
    """The name with what TensorFlow refuses replaced: such a Keras model could not predict."""
    name = re.sub(r"[^\w.\\/>-]", "_", name, flags=re.ASCII)
    return name if re.match("[A-Za-z0-9.]", name) else f"model{name}"


def _nodes(root: TorchObject, conversion: Collecting) -> tuple[list[Node], list[Node]]:
    if is_graph(root) and not conversion.is_custom(root):
        try:
            return to_nodes(root, conversion.convert)
        except ValueError as error:
            if not conversion.problems:
                conversion.note(root, error)
            return [], []
    source = apply(Identity())
    return [source], [apply(conversion.convert(root), source)]


def _all_nodes(outputs: list[Node]) -> list[Node]:
    found = dict.fromkeys(outputs)
    queue = list(outputs)
    for node in queue:
        for parent in node.parents:
            if parent not in found:
                found[parent] = None
                queue.append(parent)
    return queue


def _train(root: TorchObject, entries: list[Entry]) -> bool:
    """Whether the model was saved in training mode; evaluating if it does not say."""
    said = (e.object.get("train") for e in [Entry("", root, 0, None), *entries])
    return next((flag for flag in said if isinstance(flag, bool)), False)
