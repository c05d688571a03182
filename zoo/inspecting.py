"""`python -m zoo inspect`: what a Torch7 model consists of, as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graph.torch7 import TorchObject, storage_of
from graph.torch7.collecting import is_known, own_methods
from graph.torch7.tree import Entry, buffers, parameters, place_of, walk

__all__ = ["report"]


def report(root: TorchObject, title: str) -> tuple[list[str], bool]:
    """The lines about a model, and whether all of its modules are known.

    Args:
        root: The model.
        title: What to call it, its path say.
    """
    entries = list(walk(root))
    owners: dict[Any, str] = {}
    rows = [_row(entry, owners) for entry in entries]
    unknown = [e for e in entries if e.first is None and not is_known(e.object)]
    functions = [e for e in entries if e.first is None and own_methods(e.object)]
    own = [e for e in entries if e.first is None]
    arrays = {place_of(a): a for e in own for a in parameters(e.object).values()}
    storages = len({id(storage_of(array)) for array in arrays.values()})
    size = sum(array.size for array in arrays.values())
    bytes_ = sum(array.nbytes for array in arrays.values())
    mode = {True: "training", False: "evaluating"}.get(root.get("train"), "mode not stated")  # type: ignore[arg-type]
    lines = [
        f"{title}: {root.class_name}, {_count(len(own), 'module')}, {mode}",
        f"{_count(size, 'parameter')} ({bytes_ / 1e6:,.1f} MB) in "
        f"{_count(len(arrays), 'tensor')} over {_count(storages, 'storage')}",
        "",
        *_aligned(rows),
    ]
    if unknown:
        lines += ["", f"{_count(len(unknown), 'unknown module')}:"]
        lines += [f"  {_name(e)} ({e.object.class_name})" for e in unknown]
    if functions:
        lines += ["", "modules with Lua functions of their own, which are never run:"]
        lines += [f"  {_name(e)}: {', '.join(own_methods(e.object))}" for e in functions]
    return lines, not unknown


def _row(entry: Entry, owners: dict[Any, str]) -> tuple[str, str]:
    path = entry.path.rpartition(".")[2] or "."
    left = f"{'  ' * entry.depth}{path}  {entry.object.class_name}"
    if entry.first is not None:
        return left, f"the same as {entry.first or 'the model itself'}"
    if not is_known(entry.object):
        left += "  UNKNOWN"
    return left, ", ".join(_tensors(entry, owners))


def _tensors(entry: Entry, owners: dict[Any, str]) -> Iterator[str]:
    for name, array in {**parameters(entry.object), **buffers(entry.object)}.items():
        text = f"{name} {'x'.join(map(str, array.shape))} {array.dtype}"
        mine = f"{_name(entry)}.{name}"
        owner = owners.setdefault(place_of(array), mine)
        yield text if owner == mine else f"{text} (shared with {owner})"


def _name(entry: Entry) -> str:
    return entry.path or "the model itself"


def _aligned(rows: list[tuple[str, str]]) -> list[str]:
    width = min(max(len(left) for left, _ in rows), 60)
    return [f"{left:<{width}}  {right}".rstrip() for left, right in rows]


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
