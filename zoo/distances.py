"""How far two embeddings are apart: distances by name, as modules or as functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from graph import nn
from graph.config import using_dtype_policy
from graph.nn.scope import Scope, snake_case

__all__ = ["Distance", "FullPrecision", "distance_module"]

Distance = str | nn.Module | keras.layers.Layer | Callable[[Any, Any], Any]
"""A name, a module or layer that takes a table of two, or a function of two tensors."""

_NAMED: dict[str, Callable[[], nn.Module]] = {
    "l1": lambda: nn.PairwiseDistance(1),
    "l2": lambda: nn.PairwiseDistance(2),
    "squared_l2": lambda: nn.Sequential(nn.CSubTable(), nn.Square(), nn.Sum(1)),
    "cosine": lambda: nn.Sequential(nn.CosineDistance(), nn.MulConstant(-1.0), nn.AddConstant(1.0)),
}


def distance_module(distance: Distance) -> nn.Module:
    """The module that takes a table of two embeddings ``(batch, d)`` to their distances.

    Args:
        distance: ``"l1"``, ``sum |a - b|``; ``"l2"``, ``sqrt(sum (a - b)^2)``, with Torch's
            gradient, which is 0 where a = b; ``"squared_l2"``, ``sum (a - b)^2``; ``"cosine"``,
            ``1 - a . b / (|a| |b|)``, from 0 for one direction to 2 for opposite ones. Or a
            module or Keras layer that takes a table ``[a, b]``; one with parameters is learnt.
            Or a function of ``(a, b)`` in ``keras.ops``; to be found again when a saved model is
            loaded, it must be registered with ``keras.saving.register_keras_serializable``.

    Returns:
        A module whose output is ``(batch,)``, or ``(batch, 1)`` if the given one's is.

    Raises:
        ValueError: It is an unknown name.
        TypeError: It is none of these.

    >>> distance_module("l1")
    nn.PairwiseDistance(1.0)
    """
    if isinstance(distance, str):
        if distance not in _NAMED:
            raise ValueError(f"distance must be one of {list(_NAMED)}, got {distance!r}")
        return _NAMED[distance]()
    if isinstance(distance, nn.Module):
        return distance
    if isinstance(distance, keras.layers.Layer):
        return nn.KerasLayer(distance)
    if callable(distance) and not isinstance(distance, type):
        return FunctionOfPair(distance)
    raise TypeError(
        f"distance must be a name of {list(_NAMED)}, a module, a Keras layer or a function of two "
        f"tensors, got {distance!r}"
    )


class FunctionOfPair(nn.Module):
    """A function of two tensors as a module that takes a table of two.

    Args:
        function: Takes two tensors ``(batch, ...)``, gives one ``(batch,)`` or ``(batch, 1)``.
    """

    keras_name = "(the function)"

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The function of both elements."""
        first, second = x
        return ops.convert_to_tensor(self.function(first, second))


class FullPrecision(nn.Decorator):
    """A module that works in float32 where Keras's policy is of 16 bits.

    The squares and small constants of a distance leave the range of float16: two equal embeddings
    would be NaN apart.

    Args:
        module: The module.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__(module)
        self.name = module.name or snake_case(module.torch_name)

    @property
    def torch_name(self) -> str:  # type: ignore[override]
        """The module's, which messages speak of."""
        return self.modules[0].torch_name if self.modules else "FullPrecision"

    def lower(self, x: Any, scope: Scope) -> Any:
        policy = keras.config.dtype_policy()
        if policy.compute_dtype in ("float16", "bfloat16"):
            policy = keras.DTypePolicy("float32")
        with using_dtype_policy(policy):
            value = self.modules[0].lower(x, scope)
        scope.record(self.modules[0], value)
        return value
