"""Torch objects, as `load` gives them, to `graph.nn` modules with their parameters."""

from __future__ import annotations

from typing import Any

import keras

from ..nn.module import Module
from ..nn.torch_fields import TorchFields, UnsupportedTorch
from ..nn.tying import tie
from ..node import as_module
from ..parameters import holders_of
from .node_graph import to_gmodule
from .types import TorchObject

__all__ = ["to_module"]


def to_module(obj: Any, *, batched: bool = True, time_major: bool = False) -> Module:
    """The module that a Torch object describes, with its parameters.

    Args:
        obj: A `TorchObject` of a class of nn (``nn.X``, or ``cudnn.X`` as its twin).
        batched: Whether the model was fed batches. It decides what a dimension argument that
            counts the batch means.
        time_major: Whether it was fed tensors (time, batch, ...), as rnn's Sequencer takes them;
            here they are (batch, time, ...). A step inside a Sequencer has no time.

    Returns:
        The module. An object that is referred to twice gives one module, so what Torch shared
        stays shared.

    Raises:
        UnsupportedTorch: No class of `graph.nn` stands for it, or it asks for something that the
            class does not do.
    """
    known: dict[int, Module] = {}
    fields_of: dict[int, TorchFields] = {}

    timed = [time_major]

    def convert(child: Any) -> Module:
        if not isinstance(child, TorchObject):
            raise UnsupportedTorch(f"{child!r} stands where a module belongs")
        module = known.get(id(child))
        if module is None and "innode" in child and "outnode" in child:
            # nn.gModule, or a class made of it such as nn.TripletNet.
            module = known[id(child)] = as_module(to_gmodule(child, convert))
        elif module is None:
            cls = Module.for_torch(child.class_name)
            fields = TorchFields(child.class_name, child.fields, convert, batched, timed[-1])
            timed.append(timed[-1] and "Sequencer" not in child.class_name)
            module = known[id(child)] = cls.from_torch(fields)
            timed.pop()
            module.load_torch(fields)
            fields_of[id(module)] = fields
        return module

    module = convert(obj)
    _share(module, fields_of)
    return module


def _share(module: Module, fields_of: dict[int, TorchFields]) -> None:
    """Let parameters that lie at the same place in memory be one variable."""
    owners: dict[Any, keras.Variable] = {}
    for holder in holders_of([module]):
        fields = fields_of.get(id(holder))
        if fields is None:
            continue
        for name, variable in holder.named_parameters().items():
            array = fields.array(name)
            if array is None:
                continue
            place = (array.__array_interface__["data"][0], array.shape, array.strides)
            owner = owners.setdefault(place, variable)
            for layer in holder.held_layers():
                tie(layer, variable, owner)
