"""Which mistakes on the command line count as wrong usage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graph import GraphError, UnsupportedTorch
from graph.torch7 import Torch7FormatError

from .registry import UnknownModelError
from .weights import WeightsError

__all__ = ["UsageError", "as_usage"]

_OF_THEIR_OWN = (UnsupportedTorch, GraphError, Torch7FormatError, WeightsError, UnknownModelError)


class UsageError(ValueError):
    """Wrong usage of the command line: exit status 2."""


@contextmanager
def as_usage(about: str = "") -> Iterator[None]:
    """Count mistakes in the arguments as wrong usage, unless they have a status of their own.

    Args:
        about: What the message begins with. Default: nothing.

    Raises:
        UsageError: For a `ValueError` inside.
    """
    try:
        yield
    except _OF_THEIR_OWN:
        raise
    except ValueError as error:
        raise UsageError(f"{about}{error}") from error
