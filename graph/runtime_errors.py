"""Errors of a module that come out of compiled TensorFlow code, told as graph errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import GraphError
from .nn.runtime_check import VALUE_BELOW

__all__ = ["graph_errors"]

_ASSERTION = re.compile(
    rf"assertion failed: \[(?P<before>.*?){VALUE_BELOW}(?P<after>.*?)\] \[(?P<value>-?\d+)\]",
    re.DOTALL,
)


@contextmanager
def graph_errors() -> Iterator[None]:
    """Raise a module's own refusal as the `GraphError` that it is outside compiled code.

    Raises:
        GraphError: TensorFlow raised an assertion of a module; any other error passes.
    """
    try:
        yield
    except Exception as error:
        # A bare except, so that TensorFlow need not be imported to name its class.
        found = _ASSERTION.search(str(error))
        if found is None:
            raise
        text = found["before"] + found["value"] + found["after"]
        raise GraphError(_unescaped(text)) from error


def _unescaped(text: str) -> str:
    # TensorFlow writes quotes, backslashes and line ends as C does.
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], text)
