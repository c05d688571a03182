"""Torch objects, as `load` gives them, to `graph.nn` modules with their parameters."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from ..nn.torch_fields import TorchFields, UnsupportedTorch
from .types import TorchObject

__all__ = ["to_module"]


def to_module(obj: Any, *, batched: bool = True) -> Module:
    """The module that a Torch object describes, with its parameters.

    Args:
        obj: A `TorchObject` of a class of nn (``nn.X``, or ``cudnn.X`` as its twin).
        batched: Whether the model was fed batches. It decides what a dimension argument that
            counts the batch means.

    Returns:
        The module. An object that is referred to twice gives one module, so what Torch shared
        stays shared.

    Raises:
        UnsupportedTorch: No class of `graph.nn` stands for it, or it asks for something that the
            class does not do.
    """
    known: dict[int, Module] = {}

    def convert(child: Any) -> Module:
        if not isinstance(child, TorchObject):
            raise UnsupportedTorch(f"{child!r} stands where a module belongs")
        module = known.get(id(child))
        if module is None:
            cls = Module.for_torch(child.class_name)
            fields = TorchFields(child.class_name, child.fields, convert, batched)
            module = known[id(child)] = cls.from_torch(fields)
            module.load_torch(fields)
        return module

    return convert(obj)
