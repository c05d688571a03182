"""Which layers are known, and what each does with the channels that it is fed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .spaces import Space

if TYPE_CHECKING:
    from .trace import Trace

__all__ = ["Axes", "Rule", "like", "rule", "rule_of"]

Axes = tuple[Space | None, ...]
"""Of a tensor the space of each axis; None for the batch and for sizes that are not known."""

Rule = Callable[["Trace", Any, list[Axes], Any], list[Axes]]
"""``rule(trace, layer, inputs, call)``: the axes of what this call of the layer gives."""

_rules: dict[type, Rule] = {}


def rule(*classes: type) -> Callable[[Rule], Rule]:
    """Decorate the rule of these layer classes."""

    def remember(function: Rule) -> Rule:
        _rules.update(dict.fromkeys(classes, function))
        return function

    return remember


def like(layer_class: type, known: type) -> None:
    """Let layers of your own class be widened as those of a class that is known.

    It must treat channels as `known` does: same weights in the same layout, and equal outputs
    for equal channels. A subclass that does not override `call` is taken for its base anyway.

    Args:
        layer_class: The class to know.
        known: A class that is known, such as ``keras.layers.BatchNormalization``.

    Raises:
        ValueError: `known` is not known.

    >>> import keras
    >>> class Scaled(keras.layers.Dense):
    ...     def call(self, x):
    ...         return 2 * super().call(x)
    >>> like(Scaled, keras.layers.Dense)
    """
    found = rule_of(known)
    if found is None:
        raise ValueError(f"{known.__name__} is no layer that graph.net2net knows")
    _rules[layer_class] = found


def rule_of(layer_class: type) -> Rule | None:
    """The rule of a class: its own, or its base's where it computes as the base does."""
    for base in layer_class.__mro__:
        if base in _rules:
            return _rules[base]
        if "call" in vars(base) or "build" in vars(base):
            return None
    return None
