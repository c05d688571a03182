"""The one exception that a bad weights file raises."""

from __future__ import annotations

__all__ = ["WeightsError"]


class WeightsError(ValueError):
    """A file holds no weights of the model, or is damaged. The model is as it was.

    Attributes:
        problem: What was wrong and what was expected.
        path: The file, or None when the bytes came from elsewhere.
        offset: Where in the file, in bytes from its start, or None where no place is to blame.
    """

    def __init__(self, problem: str, *, path: str | None = None, offset: int | None = None) -> None:
        super().__init__(problem, path, offset)
        self.problem = problem
        self.path = path
        self.offset = offset

    def at(self, path: str) -> WeightsError:
        """The error, with the file's path if it had none."""
        return (
            self
            if self.path is not None
            else WeightsError(self.problem, path=path, offset=self.offset)
        )

    def __str__(self) -> str:
        where = [] if self.path is None else [self.path]
        where += [] if self.offset is None else [f"byte {self.offset}"]
        return ": ".join([*where, self.problem])
