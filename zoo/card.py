"""`model_card`: what there is to know about a network before using it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from graph import layer_table

from .registry import entry

__all__ = ["ModelCard", "model_card"]


@dataclass(frozen=True)
class ModelCard:
    """What there is to know about a network. ``print`` it.

    Attributes:
        name: As `zoo.create_model` takes it.
        input_shape: Of one sample; a list of shapes for several inputs.
        output_shape: Likewise.
        parameters: How many numbers it learns or keeps.
        multiply_adds: For one sample, counted from the built graph by `graph.layer_table`; None
            where a size is open.
        reference: The paper or the program that it comes from.
        preprocessing: What its input wants done first.
    """

    name: str
    input_shape: Any
    output_shape: Any
    parameters: int
    multiply_adds: int | None
    reference: str
    preprocessing: str

    def __str__(self) -> str:
        count = "unknown" if self.multiply_adds is None else f"{self.multiply_adds:,}"
        lines = [
            self.name,
            f"  input          {_text(self.input_shape)}",
            f"  output         {_text(self.output_shape)}",
            f"  parameters     {self.parameters:,}",
            f"  multiply-adds  {count}",
        ]
        if self.preprocessing:
            lines.append(f"  preprocessing  {self.preprocessing}")
        if self.reference:
            lines.append(f"  reference      {self.reference}")
        return "\n".join(lines)


def model_card(name: str, /, **arguments: Any) -> ModelCard:
    """Build a network and tell its sizes.

    Args:
        name: One of `zoo.list_models()`.
        **arguments: Of its builder.

    Returns:
        The card.

    Raises:
        ValueError: There is no such network, or an argument is refused by its builder.

    >>> print(model_card("lenet5_modern").parameters)
    61706
    """
    found = entry(name)
    model = found.load()(**{**found.defaults, **arguments})
    return ModelCard(
        found.name,
        _samples(model.inputs),
        _samples(model.outputs),
        model.count_params(),
        layer_table(model).multiply_adds,
        found.reference,
        found.preprocessing,
    )


def _samples(tensors: list[keras.KerasTensor]) -> Any:
    shapes = [tuple(tensor.shape[1:]) for tensor in tensors]
    return shapes[0] if len(shapes) == 1 else shapes


def _text(shape: Any) -> str:
    if isinstance(shape, list):
        return ", ".join(map(_text, shape))
    return " x ".join("?" if size is None else str(size) for size in shape) or "a number"
