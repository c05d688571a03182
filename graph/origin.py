"""Where in the user's own code something was declared."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

__all__ = ["Origin", "caller_origin"]

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class Origin(NamedTuple):
    """A line of the user's code: `file` as Python names it, and `line` from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        """The short form that error messages use, e.g. ``net.py:18``."""
        return f"{os.path.basename(self.file)}:{self.line}"


def caller_origin() -> Origin:
    """The first stack frame outside this package (never a fixed depth).

    A fixed depth would name this library as soon as one of its functions calls another.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return Origin(frame.f_code.co_filename, frame.f_lineno)
