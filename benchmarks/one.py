"""One benchmark: its rows as lines of JSON, for `python -m benchmarks`.

A benchmark is a file of this package with ``rows(quick: bool) -> Iterator[Row]``; that is all it
takes to be in the table. Each runs in a process of its own.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from pathlib import Path

__all__ = ["found"]


def found() -> dict[str, str]:
    """Every benchmark of this package, with the first line of its docstring."""
    sources = {path.stem: path.read_text("utf-8") for path in Path(__file__).parent.glob("*.py")}
    return {
        name: source.partition('"""')[2].partition("\n")[0]
        for name, source in sorted(sources.items())
        if re.search(r"^def rows\(", source, re.MULTILINE)
    }


def main() -> None:
    """Print the rows of the benchmark named by the first argument as they come."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print is no row.
    module = importlib.import_module(f"benchmarks.{sys.argv[1]}")
    for row in module.rows("--quick" in sys.argv[2:]):
        print(json.dumps(row._asdict()), file=answers, flush=True)


if __name__ == "__main__":
    main()
