"""One thing that a rule has done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

__all__ = ["Change"]


@dataclass(frozen=True)
class Change:
    """One rewrite of a graph.

    Attributes:
        rule: Name of the rule.
        layers: Names of the source's layers that were rewritten.
        what: What became of them, as a line of text.
        made: Names of the layers that the result has in their place.
    """

    rule: str
    layers: tuple[str, ...]
    what: str
    made: tuple[str, ...] = ()

    def under(self, prefix: str) -> Change:
        """The change as one inside a nested model, whose path `prefix` is."""
        layers, made = (
            tuple(prefix + name for name in names) for names in (self.layers, self.made)
        )
        what = f"in {prefix[:-1]}, {self.what}" if prefix else self.what
        return Change(self.rule, layers, what, made)

    def renamed(self, names: Mapping[str, str]) -> Change:
        """The change with the layers that it made called as they are now."""
        return replace(self, made=tuple(names.get(name, name) for name in self.made))

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"
