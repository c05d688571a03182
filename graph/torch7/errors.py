"""The one exception that a bad Torch7 file raises."""

from __future__ import annotations

__all__ = ["Torch7FormatError"]


class Torch7FormatError(ValueError):
    """A file is not a Torch7 file, is damaged, or holds what was not asked for.

    Attributes:
        problem: what was wrong and what was expected.
        path: the file, or None when the bytes came from elsewhere.
        offset: position in the file, in bytes from its start, where reading stopped.
    """

    def __init__(self, problem: str, offset: int, path: str | None = None) -> None:
        super().__init__(problem, offset, path)
        self.problem = problem
        self.offset = offset
        self.path = path

    def __str__(self) -> str:
        where = f"byte {self.offset}: {self.problem}"
        return where if self.path is None else f"{self.path}: {where}"
