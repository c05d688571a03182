"""What keeps a value as it is when an activation is applied to it once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras

from ..errors import GraphError
from ..nn.module_layer import ModuleLayer
from ..nn.rectifier import PReLU

__all__ = ["Again", "again", "is_activation"]

L: Any = keras.layers
_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772
# f(f(x)) = f(x)
_IDEMPOTENT = frozenset({"linear", "relu", "relu6", "hard_tanh", "hard_shrink"})
# f(x) = s x above 0, and f > -c everywhere: (s, c)
_BOUNDED = {
    "elu": (1.0, 1.0),
    "celu": (1.0, 1.0),
    "selu": (_SELU_SCALE, _SELU_SCALE * _SELU_ALPHA),
}


@dataclass(frozen=True)
class Again:
    """How to apply an activation to its own values so that they stay.

    ``f((x + lift) / scale) - lift = x`` for every `x` that `f` gives.

    Attributes:
        scale: What is divided by first.
        lift: What is added first, and taken off in the end.
        slopes: Whether it is a PReLU, whose slopes must be 1 for this.
    """

    scale: float = 1.0
    lift: float = 0.0
    slopes: bool = False


def is_activation(layer: Any) -> bool:
    """Whether a layer is nothing but an activation."""
    if isinstance(layer, ModuleLayer):
        return isinstance(layer.module, PReLU)
    kinds = (L.Activation, L.ReLU, L.ELU, L.LeakyReLU, L.PReLU, L.Softmax)
    return isinstance(layer, kinds)


def again(activation: Any, where: str) -> Again:
    """How to apply `activation` once more.

    Args:
        activation: A layer that is an activation, a function of `keras.activations`, or None.
        where: How messages speak of it.

    Raises:
        GraphError: Applied to its own values it would change them.
    """
    if isinstance(activation, L.Activation):
        activation = activation.activation
    if activation is None:
        return Again()
    if isinstance(activation, (L.PReLU, ModuleLayer)):
        return Again(slopes=True)
    if isinstance(activation, L.ReLU) and not activation.negative_slope:
        if activation.threshold >= 0:
            return Again()
    if isinstance(activation, L.ELU) and activation.alpha >= 0:
        return Again(lift=float(activation.alpha))
    name = getattr(activation, "__name__", type(activation).__name__)
    if getattr(keras.activations, name, None) is activation:
        if name in _IDEMPOTENT:
            return Again()
        if name in _BOUNDED:
            scale, lift = _BOUNDED[name]
            return Again(scale, lift)
    raise GraphError(
        f"a layer with the activation {name} after {where} would change its values: "
        f"{name}({name}(x)) is not {name}(x), whatever linear layer stands between\n"
        f"  fix: kind='prelu' adds one with a PReLU, kind='linear' one before the activation"
    )
