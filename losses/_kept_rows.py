"""A metric that keeps its samples, in variables of a fixed size that every backend compiles."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

__all__ = ["KeptRows"]

_LARGEST_KEY = 2**31 - 1


class KeptRows(keras.metrics.Metric):
    """Keeps the first `capacity` samples, or a random choice of that many from all.

    Compiled code cannot grow a variable, so the space is reserved in advance. A subclass calls
    `_reserve` once, `_keep` with each batch, and `_whole` on its result.

    Args:
        capacity: The number of samples that there is room for.
        overflow: What more samples mean. "error": a ValueError, or NaN inside compiled code,
            which cannot raise (`fit` and `evaluate` raise it when the epoch ends). "sample": a
            random choice, each sample with equal chance, is kept.
        seed: Of that choice, which is the same after each `reset_state`.
        name: A name for the metric.
        dtype: The dtype that samples are kept in; by default `keras.config.floatx()`.

    Raises:
        ValueError: If an argument is not as above.
    """

    def __init__(
        self, capacity: int, overflow: str, seed: int, name: str | None, dtype: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if int(capacity) != capacity or capacity < 2:
            raise ValueError(f"capacity must be a whole number, 2 or more; got {capacity!r}")
        if overflow not in ("error", "sample"):
            raise ValueError(f"overflow must be 'error' or 'sample'; got {overflow!r}")
        self.capacity = int(capacity)
        self.overflow = overflow
        self.seed = int(seed)
        self._rows: dict[str, Any] = {}

    def _reserve(self, **columns: tuple[tuple[int, ...], str]) -> None:
        """Make room for columns, each given as the shape of one sample and a dtype."""
        self._seen = self.add_variable((), "zeros", dtype="int32", name="seen")
        if self.overflow == "sample":
            columns["key"] = ((), "int32")
            self._generator = keras.random.SeedGenerator(self.seed)
            self._generator_state = self._generator.state  # tracked: a variable of this metric
        for name, (shape, dtype) in columns.items():
            variable = self.add_variable((self.capacity, *shape), "zeros", dtype=dtype, name=name)
            self._rows[name] = variable

    def _keep(self, **columns: Any) -> None:
        """Add a batch of samples to the columns."""
        batch = ops.shape(next(iter(columns.values())))[0]
        if self.overflow == "sample":
            # Those with the largest random keys stay; a key of zero marks an empty place.
            keys = keras.random.randint(
                (batch,), 1, _LARGEST_KEY, dtype="int32", seed=self._generator
            )
            columns["key"] = keys
            _, source = ops.top_k(ops.concatenate([self._rows["key"].value, keys]), self.capacity)
        else:
            row = ops.arange(self.capacity, dtype="int32")
            place = row - self._seen.value
            is_new = ops.logical_and(place >= 0, place < batch)
            source = ops.where(is_new, self.capacity + place, row)
        for name, column in columns.items():
            variable = self._rows[name]
            both = ops.concatenate([variable.value, ops.cast(column, variable.dtype)])
            variable.assign(ops.take(both, source, axis=0))
        self._seen.assign(self._seen.value + batch)

    def _whole(self, result: Any) -> Any:
        """`result`, unless samples are missing from it.

        Raises:
            ValueError: If more than `capacity` samples came and `overflow` is "error".
        """
        if not self._rows or self.overflow == "sample":
            return result
        if (seen := self._seen_now()) is None:
            return ops.where(
                self._seen.value > self.capacity, ops.ones_like(result) * np.nan, result
            )
        if seen > self.capacity:
            raise ValueError(
                f"{self.name} has seen {seen} samples and has room for capacity={self.capacity}; "
                "give it a larger capacity, or overflow='sample' for a value from a random choice"
            )
        return result

    def _seen_now(self) -> int | None:
        """How many samples came; None while a graph is traced, where it has no number."""
        try:
            return int(ops.convert_to_numpy(self._seen.value))
        except (TypeError, RuntimeError):
            return None

    def reset_state(self) -> None:
        super().reset_state()
        if self._rows and self.overflow == "sample":
            self._generator_state.assign(ops.convert_to_tensor([self.seed, 0]))

    def get_config(self) -> dict[str, Any]:
        """The arguments that make the same metric again."""
        mine = {"capacity": self.capacity, "overflow": self.overflow, "seed": self.seed}
        return {**super().get_config(), **mine}
