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
from .tree import place_of
from .types import TorchObject

__all__ = ["Conversion", "to_module"]


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
    conversion = Conversion(batched, time_major)
    module = conversion.convert(obj)
    conversion.share([module])
    return module


class Conversion:
    """One model under way: every object becomes one module.

    Args:
        batched: As of `to_module`.
        time_major: As of `to_module`.
    """

    def __init__(self, batched: bool = True, time_major: bool = False) -> None:
        self.batched = batched
        self.time_major = time_major
        self._timed = [time_major]
        self._known: dict[int, Module] = {}
        self._fields_of: dict[int, TorchFields] = {}

    def convert(self, child: Any) -> Module:
        """The module of an object, the same one each time."""
        if not isinstance(child, TorchObject):
            raise UnsupportedTorch(f"{child!r} stands where a module belongs")
        module = self._known.get(id(child))
        if module is None:
            module = self._known[id(child)] = self.make(child)
        return module

    def make(self, child: TorchObject) -> Module:
        """A module of an object that has none yet."""
        if "innode" in child and "outnode" in child:
            # nn.gModule, or a class made of it such as nn.TripletNet.
            return as_module(to_gmodule(child, self.convert))
        cls = Module.for_torch(child.class_name)
        timed = self._timed
        fields = TorchFields(child.class_name, child.fields, self.convert, self.batched, timed[-1])
        timed.append(timed[-1] and "Sequencer" not in child.class_name)
        try:
            module = cls.from_torch(fields)
        finally:
            timed.pop()
        module.load_torch(fields)
        self._fields_of[id(module)] = fields
        return module

    def share(self, modules: list[Any]) -> None:
        """Let parameters of `modules` that lie at one place in memory be one variable."""
        owners: dict[Any, keras.Variable] = {}
        for holder in holders_of(modules):
            fields = self._fields_of.get(id(holder))
            if fields is None:
                continue
            for name, variable in holder.named_parameters().items():
                array = fields.array(name)
                if array is None:
                    continue
                owner = owners.setdefault(place_of(array), variable)
                for layer in holder.held_layers():
                    tie(layer, variable, owner)
