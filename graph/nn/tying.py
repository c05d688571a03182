"""One variable in the place of another, so that two layers share it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras

from ..errors import GraphError

__all__ = ["tie", "tie_modules"]


def tie_modules(module: Any, other: Any, names: Iterable[str]) -> None:
    """Let the parameters `names` of `module` be those of `other`.

    A name that neither has is passed over, as Torch does.

    Raises:
        GraphError: The shapes of a parameter differ.
    """
    if module is other or module.parts():
        return  # Its parts are tied themselves.
    mine, its = module.named_parameters(), other.named_parameters()
    for name in mine:
        if name.rpartition(".")[2] in names and name in its:
            if tuple(mine[name].shape) != tuple(its[name].shape):
                raise GraphError(
                    f"{module!r} cannot share '{name}' with {other!r}: its shape "
                    f"{tuple(mine[name].shape)} is not {tuple(its[name].shape)}"
                )
            for layer in module.held_layers():
                tie(layer, mine[name], its[name])


def tie(layer: keras.layers.Layer, own: keras.Variable, other: keras.Variable) -> None:
    """Put `other` wherever `layer`, or a layer inside it, holds `own`.

    Keras has no call for this: a built layer takes no new state. The lists that it keeps of its
    variables and the attributes that its code reads are changed in place.
    """
    if own is other:
        return
    for part in [layer, *layer._flatten_layers(include_self=False)]:
        for attribute, value in list(vars(part).items()):
            if value is own:
                part.__dict__[attribute] = other
            elif isinstance(value, dict):
                for key in [k for k, v in value.items() if v is own]:
                    dict.__setitem__(value, key, other)
            elif isinstance(value, list):
                for i in [i for i, v in enumerate(value) if v is own]:
                    list.__setitem__(value, i, other)
