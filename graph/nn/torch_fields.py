"""A Torch object's fields, as the classes of this package read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

__all__ = ["TorchFields", "UnsupportedTorch"]


class UnsupportedTorch(ValueError):
    """A Torch object that its class cannot take over; the message says why."""


class TorchFields:
    """What a Torch object holds, with the readings that many classes need.

    Args:
        class_name: Torch's name, e.g. ``nn.Linear``.
        fields: Field name to value, as `graph.torch7.load` gives them; absent means nil.
        convert: Makes a module of a child object.
        batched: Whether the model was fed batches. It decides what a dimension argument that
            counts the batch means.
        time_major: Whether the tensors were (time, batch, ...) in Torch, as those of rnn are.
    """

    def __init__(
        self,
        class_name: str,
        fields: Mapping[str, Any],
        convert: Callable[[Any], Any],
        batched: bool = True,
        time_major: bool = False,
    ) -> None:
        self.class_name = class_name
        self.fields = fields
        self.convert = convert
        self.batched = batched
        self.time_major = time_major

    def __contains__(self, name: str) -> bool:
        return self.fields.get(name) is not None

    def __getitem__(self, name: str) -> Any:
        """The field called `name`.

        Raises:
            UnsupportedTorch: There is none.
        """
        value = self.fields.get(name)
        if value is None:
            raise UnsupportedTorch(f"{self.class_name} has no field '{name}'")
        return value

    def get(self, name: str, default: Any = None) -> Any:
        """The field called `name`, or `default` where it is nil."""
        value = self.fields.get(name)
        return default if value is None else value

    def integer(self, name: str, default: int | None = None) -> int:
        """The field as an int (Lua knows only floating numbers)."""
        return int(self[name] if default is None else self.get(name, default))

    def array(self, name: str) -> np.ndarray | None:
        """The tensor called `name`, or None where it is nil or empty."""
        value = self.fields.get(name)
        if value is None or np.ndim(value) == 0 or np.size(value) == 0:
            return None
        return np.asarray(value)

    def module(self, name: str) -> Any:
        """The child object called `name`, as a module."""
        return self.convert(self[name])

    def children(self) -> list[Any]:
        """The container's children, as modules."""
        return [self.convert(child) for child in self.get("modules", [])]

    def dimension(self, name: str = "dimension", counted: str = "nInputDims") -> int:
        """A dimension argument as these modules count: from 1 within a sample.

        Args:
            name: Field of the dimension.
            counted: Field that says how many dimensions a sample has, if that is known; then
                the dimension is one of the sample already.

        Raises:
            UnsupportedTorch: It is the batch's own dimension.
        """
        dimension = self.integer(name)
        if dimension < 0 or self.integer(counted, 0) > 0 or not self.batched:
            return dimension
        if self.time_major and dimension == 1:
            return 1  # Time, which is the first dimension of a sample here.
        if dimension == (2 if self.time_major else 1):
            raise UnsupportedTorch(
                f"{self.class_name} works along dimension {dimension}, which is the batch when it "
                f"is fed batches; load it as fed single samples (batched=False)"
            )
        return dimension - 1

    def single_samples_only(self) -> None:
        """Refuse a module that Torch feeds single samples, if the model was fed batches.

        Raises:
            UnsupportedTorch: The model was fed batches.
        """
        if self.batched:
            raise UnsupportedTorch(
                f"{self.class_name} takes no batches in Torch: it works along dimension 1 of a "
                f"single sample; load it as fed single samples (batched=False)"
            )
