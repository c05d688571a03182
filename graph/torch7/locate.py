"""Where in an object graph a value sits, for error messages."""

from __future__ import annotations

from typing import Any

from .types import TableKey, TorchFunction, TorchObject

__all__ = ["locate"]


def locate(root: Any, wanted: Any) -> str:
    """The Python expression that leads from `root`, called `obj`, to the object `wanted`."""
    paths: list[tuple[Any, Any, str]] = [(root, None, "obj")]  # value, path before it, step
    seen: set[int] = set()
    while paths:
        path = paths.pop()
        value = path[0]
        if value is wanted:
            steps = []
            while path is not None:
                steps.append(path[2])
                path = path[1]
            return "".join(reversed(steps if len(steps) < 20 else [*steps[:20], "obj..."]))
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            for key, held in value.items():
                plain = key.value if isinstance(key, TableKey) else key
                paths.append((plain, path, f".<key {key!r}>"))
                paths.append((held, path, f"[{key!r}]"))
        elif isinstance(value, list | tuple):
            paths.extend([(held, path, f"[{i}]") for i, held in enumerate(value)])
        elif isinstance(value, TorchObject):
            paths.append((value.fields, path, ".fields"))
        elif isinstance(value, TorchFunction):
            paths.append((value.upvalues, path, ".upvalues"))
    return "obj"
