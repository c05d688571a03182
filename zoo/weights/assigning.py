"""The one place that writes weights into a model, after everything was checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from .errors import WeightsError
from .report import Kept, Loaded, LoadReport, Skipped

__all__ = ["Entry", "Plan", "assign", "has_top", "targets"]

_SHOWN = 12  # problems that a message lists


class Entry(NamedTuple):
    """One array of a file.

    Attributes:
        source: Its name in the file.
        variable: Where it belongs, or None if the model has no such variable.
        shape: Its shape, in Keras's layout where `variable` is known.
        dtype: Its dtype's name.
        read: Gives the array in Keras's layout. Called only if it fits.
    """

    source: str
    variable: keras.Variable | None
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


class Plan(NamedTuple):
    """What a file holds for a model.

    Attributes:
        format: What the file is, for people.
        entries: Its arrays.
        skipped: What is left out on purpose, such as an optimizer's state.
        fix: What to do if it does not fit.
    """

    format: str
    entries: Sequence[Entry]
    skipped: Sequence[Skipped] = ()
    fix: str | None = None


def targets(model: Any) -> list[keras.Variable]:
    """The variables that a file must fill: those of the layers that the builder made."""
    foreign: set[int] = set()
    for node in getattr(model, "inputnodes", ()):
        if getattr(node.module, "tensor", None) is not None:
            foreign |= {id(w) for layer in node.module.upstream().layers for w in layer.weights}
    return [w for w in model.weights if id(w) not in foreign]


def has_top(model: Any) -> bool | None:
    """Whether the model has its fully connected end; None if no builder of the zoo made it."""
    for node in getattr(model, "inputnodes", ()):
        if "include_top" in node.annotations:
            return node.annotations["include_top"]
    return None


def assign(model: Any, plan: Plan, path: str) -> LoadReport:
    """Check that file and model fit each other in count, names and shapes, then write.

    With ``include_top=False`` what the file has beyond the model is skipped; with the top, the
    classifier is where its number of classes differs. Everything else must fit.

    Raises:
        WeightsError: It does not fit; nothing was written.
    """
    wanted = targets(model)
    known = {id(w) for w in wanted}
    top = has_top(model)
    other_classes = _classifier_of_other_classes(model, plan) if top else {}
    skipped, problems = list(plan.skipped), []
    filled: dict[int, Entry] = {}
    for entry in plan.entries:
        variable = entry.variable
        text = f"{entry.source} {entry.shape}"
        if variable is not None and id(variable) not in known:
            skipped.append(Skipped(text, "no weight of this network"))
        elif variable is None:
            if top is False:
                skipped.append(Skipped(text, "the model ends before it (include_top=False)"))
            else:
                problems.append(f"{text} has no place in the model")
        elif id(variable) in filled:
            problems.append(
                f"{entry.source} and {filled[id(variable)].source} are both for {variable.path}"
            )
        else:
            filled[id(variable)] = entry
            if id(variable) in other_classes:
                skipped.append(Skipped(text, other_classes[id(variable)]))
            elif entry.shape != tuple(variable.shape):
                problems.append(
                    f"{variable.path} is {tuple(variable.shape)}, {entry.source} {entry.shape}"
                )
            elif "float" not in entry.dtype:
                problems.append(f"{entry.source} holds {entry.dtype}, expected floating numbers")
    problems += [f"{w.path} is not in the file" for w in wanted if id(w) not in filled]
    if problems:
        raise WeightsError(_refusal(model, plan, problems), path=path)
    chosen = [w for w in wanted if id(w) not in other_classes]
    # All is read before anything is written: reading may find the file damaged.
    arrays = [np.asarray(filled[id(w)].read()) for w in chosen]
    for variable, array in zip(chosen, arrays, strict=True):
        if array.shape != tuple(variable.shape):
            raise WeightsError(
                f"{filled[id(variable)].source} was announced as {variable.shape} and is "
                f"{array.shape}",
                path=path,
            )
    for variable, array in zip(chosen, arrays, strict=True):
        variable.assign(array)
    return LoadReport(
        path,
        plan.format,
        tuple(Loaded(w.path, filled[id(w)].source) for w in chosen),
        tuple(skipped),
        tuple(Kept(w.path, other_classes[id(w)]) for w in wanted if id(w) in other_classes),
    )


def _classifier_of_other_classes(model: Any, plan: Plan) -> dict[int, str]:
    """The classifier's variables if they differ from the file's in their last axis alone."""
    last = next(
        (
            n.module
            for n in reversed(model.forwardnodes)
            if n.module and n.module.named_parameters()
        ),
        None,
    )
    own = {id(v): v for v in last.named_parameters().values()} if last is not None else {}
    entries = {id(e.variable): e for e in plan.entries if id(e.variable) in own}
    if not own or set(entries) != set(own):
        return {}
    shapes = [(entries[key].shape, tuple(v.shape)) for key, v in own.items()]
    if not all(its and its[:-1] == ours[:-1] and its[-1] != ours[-1] for its, ours in shapes):
        return {}
    counts = {its[-1] for its, _ in shapes}
    if len(counts) != 1:
        return {}
    reason = f"the file has {counts.pop()} classes, the model {shapes[0][1][-1]}"
    return dict.fromkeys(own, reason)


def _refusal(model: Any, plan: Plan, problems: list[str]) -> str:
    lines = [f"{plan.format} that does not fit {model.name}"]
    lines += [f"  {problem}" for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"  and {len(problems) - _SHOWN} more")
    if plan.fix:
        lines.append(f"  fix: {plan.fix}")
    return "\n".join(lines)
