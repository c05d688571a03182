"""What a module knows while it is turned into Keras layers: names, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras

__all__ = ["Names", "Scope", "snake_case"]


def snake_case(name: str) -> str:
    """``SpatialConvolution`` -> ``spatial_convolution``, ``CAddTable`` -> ``c_add_table``."""
    partly = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", partly).lower()


class Names:
    """The layer names of one model, each given to one layer.

    Args:
        reserved: Names that nodes were annotated with; no other layer gets one of them.
        replay: The names of a saved model, in the order in which its layers came up.
    """

    def __init__(self, reserved: Iterable[str] = (), replay: Sequence[str] = ()) -> None:
        self._reserved = set(reserved)
        self._replay = replay
        self._holders: dict[str, keras.layers.Layer] = {}
        self._next: dict[str, int] = {}
        self._undo: list[Callable[[], object]] = []

    @property
    def sequence(self) -> list[str]:
        """The names in the order in which their layers came up."""
        return list(self._holders)

    def reserve(self, name: str) -> None:
        """Keep a name from the layers to come: a layer of the user's has it."""
        self._reserved.add(name)

    def on_failure(self, action: Callable[[], object]) -> None:
        """What to do if the model that is being made cannot be made."""
        self._undo.append(action)

    def undo(self) -> None:
        """Leave the modules as they were before any of this model's layers was made."""
        while self._undo:
            self._undo.pop()()

    def fresh(self, base: str, *, annotated: bool = False) -> str:
        """A name that no layer holds: `base`, or `base` with a number."""
        if len(self._holders) < len(self._replay):
            return self._replay[len(self._holders)]
        name = base
        while name in self._holders or (name in self._reserved and not annotated):
            count = self._next.get(base, 0) + 1
            self._next[base] = count
            name = f"{base}_{count}"
        return name

    def must_change(self, layer: keras.layers.Layer, *, annotated: bool) -> bool:
        """Whether a layer that comes from elsewhere cannot keep its name here."""
        if len(self._holders) < len(self._replay):
            return layer.name != self._replay[len(self._holders)]
        reserved = layer.name in self._reserved and not annotated
        return layer.name in self._holders or reserved

    def holds(self, layer: keras.layers.Layer) -> bool:
        """Whether `layer` has its name in this model already."""
        return self._holders.get(layer.name) is layer

    def hold(self, layer: keras.layers.Layer) -> None:
        """Record that `layer` holds its name."""
        self._holders[layer.name] = layer


class Scope:
    """The place where a module is lowered.

    Attributes:
        name: Base name for the module's layers.
        annotated: Whether the user chose that name.
        where: How messages speak of the place, e.g. ``'fc6' (Linear), declared net.py:12``.
        stock: Whether only layers that Keras itself ships may be made (for ``to_keras``).
    """

    def __init__(
        self,
        names: Names,
        name: str,
        where: str,
        *,
        annotated: bool = False,
        stock: bool = False,
        record: Callable[[Any, Any], None] = lambda module, output: None,
    ) -> None:
        self.names = names
        self.name = name
        self.where = where
        self.annotated = annotated
        self.stock = stock
        self.record = record

    def child(self, index: int, module: Any) -> Scope:
        """The scope of the `index`-th child (from 1) of the container that is lowered here."""
        own = getattr(module, "name", None)
        name = own or f"{self.name}_{index}_{snake_case(module.torch_name)}"
        where = f"child {index} ({module.torch_name}) of {self.where}"
        return Scope(self.names, name, where, stock=self.stock, record=self.record)

    def unseen(self) -> Scope:
        """The same place, for tensors that are not the model's own: nothing is recorded."""
        names, name, where = self.names, self.name, self.where
        return Scope(names, name, where, annotated=self.annotated, stock=self.stock)

    def new_layer(
        self, make: Callable[[str], keras.layers.Layer], suffix: str = ""
    ) -> keras.layers.Layer:
        """Make a layer and give it a name of this model."""
        annotated = self.annotated and not suffix
        layer = make(self.names.fresh(self.name + suffix, annotated=annotated))
        self.names.hold(layer)
        return layer

    def adopt(self, layer: keras.layers.Layer, *, rename: bool = False) -> None:
        """Take in a layer that exists already, as another model or a second use made it.

        Args:
            layer: The layer.
            rename: Whether to give it this scope's name in any case.
        """
        if self.names.holds(layer):
            return
        if rename or self.names.must_change(layer, annotated=self.annotated):
            layer.name = self.names.fresh(self.name, annotated=self.annotated)
        self.names.hold(layer)
