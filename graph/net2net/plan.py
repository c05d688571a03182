"""What is widened, worked out: new sizes, new arguments, new values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from .spaces import Leaf, Space, index_map
from .trace import Trace

__all__ = ["Change", "Plan"]


@dataclass(frozen=True)
class Change:
    """What becomes of one axis of an array.

    Attributes:
        axis: The axis.
        index: Of every new entry, which old one it copies.
        summed: Whether the axis is summed over, so that copies share out the value.
    """

    axis: int
    index: np.ndarray
    summed: bool

    @property
    def counts(self) -> np.ndarray:
        """Of every new entry, how many copies there are of its old one."""
        return np.bincount(self.index)[self.index]


@dataclass
class Plan:
    """The widening of some leaves of a traced model.

    Attributes:
        trace: What is known of the model.
        maps: Leaf -> of each new channel, which old one it copies.
        noise: Standard deviation of what is added to copies, in parts of their weight's own.
        random: Where the noise comes from.
        arguments: id of a layer -> other arguments of it that change.
    """

    trace: Trace
    maps: Mapping[Leaf, np.ndarray]
    noise: float = 0.0
    random: np.random.Generator = field(default_factory=np.random.default_rng)
    arguments: Mapping[int, dict[str, Any]] = field(default_factory=dict)

    def size(self, space: Space) -> int:
        """The new number of channels of a space."""
        return len(index_map(space, self.maps))

    def settings(self, layer: Any) -> dict[str, Any]:
        """The arguments of a layer that change, with their new values."""
        changed = dict(self.arguments.get(id(layer), {}))
        for settings in self.trace.settings.get(id(layer), ()):
            changed.update(settings(self.size))
        return changed

    def broken(self) -> list[tuple[Space, str]]:
        """The spaces that need equally many copies of each channel and would not have them."""
        found = []
        for space, why in self.trace.uniform:
            counts = np.bincount(index_map(space, self.maps))
            if counts.min() != counts.max():
                found.append((space, why))
        return found

    def changes(self, variable: Any) -> list[Change]:
        """What becomes of the axes of a weight; empty if it stays as it is."""
        found = []
        for axis, (space, summed) in self.trace.weights.get(id(variable), {}).items():
            index = index_map(space, self.maps)
            if len(index) != variable.shape[axis]:
                found.append(Change(axis % len(variable.shape), index, summed))
        return found

    def shape(self, variable: Any) -> tuple[int, ...]:
        """The new shape of a weight."""
        sizes = list(variable.shape)
        for change in self.changes(variable):
            sizes[change.axis] = len(change.index)
        return tuple(sizes)

    def weight(self, variable: Any) -> np.ndarray:
        """The new value of a weight: channels that are read share theirs, others are repeated."""
        old = keras.ops.convert_to_numpy(variable)
        array = old.astype("float64") if "float" in str(variable.dtype) else old
        changes = self.changes(variable)
        for change in changes:
            array = np.take(array, change.index, change.axis)
            if change.summed:
                array = array / along(change.counts, change.axis, array.ndim)
        if self.noise and variable.trainable:
            array = array + self._noise(array, changes, float(np.std(array)))
        return array

    def _noise(self, array: np.ndarray, changes: list[Change], deviation: float) -> Any:
        """Noise for all copies but the first."""
        added: Any = 0.0
        for change in changes:
            if not change.summed:
                first = np.zeros(len(change.index), bool)
                first[np.unique(change.index, return_index=True)[1]] = True
                drawn = self.random.normal(0.0, self.noise * deviation, array.shape)
                added = added + drawn * along(~first, change.axis, array.ndim)
        return added


def along(values: np.ndarray, axis: int, rank: int) -> np.ndarray:
    """`values` along one axis of an array of so many axes, to be broadcast."""
    return values.reshape([-1 if i == axis else 1 for i in range(rank)])
