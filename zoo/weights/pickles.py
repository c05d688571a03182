"""Pickles of arrays, read without running anything.

Python's unpickler calls whatever a pickle names. This one knows the opcodes of plain data, and
calls nothing but the functions that it was given.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Mapping
from typing import IO, Any

from .errors import WeightsError

__all__ = ["Stated", "read_pickle"]

_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
}
_LITERALS = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_NOTHING = {"PROTO", "FRAME"}


class Stated:
    """An object whose state a pickle gives afterwards."""

    def set_state(self, state: Any) -> None:
        """Take the state; raises ValueError if it is none."""
        raise NotImplementedError


class _Function:
    def __init__(self, name: str, call: Callable[..., Any]) -> None:
        self.name, self.call = name, call


def read_pickle(
    file: IO[bytes],
    functions: Mapping[tuple[str, str], Any],
    persistent: Callable[[Any], Any] | None = None,
) -> Any:
    """The object in a pickle of any protocol.

    Args:
        file: Where to read, from its position on; it is left behind the pickle.
        functions: ``(module, name)`` -> what stands for it: a function, which may be called, or
            any other object.
        persistent: What gives the object of a persistent id.

    Raises:
        WeightsError: It is damaged or asks for anything else; the byte offset is given.
    """
    machine = _Machine(functions, persistent)
    start, at = file.tell(), file.tell()
    try:
        for opcode, argument, position in pickletools.genops(file):
            at = start if position is None else position
            if opcode.name == "STOP":
                return machine.pop()
            machine.step(opcode.name, argument)
    except WeightsError as error:
        raise WeightsError(error.problem, offset=at) from error.__cause__
    except Exception as error:  # Whatever a damaged pickle makes of the machine.
        raise WeightsError(f"a damaged pickle: {error}", offset=at) from error
    raise WeightsError("a pickle without an end", offset=at)


class _Machine:
    def __init__(self, functions: Mapping[tuple[str, str], Any], persistent: Any) -> None:
        self._functions, self._persistent = functions, persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        if not self._stack or self._stack[-1] is _MARK:
            raise WeightsError("a damaged pickle: nothing is on its stack")
        return self._stack.pop()

    def _to_mark(self) -> list[Any]:
        for i in range(len(self._stack) - 1, -1, -1):
            if self._stack[i] is _MARK:
                items = self._stack[i + 1 :]
                del self._stack[i:]
                return items
        raise WeightsError("a damaged pickle: no mark is on its stack")

    def step(self, name: str, argument: Any) -> None:
        push = self._stack.append
        if name in _LITERALS:
            push(argument)
        elif name in _CONSTANTS:
            push(_CONSTANTS[name])
        elif name in _EMPTY:
            push(_EMPTY[name]())
        elif name == "MARK":
            push(_MARK)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self._memo[int(argument)] = self._top()
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._top()
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            push(self._memo[int(argument)])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            push(tuple([self.pop() for _ in range(int(name[-1]))][::-1]))
        elif name == "TUPLE":
            push(tuple(self._to_mark()))
        elif name == "LIST":
            push(self._to_mark())
        elif name == "DICT":
            push(self._with_items({}, self._to_mark()))
        elif name in ("APPEND", "APPENDS"):
            items = [self.pop()] if name == "APPEND" else self._to_mark()
            self._top(list).extend(items)
        elif name == "SETITEM":
            value, key = self.pop(), self.pop()
            self._with_items(self._top(dict), [key, value])
        elif name == "SETITEMS":
            items = self._to_mark()
            self._with_items(self._top(dict), items)
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._global(name, argument)
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, function = self.pop(), self.pop()
            push(self._call(function, arguments))
        elif name == "BUILD":
            state = self.pop()
            self._build(self._top(), state)
        elif name == "BINPERSID":
            push(self._persist(self.pop()))
        elif name == "PERSID":
            push(self._persist(argument))
        elif name not in _NOTHING:
            raise WeightsError(f"the pickle's opcode {name} is none of plain data")

    def _top(self, kind: type = object) -> Any:
        if not self._stack or self._stack[-1] is _MARK or not isinstance(self._stack[-1], kind):
            raise WeightsError(f"a damaged pickle: no {kind.__name__} is on its stack")
        return self._stack[-1]

    def _with_items(self, mapping: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
        if len(items) % 2:
            raise WeightsError("a damaged pickle: a key without a value")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Nothing else is hashed: the hash of deeply nested tuples overflows C's stack.
            if not isinstance(key, str | int | bytes):
                raise WeightsError(f"the pickle has a {type(key).__name__} as a key")
            mapping[key] = value
        return mapping

    def _global(self, opcode: str, argument: Any) -> None:
        if opcode == "STACK_GLOBAL":
            name, module = self.pop(), self.pop()
            if not isinstance(name, str) or not isinstance(module, str):
                raise WeightsError("a damaged pickle: a name that is no text")
        else:
            module, _, name = argument.partition(" ")
        if (module, name) not in self._functions:
            raise WeightsError(
                f"the pickle asks for {module}.{name}, which is no array: it is not run\n"
                f"  fix: save arrays alone; in PyTorch torch.save(model.state_dict(), path)"
            )
        found = self._functions[module, name]
        self._stack.append(_Function(f"{module}.{name}", found) if callable(found) else found)

    @staticmethod
    def _call(function: Any, arguments: Any) -> Any:
        if not isinstance(function, _Function) or not isinstance(arguments, tuple):
            raise WeightsError("the pickle calls something that is no function")
        try:
            return function.call(*arguments)
        except (TypeError, ValueError) as error:
            raise WeightsError(f"the pickle's {function.name}: {error}") from error

    @staticmethod
    def _build(target: Any, state: Any) -> None:
        if isinstance(target, Stated):
            target.set_state(state)
        elif not isinstance(target, dict):  # The `_metadata` of a state dict is left.
            raise WeightsError(f"the pickle gives a {type(target).__name__} a state")

    def _persist(self, identity: Any) -> Any:
        if self._persistent is None:
            raise WeightsError("the pickle refers to something outside of it")
        return self._persistent(identity)
