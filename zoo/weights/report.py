"""What a load did."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Kept", "LoadReport", "Loaded", "Skipped"]


class Loaded(NamedTuple):
    """A variable that was written: its path in the model, and its name in the file."""

    variable: str
    source: str


class Skipped(NamedTuple):
    """Something in the file that was not used, and why."""

    source: str
    reason: str


class Kept(NamedTuple):
    """A variable of the model that was not written, and why."""

    variable: str
    reason: str


class LoadReport(NamedTuple):
    """What was loaded and what was not. ``print`` it.

    Attributes:
        path: The file.
        format: What it is, for people.
        loaded: Every variable that was written, in the order of the model.
        skipped: What the file holds and the model has no place for.
        kept: Variables of the model that keep their values.
    """

    path: str
    format: str
    loaded: tuple[Loaded, ...]
    skipped: tuple[Skipped, ...] = ()
    kept: tuple[Kept, ...] = ()

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.kept)
        lines = [f"{self.path} ({self.format}): {len(self.loaded)} of {total} variables loaded"]
        width = max((len(entry.variable) for entry in self.loaded), default=0)
        lines += [f"  {entry.variable:<{width}} <- {entry.source}" for entry in self.loaded]
        if self.skipped:
            lines.append("not used:")
            lines += [f"  {entry.source}: {entry.reason}" for entry in self.skipped]
        if self.kept:
            lines.append("kept as they were:")
            lines += [f"  {entry.variable}: {entry.reason}" for entry in self.kept]
        return "\n".join(lines)
