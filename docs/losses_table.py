"""Writes docs/losses.md: every loss of `losses`, what it computes of what, and its twins.

python docs/losses_table.py
"""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

import losses
from losses._element_loss import ElementLoss

ROOT = Path(__file__).parents[1]
COMPOSED = {"losses.sequence", "losses.weighted_sum"}
TWINS = ("Torch", "TFA", "PML", "PyTorch")
HEAD = """# Losses

Made by `python docs/losses_table.py` from the docstrings; do not edit. `from losses import ...`;
each class is a `keras.losses.Loss`, each function takes `(y_true, y_pred, ...)` and leaves the
reduction to the caller. All run on TensorFlow, JAX and PyTorch. TFA is tensorflow-addons 0.23,
PML pytorch-metric-learning 2.9; Torch is Torch7's `nn`. A twin has the same values and gradients
on the golden cases of the tests, but for what is listed in [where losses
differ](losses_differences.md). Metrics have [a page of their own](metrics.md), and so has [what
triplet losses cost](losses_speed.md).

**Reductions.** A loss of elements has one value per element, as in Torch, so that
`reduction="sum"` adds all of them; `sum_over_batch_size` is their mean (weighted by class where
there are class weights), `None` leaves them. A sample weight of shape `(batch,)` weighs all
elements of its sample. A loss of a batch of embeddings is one number. Half precision is computed
in 32 bits.

**Several inputs.** Pairs and triplets are stacked along axis 1, `(batch, 2, d)` and `(batch, 3,
d)`, so that a model with one output can be trained with `fit`; a direct call takes a list as
well. `y_true=None` is accepted where it is ignored.

**Labels** count from 0 where Torch's count from 1. Class scores lie along the last axis.

```python
import numpy as np
from losses import CrossEntropyLoss, SequenceLoss, pinball

scores = np.zeros((2, 3, 5), "float32")  # batch, time, classes
labels = np.array([[0, 4, 1], [2, -100, -100]])  # -100: no label there
print(float(SequenceLoss(CrossEntropyLoss())(labels, scores)))  # 3 log 5
print(pinball([[1.0, 2.0]], [[0.0, 4.0]], tau=0.9))  # one value a sample
```

**Torch7 files.** `losses.from_torch(graph.torch7.load("criterion.t7"))` makes the loss of a saved
criterion.

"""
SECTIONS = {
    "Elements, pairs and triplets": "| loss | of | y_true | y_pred | twins | reference |\n"
    "|---|---|---|---|---|---|\n",
    "Batches of embeddings, and scores": "",
    "Distances, miners and layers": "| name | what it is | twins |\n|---|---|---|\n",
}


def text_of(thing: Any) -> str:
    """A docstring, in one piece."""
    return inspect.getdoc(thing) or ""


def section(text: str, *names: str) -> str:
    """What stands below `Name:` in a Google docstring, without the indentation."""
    for name in names:
        match = re.search(rf"^{name}:\n((?:    .*\n?|\n)+)", text, re.MULTILINE)
        if match:
            return inspect.cleandoc(match[1])
    return ""


def argument(text: str, name: str) -> str:
    """What the docstring says about one argument, in one line."""
    match = re.search(rf"^{name}: ((?:.*\n?)(?:    .*\n?)*)", section(text, "Args"), re.M)
    said = one_line(match[1]) if match else ""
    return re.sub(
        r"[;.,] (in )?half precision (they are|is) computed in 32 bits", "", said, flags=re.I
    ).rstrip(".")


def one_line(text: str) -> str:
    """Without line breaks."""
    return " ".join(text.split())


def formula(text: str) -> str:
    """The first code span that defines the loss, else the first line."""
    before = text.partition("\nArgs:")[0]
    spans = re.findall(r"`([^`]+)`", before)
    for span in spans:
        if re.match(r"\s*loss\s*=", span):
            return f"`{one_line(span)}`"
    return one_line(before.split("\n\n")[0]).rstrip(".")


def twins(text: str) -> str:
    """The names after `X twin:`, as far as the first comma or full stop outside of them."""
    references = one_line(section(text, "References", "Reference"))
    found = []
    for kind in TWINS:
        for match in re.finditer(rf"(?<![A-Za-z]){kind} twins?: ", references):
            rest = re.match(r"`[^`]*`(?:(?:,| and) `[^`]*`)*", references[match.end() :])
            names = re.findall(r"`([^`]+)`", rest[0]) if rest else []
            found += [f"{kind} `{name}`" for name in names]
    return ", ".join(found)


def reference(text: str) -> str:
    """The paper: what stands before the twins."""
    references = one_line(section(text, "References", "Reference"))
    cut = re.split(rf"\s*(?:{'|'.join(TWINS)}) twins?:", references)[0]
    return cut.strip().rstrip(".")


def signature(thing: Any) -> str:
    """The arguments of its own, with their defaults."""
    left_out = {"self", "y_true", "y_pred", "reduction", "name", "dtype"}
    return ", ".join(
        p.name
        if p.default is p.empty
        else f"{p.name}={getattr(p.default, '__name__', repr(p.default))}"
        for p in inspect.signature(thing).parameters.values()
        if p.name not in left_out and p.kind is not p.VAR_KEYWORD
    )


def row(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def modules() -> list[ModuleType]:
    """The public modules of the package, without those of metrics."""
    stems = sorted(p.stem for p in (ROOT / "losses").glob("*.py") if not p.stem.startswith("_"))
    found = [importlib.import_module(f"losses.{stem}") for stem in stems]
    return [m for m in found if not any(is_a(t, keras.metrics.Metric) for t in public(m))]


def is_a(thing: Any, kind: type) -> bool:
    """Whether a thing is a class of a kind."""
    return inspect.isclass(thing) and issubclass(thing, kind)


def public(module: ModuleType) -> list[Any]:
    """What a module gives to the package."""
    names = [name for name in module.__all__ if name in losses.__all__]
    return [getattr(module, name) for name in names]


def of_module(module: ModuleType) -> list[tuple[str, str]]:
    """The section and the line of each thing in a module."""
    things = public(module)
    functions = {t.__name__: t for t in things if inspect.isfunction(t)}
    lines, told = [], set()
    for cls in (t for t in things if is_a(t, keras.losses.Loss)):
        see = re.search(r"[Ss]ee\s+`(\w+)`", text_of(cls))
        function = functions.get(see[1]) if see else None
        told.add(see[1] if see else "")
        source = text_of(function) if function else text_of(cls)
        target = argument(source, "y_true") or argument(text_of(cls.__call__), "y_true")
        prediction = argument(source, "y_pred") or argument(text_of(cls.__call__), "y_pred")
        name = f"`{cls.__name__}({signature(cls)})`" + (f", `{see[1]}`" if function and see else "")
        cells = (name, formula(source), target, prediction, twins(source), reference(source))
        lines.append((kind_of(cls), row(*cells)))
    for thing in things:
        if is_a(thing, keras.losses.Loss) or thing.__name__ in told:
            continue
        text = text_of(thing)
        name = f"`{thing.__name__}({signature(thing)})`"
        what = one_line(text.split("\n\n")[0]).rstrip(".")
        lines.append(("Distances, miners and layers", row(name, what, twins(text))))
    return lines


def kind_of(cls: type) -> str:
    """The section that a loss belongs to."""
    own = issubclass(cls, ElementLoss) or cls.__module__ in COMPOSED
    return "Elements, pairs and triplets" if own else "Batches of embeddings, and scores"


def table() -> str:
    """The whole page."""
    lines = [line for module in modules() for line in of_module(module)]
    page = HEAD
    heads = list(SECTIONS.values())
    for title, head in SECTIONS.items():
        rows = sorted(text for kind, text in lines if kind == title)
        page += f"## {title}\n\n{head or heads[0]}" + "".join(rows) + "\n"
    return page.rstrip() + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "losses.md").write_text(table())
