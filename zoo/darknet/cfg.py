"""Darknet's ``.cfg`` files: sections of ``key=value`` lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["DarknetCfgError", "Section", "read_cfg"]

_WHOLE = re.compile(r"[+-]?\d+")
_COMMENT = re.compile(r"[#;].*")


class DarknetCfgError(ValueError):
    """A ``.cfg`` file that cannot become a model; each line of the message names file and line."""


@dataclass
class Section:
    """One section of a file.

    Attributes:
        kind: The word in brackets, e.g. ``convolutional``.
        path: The file.
        line: The line of the bracket, from 1.
        options: The key of each option, with its value and line. Of a key that is given twice
            the first counts, as in Darknet.
    """

    kind: str
    path: str
    line: int
    options: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """Where it is, e.g. ``tiny.cfg:12``; messages begin so."""
        return f"{self.path}:{self.line}"

    def error(self, problem: str, key: str | None = None) -> DarknetCfgError:
        """An error of this section; at the line of option `key`, if it has that."""
        line = self.options[key][1] if key in self.options else self.line
        return DarknetCfgError(f"{self.path}:{line}: [{self.kind}] {problem}")

    def text(self, key: str, default: str | None = None) -> str:
        """The value of `key`.

        Raises:
            DarknetCfgError: There is none, nor a default.
        """
        if key in self.options:
            return self.options[key][0]
        if default is None:
            raise self.error(f"has no {key}=")
        return default

    def integer(self, key: str, default: int, *, least: int = 0) -> int:
        """The value of `key` as an integer.

        Raises:
            DarknetCfgError: It is none, or less than `least`.
        """
        text = self.text(key, str(default))
        if not _WHOLE.fullmatch(text):
            raise self.error(f"needs an integer {key}, got {text!r}", key)
        if int(text) < least:
            raise self.error(f"needs {key} >= {least}, got {text}", key)
        return int(text)

    def number(self, key: str, default: float) -> float:
        """The value of `key` as a finite number.

        Raises:
            DarknetCfgError: It is none.
        """
        text = self.text(key, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not abs(value) < float("inf"):
            raise self.error(f"needs a number {key}, got {text!r}", key)
        return value

    def integers(self, key: str) -> list[int]:
        """The value of `key` as integers between commas.

        Raises:
            DarknetCfgError: One is none, or there is no `key`.
        """
        words = self.text(key).rstrip(",").split(",")
        if not all(_WHOLE.fullmatch(word) for word in words):
            raise self.error(f"needs integers {key}, got {self.text(key)!r}", key)
        return [int(word) for word in words]

    def unknown(self, known: Iterable[str]) -> list[str]:
        """The options that are not `known`, each as ``line: key``."""
        names = set(known)
        return [f"{line}: {key}" for key, (_, line) in self.options.items() if key not in names]


def read_cfg(path: str | os.PathLike[str]) -> list[Section]:
    """The sections of a ``.cfg`` file, ``[net]`` first.

    Blanks count nowhere, not even inside a line, as in Darknet. A line that starts with ``#`` or
    ``;`` is a comment, and so is the rest of a line behind one of them.

    Args:
        path: The file.

    Raises:
        DarknetCfgError: A line is neither a section nor ``key=value``, or the first section is
            not ``[net]``; all such lines are named.
        FileNotFoundError: There is no such file.

    Reference: pjreddie/darknet src/parser.c `read_cfg`, src/option_list.c.
    """
    file = os.fspath(path)
    sections: list[Section] = []
    problems: list[str] = []
    lines = Path(file).read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    for number, raw in enumerate(lines, 1):
        line = _COMMENT.sub("", re.sub(r"\s+", "", raw))
        if not line:
            continue
        key, equals, value = line.partition("=")
        if line.startswith("["):
            if not line.endswith("]") or len(line) < 3:
                problems.append(f"{file}:{number}: {raw.strip()!r} is no [section]")
            sections.append(Section(line.strip("[]"), file, number))
        elif not sections:
            problems.append(f"{file}:{number}: {raw.strip()!r} stands before the first [section]")
        elif not equals or not key or not value:
            problems.append(f"{file}:{number}: {raw.strip()!r} is not key=value")
        else:
            sections[-1].options.setdefault(key, (value, number))
        if len(problems) == 10:
            break  # This is no .cfg file at all.
    if problems:
        raise DarknetCfgError("\n".join(problems))
    if not sections or sections[0].kind not in ("net", "network"):
        found = f"{sections[0].where}: [{sections[0].kind}]" if sections else f"{file}: nothing"
        raise DarknetCfgError(f"{found} stands where [net] must be, the first section")
    return sections
