"""Writes docs/nn.md: every module of `graph.nn`, what it becomes in Keras, and its golden cases.

python docs/nn_table.py
"""

from __future__ import annotations

import collections
import inspect
import json
import zipfile
from pathlib import Path

from graph import nn
from graph.nn.module import Module

ROOT = Path(__file__).parents[1]
ARCHIVES = [ROOT / "tests" / "oracle" / "torch7" / f"{name}.zip" for name in ("layers", "rnn")]
RNN = {f"nn.{n}" for n in ("FastLSTM", "GRU", "LSTM", "Recurrence", "Recurrent", "Recursor")}
HEAD = """# The nn vocabulary

Made by `python docs/nn_table.py`; do not edit. Arguments have Torch's names and order; dimension
arguments count the dimensions of one sample from 1, in Torch's order, the batch not counted.
"Keras" is the stock layer (or layers) that a module becomes; names in parentheses are operations
that a small layer of this package runs. "Golden" counts the cases computed with the real Torch7
that the class agrees with in value, input gradient and parameter gradients (float32: 1e-5 relative,
1e-6 absolute; float64: 1e-10).

| module | what it computes | Keras | Golden | Torch file |
|---|---|---|---|---|
"""


def golden_cases() -> collections.Counter[str]:
    """How many golden cases each Torch class has."""
    counts: collections.Counter[str] = collections.Counter()
    for path in ARCHIVES:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith("case.json"):
                    case = json.loads(archive.read(name))
                    if "TORCH7 BUG" in (case.get("notes") or ""):
                        continue
                    own = {case["class"]}
                    if path.stem == "rnn":  # Its modules are mostly steps of a Sequencer.
                        own |= RNN & set(case["classes"])
                    counts.update(c.removeprefix("nn.") for c in own)
    return counts


def row(cls: type[Module], counts: collections.Counter[str]) -> str:
    """The table's line for one class."""
    signature = str(inspect.signature(cls)).partition(" ->")[0]
    arguments = ", ".join(
        p.name if p.default is p.empty else f"{p.name}={p.default!r}"
        for p in inspect.signature(cls).parameters.values()
        if p.kind is not p.VAR_POSITIONAL
    )
    if "*" in signature and not arguments:
        arguments = "..."
    documentation = inspect.getdoc(cls) or ""
    what = documentation.partition("; becomes")[0].split("\n\n")[0].replace("\n", " ").rstrip(".")
    reference = documentation.partition("Reference:")[2].strip().split("\n\n")[0]
    file = reference.rpartition(";")[2].strip().rstrip(".").replace("\n", " ")
    count = sum(counts[name] for name in (cls.torch_name, *cls.torch_aliases))
    cells = (f"`{cls.__name__}({arguments})`", what, cls.keras_name, str(count or ""), file)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table() -> str:
    """The whole page."""
    counts = golden_cases()
    classes = [getattr(nn, name) for name in sorted(nn.__all__, key=str.lower)]
    modules = [c for c in classes if inspect.isclass(c) and issubclass(c, Module) and c.keras_name]
    rows = [row(c, counts) for c in modules]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "nn.md").write_text(table())
