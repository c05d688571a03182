"""Checks of constructor arguments, so that a mistake is told at the line that made it."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

from ..errors import GraphError
from ..origin import caller_origin

__all__ = ["integer", "number"]


def integer(value: Any, module: str, argument: str, *, least: int | None = 1) -> int:
    """`value` as an int.

    Args:
        value: What the user gave.
        module: Torch name of the module, for the message.
        argument: Name of the argument, for the message.
        least: The smallest value allowed; None for any.

    Raises:
        GraphError: Not an integer, or too small.
    """
    wanted = "an integer" if least is None else f"an integer of at least {least}"
    if isinstance(value, (bool, str)):
        raise _refusal(module, argument, wanted, value)
    try:
        whole = operator.index(value)
    except TypeError:
        if isinstance(value, float) and value.is_integer():
            whole = int(value)  # Lua has only floating numbers, and ported code keeps them.
        else:
            raise _refusal(module, argument, wanted, value) from None
    if least is not None and whole < least:
        raise _refusal(module, argument, wanted, value)
    return whole


def number(
    value: Any,
    module: str,
    argument: str,
    *,
    least: float | None = None,
    below: float | None = None,
) -> float:
    """`value` as a float, at least `least` and below `below` where these are given.

    Raises:
        GraphError: Not a real number, or out of range.
    """
    wanted = "a number"
    if least is not None:
        wanted += f" of at least {least}"
    if below is not None:
        wanted += f" below {below}" if least is None else f" and below {below}"
    if isinstance(value, (bool, str)) or not isinstance(value, numbers.Real):
        raise _refusal(module, argument, wanted, value)
    real = float(value)
    if math.isnan(real) or (
        (least is not None and real < least) or (below is not None and real >= below)
    ):
        raise _refusal(module, argument, wanted, value)
    return real


def _refusal(module: str, argument: str, wanted: str, value: Any) -> GraphError:
    return GraphError(
        f"nn.{module}: {argument} must be {wanted}, got {value!r} "
        f"({type(value).__name__}), {caller_origin()}"
    )
