"""Conversion that goes on after a module it cannot convert, so that it can name all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..nn.identity import Identity
from ..nn.module import Module
from ..nn.shrink import Clamp
from ..nn.torch_fields import UnsupportedTorch
from ..node import as_module
from .convert import Conversion
from .tree import Entry, is_graph
from .types import TorchFunction, TorchObject

__all__ = ["Collecting", "Problem", "UnsupportedModules", "is_known", "own_methods"]

# A Lua function in one of these fields takes the place of the class's own.
_METHODS = (
    *("updateOutput", "forward", "__call__"),
    *("updateGradInput", "accGradParameters", "backward"),
)
_ROOT = "the model itself"


class Problem(NamedTuple):
    """A module that cannot be taken over.

    Attributes:
        path: Where it stands, e.g. ``modules[3].modules[1]``.
        class_name: Its Torch class.
        reason: Why not.
        unknown: Whether no class of `graph.nn` stands for it.
    """

    path: str
    class_name: str
    reason: str
    unknown: bool


class UnsupportedModules(UnsupportedTorch):
    """A model some of whose modules cannot be taken over; it names all of them.

    Attributes:
        problems: Each module with its path, class and reason.
    """

    def __init__(self, where: str, problems: list[Problem]) -> None:
        self.problems = problems
        count = f"{len(problems)} modules" if len(problems) > 1 else "a module"
        lines = [f"{where} has {count} that cannot be taken over"]
        lines += [f"  {p.path} ({p.class_name}): {p.reason}" for p in problems]
        unknown = sorted({p.class_name for p in problems if p.unknown})
        if unknown:
            entries = ", ".join(f'"{name}": make' for name in unknown)
            lines.append(
                f"  fix: custom={{{entries}}}, where make(TorchObject) gives an nn module or a "
                f"Keras layer (channels last)"
            )
        super().__init__("\n".join(lines))

    @property
    def only_unbatched(self) -> bool:
        """Whether the model could be taken over as fed single samples."""
        return all("batched=False" in p.reason for p in self.problems)


class Collecting(Conversion):
    """A conversion that puts an Identity in the place of what it cannot convert.

    Args:
        batched: As of `to_module`.
        time_major: As of `to_module`.
        entries: The tree of the model.
        custom: Class name to a function that makes a module or a Keras layer of an object.
        run_functions_are_fine: Whether a module may hold a Lua function in a method's place.
        progress: Called with the number of modules converted and of all.
    """

    def __init__(
        self,
        batched: bool,
        time_major: bool,
        entries: list[Entry],
        custom: Mapping[str, Callable[[TorchObject], Any]],
        *,
        run_functions_are_fine: bool = False,
        progress: Callable[[int, int], object] = lambda done, total: None,
    ) -> None:
        super().__init__(batched, time_major)
        self.paths = {id(e.object): e.path for e in entries if e.first is None}
        self.problems: list[Problem] = []
        self._order = {path or _ROOT: i for i, path in enumerate(self.paths.values())}
        self._custom = custom
        self._functions = run_functions_are_fine
        self._progress = progress
        self._done = 0
        self._active: set[int] = set()

    def convert(self, child: Any) -> Module:
        if id(child) in self._active:
            raise UnsupportedTorch("it holds itself")
        return super().convert(child)

    def make(self, child: TorchObject) -> Module:
        before = len(self.problems)
        self._active.add(id(child))
        try:
            return self._make(child)
        except Exception as error:
            # What fails around a stand-in may fail because of it.
            if len(self.problems) == before:
                self.note(child, error)
            return Identity()
        finally:
            self._active.discard(id(child))
            self._done += 1
            self._progress(min(self._done, len(self.paths)), len(self.paths))

    def is_custom(self, child: TorchObject) -> bool:
        """Whether the user makes the module of this object."""
        return child.class_name in self._custom

    def note(self, child: TorchObject, error: Exception) -> None:
        """Record why an object cannot be converted."""
        reason = " ".join(str(error).split())
        if isinstance(error, RecursionError):
            reason = "modules inside modules are nested too deeply around here"
        elif not isinstance(error, ValueError):
            reason = f"its fields are damaged ({type(error).__name__}: {reason or 'no reason'})"
        path = self.paths.get(id(child), "?") or _ROOT
        unknown = isinstance(error, _Unknown)
        self.problems.append(Problem(path, child.class_name, reason, unknown))

    def sorted_problems(self) -> list[Problem]:
        """The problems in the order of the tree."""
        last = len(self._order)
        return sorted(self.problems, key=lambda p: self._order.get(p.path, last))

    def _make(self, child: TorchObject) -> Module:
        custom = self._custom.get(child.class_name)
        if custom is not None:
            return as_module(custom(child))
        twin = _TWINS.get(child.class_name)
        if twin is not None:
            return twin(child, self.convert)
        if not is_known(child):
            raise _Unknown("no class of graph.nn stands for it")
        held = [] if self._functions else own_methods(child)
        if held:
            raise UnsupportedTorch(
                f"a Lua function stands in the place of its {', '.join(held)}, and nothing in a "
                f"file is ever run; functions='opaque' takes it as its class defines it"
            )
        return super().make(child)


def is_known(obj: TorchObject) -> bool:
    """Whether something in this package stands for the class of an object."""
    if is_graph(obj) or obj.class_name in _TWINS:
        return True
    try:
        return Module.for_torch(obj.class_name) is not None
    except UnsupportedTorch:
        return False


def own_methods(obj: TorchObject) -> list[str]:
    """The methods in whose place an object has a Lua function of its own."""
    return [name for name in _METHODS if isinstance(obj.get(name), TorchFunction)]


class _Unknown(UnsupportedTorch):
    pass


def _data_parallel(obj: TorchObject, convert: Callable[[Any], Module]) -> Module:
    modules = obj.get("modules")
    if not isinstance(modules, list) or not modules:
        raise UnsupportedTorch("it holds no module")
    return convert(modules[0])  # The others are its copies on other GPUs.


def _clipped(obj: TorchObject, convert: Callable[[Any], Module]) -> Module:
    return Clamp(0.0, float(obj["ceiling"]))


_TWINS: dict[str, Callable[[TorchObject, Callable[[Any], Module]], Module]] = {
    "nn.DataParallelTable": _data_parallel,
    "cudnn.ClippedReLU": _clipped,
}
