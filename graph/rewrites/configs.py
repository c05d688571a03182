"""What rules ask of the arguments of layers, and how they change them."""

from __future__ import annotations

import json
from typing import Any

import keras

from .plan import Piece, Step, Value

__all__ = [
    "activation_name",
    "is_exact",
    "is_linear",
    "key_of",
    "may_rearrange",
    "same_policy",
    "unregularised",
]

_PARTS = ("kernel", "bias", "depthwise", "pointwise")
_RULES = tuple(f"{part}_{what}" for part in _PARTS for what in ("regularizer", "constraint"))
_ADDITIVE = ("L1", "L2", "L1L2")


def activation_name(piece: Piece) -> str | None:
    """Keras's name of the layer's own activation; None for one that has no name."""
    activation = piece.config.get("activation", "linear")
    return activation if isinstance(activation, str) else None


def is_linear(piece: Piece) -> bool:
    """Whether the layer has no activation of its own."""
    return activation_name(piece) == "linear"


def is_exact(*values: Value) -> bool:
    """Whether numbers of these values may be added up in another order.

    In 16 bits that would show.
    """
    return all(value.dtype in ("float32", "float64") for value in values)


def same_policy(*pieces: Piece) -> bool:
    """Whether the layers have one dtype policy."""
    return (
        len({json.dumps(p.config.get("dtype"), sort_keys=True, default=repr) for p in pieces}) == 1
    )


def key_of(config: dict[str, Any], *without: str) -> str:
    """A text that two configs share if they are equal, arguments `without` aside."""
    kept = {name: value for name, value in config.items() if name not in without}
    return json.dumps(keras.saving.serialize_keras_object(kept), sort_keys=True, default=repr)


def may_rearrange(piece: Piece) -> bool:
    """Whether training goes on alike when the weights lie in a larger matrix, or in other rows.

    So it does with regularisers that are sums over the weights, and without constraints.
    """
    for name in _RULES:
        rule = piece.config.get(name)
        if rule is None:
            continue
        additive = isinstance(rule, dict) and rule.get("class_name") in _ADDITIVE
        if name.endswith("constraint") or not additive:
            return False
    return True


def unregularised(piece: Piece) -> dict[str, None]:
    """Arguments that take regularisers and constraints away, which play no part in inference."""
    return {name: None for name in _RULES if name in piece.config}


def reads(step: Step) -> Step | None:
    """The step whose one output this one reads alone, if nothing else reads that."""
    value = step.input
    if value is None or value.step is None or not value.is_private:
        return None
    return value.step if len(value.step.outputs) == 1 else None
