"""From the pieces that a cursor reads to Python objects: one loop, one explicit stack."""

from __future__ import annotations

import re
from typing import Any

from .encoding import Cursor
from .errors import Torch7FormatError
from .tensors import read_storage, read_tensor
from .types import (
    EMPTY_CLASSES,
    FUNCTION_UNINDEXED,
    HASH_CLASSES,
    NEEDS_KEY,
    STORAGE_DTYPES,
    TABLE,
    TENSOR_DTYPES,
    TORCH,
    VECTOR_CLASSES,
    TableKey,
    TorchFunction,
    TorchObject,
)

__all__ = ["read_object"]

_VERSION = re.compile(rb"V (\d{1,9})")

# What the value that comes next belongs to.
_LIST = 0  # a table whose keys so far were 1, 2, 3 ...
_DICT = 1  # a table with other keys
_FIELDS = 2  # a table that stays a dict, whatever its keys
_FILL = 3  # a table known to be a list, its keys in any order
_VECTOR = 4  # values without keys
_OBJECT = 5  # the payload of a TorchObject
_FUNCTION = 6  # the upvalues of a function
_ROOT = 7

_LONG_TABLE = 16  # entries from which it pays to look for a run of numbers

_NO_KEY = object()
_UNFINISHED = object()


def read_object(cursor: Cursor, opaque_functions: bool) -> Any:
    """The object at the cursor.

    A table becomes a list or a dict when its last key is known, but a cyclic file refers to it
    before that. Where the first guess was wrong for such a table, the file is read once more
    with the answer at hand.
    """
    start = cursor.pos
    shapes: dict[int, int] = {}
    root = _Reading(cursor, opaque_functions, shapes).run()
    if shapes:
        cursor.pos = start
        root = _Reading(cursor, opaque_functions, shapes).run()
    return root


class _Reading:
    """One pass over a file.

    `shapes` maps the index of a table to its length if it is a list, to -1 if a dict; the pass
    follows it, and adds the tables that it handed out in the wrong shape.
    """

    def __init__(self, cursor: Cursor, opaque_functions: bool, shapes: dict[int, int]) -> None:
        self.cursor = cursor
        self.opaque_functions = opaque_functions
        self.shapes = shapes
        self.known = dict(shapes)
        self.objects: list[Any] = [None]  # by index; indices count up from 1
        self.referenced: set[int] = set()
        self.class_names: dict[bytes, str] = {}

    def run(self) -> Any:
        objects = self.objects
        stack: list[tuple[int, Any, int, Any, int]] = []
        mode, left, index = _ROOT, 1, 0
        box: Any = None
        key: Any = _NO_KEY
        item = self.cursor.item
        while True:
            tag, value = item()
            if tag:
                if tag != FUNCTION_UNINDEXED and value < len(objects):
                    value = self.reference(tag, value)
                else:
                    if tag != FUNCTION_UNINDEXED:
                        if value != len(objects):
                            raise self.bad_index(value)
                        objects.append(_UNFINISHED)
                    stack.append((mode, box, left, key, index))
                    index = value
                    if tag == TABLE:
                        mode, box, left, value = self.open_table(index, mode)
                    elif tag == TORCH:
                        mode, box, left, value = self.open_class(index, stack)
                    else:
                        mode, box, left, value = self.open_function(tag, index)
                    key = _NO_KEY
                    if left:
                        continue
                    mode, box, left, key, index = stack.pop()
            # A finished value: hand it to what is open, close that if it was the last one.
            while True:
                if mode <= _FILL:
                    if key is _NO_KEY:
                        kind = value.__class__
                        key = value if kind is str or kind is int else self.table_key(value)
                        if mode == _LIST and not box and key != 1:
                            mode, box = _DICT, {}
                            self.replace(index, box, -1)
                        break
                    if value is not None:
                        if mode == _LIST:
                            if key == len(box) + 1:
                                box.append(value)
                            else:
                                mode, box = _DICT, dict(enumerate(box, 1))
                                box[key] = value
                                self.replace(index, box, -1)
                        elif mode == _FILL:
                            box[key - 1] = value
                        else:
                            box[key] = value
                    key = _NO_KEY
                    left -= 1
                    if left:
                        break
                    if mode == _DICT and 1 in box:
                        box = self.as_list(box, index)
                    value = box
                elif mode == _OBJECT:
                    box.fields = value
                    value = box
                elif mode == _ROOT:
                    return value
                elif mode == _VECTOR:
                    box.append(value)
                    left -= 1
                    if left:
                        break
                    value = box
                else:
                    box.upvalues = value
                    value = box
                mode, box, left, key, index = stack.pop()

    def reference(self, tag: int, index: int) -> Any:
        """An object that the file has defined before."""
        if index < 1:
            raise self.bad_index(index)
        found = self.objects[index]
        if found is _UNFINISHED:
            raise self.error(f"object {index} refers to itself where it cannot")
        if tag == TABLE:
            right = isinstance(found, list | dict)
            self.referenced.add(index)
        elif tag == TORCH:
            right = not isinstance(found, list | dict | TorchFunction)
        else:
            right = isinstance(found, TorchFunction)
        if not right:
            raise self.error(f"type id {tag} refers to object {index}, which is of another type")
        return found

    def open_table(self, index: int, parent: int) -> tuple[int, Any, int, Any]:
        """(mode, box, entries left, value if complete) of a table that starts here."""
        cursor = self.cursor
        count = cursor.integer()
        self.check_count("a table", count, "entries", cursor.MIN_ENTRY)
        if parent == _OBJECT:
            mode, box = _FIELDS, {}
        else:
            length = self.known.get(index)
            if length is not None:
                mode, box = (_FIELDS, {}) if length < 0 else (_FILL, [None] * length)
            else:
                mode, box = _LIST, cursor.number_run(count) if count >= _LONG_TABLE else []
                count -= len(box)
        self.objects[index] = box
        return mode, box, count, box

    def open_class(self, index: int, stack: list[Any]) -> tuple[int, Any, int, Any]:
        """The same for a Torch object; tensors and storages are read whole."""
        cursor = self.cursor
        name, version = self.class_name()
        dtype = TENSOR_DTYPES.get(name)
        if dtype is not None:
            value = read_tensor(self, dtype)
            self.objects[index] = value
            return _ROOT, None, 0, value
        dtype = STORAGE_DTYPES.get(name)
        if dtype is not None:
            value = read_storage(cursor, dtype)
            self.objects[index] = value
            return _ROOT, None, 0, value
        value = TorchObject(name, None, version)
        self.objects[index] = value
        if name in EMPTY_CLASSES:
            return _ROOT, None, 0, value
        if name not in HASH_CLASSES and name not in VECTOR_CLASSES:
            return _OBJECT, value, 1, None
        (count,) = cursor.longs(1)
        if name in HASH_CLASSES:
            mode, box, least = _FIELDS, {}, cursor.MIN_ENTRY
        else:
            mode, box, least = _VECTOR, [], cursor.MIN_ENTRY // 3
        self.check_count(name, count, "entries", least)
        if not count:
            value.fields = box
            return _ROOT, None, 0, value
        stack.append((_OBJECT, value, 1, _NO_KEY, index))
        return mode, box, count, None

    def open_function(self, tag: int, index: int) -> tuple[int, Any, int, Any]:
        """The same for a Lua function, whose bytes are kept and never looked into."""
        cursor = self.cursor
        if not self.opaque_functions:
            raise self.error(
                "a Lua function, expected data only; load(..., functions='opaque') "
                "keeps functions as bytes"
            )
        value = TorchFunction(cursor.chars("a Lua function"), None, tag)
        if tag != FUNCTION_UNINDEXED:
            self.objects[index] = value
        return _FUNCTION, value, 1, None

    def class_name(self) -> tuple[str, int]:
        """The name and the version that open a Torch object."""
        at = self.cursor.pos
        stamp, raw = self.cursor.class_chars()
        version = 1
        if stamp != b"V 1":
            match = _VERSION.fullmatch(stamp)
            version = int(match[1]) if match else 0
            raw = raw if match else stamp + raw
        name = self.class_names.get(raw)
        if name is None:
            try:
                name = raw.decode()
            except UnicodeDecodeError:
                name = ""
            if not name.isprintable() or not name:
                raise Torch7FormatError(f"{raw[:40]!r}, expected the name of a Torch class", at)
            self.class_names[raw] = name
        return name, version

    def table_key(self, value: Any) -> Any:
        """A Lua key as a key of a Python dict."""
        if isinstance(value, NEEDS_KEY):
            return TableKey(value)
        if value is None:
            raise self.error("a table key is nil")
        if isinstance(value, float) and value != value:
            raise self.error("a table key is not a number (NaN)")
        return value

    def as_list(self, box: dict[Any, Any], index: int) -> Any:
        """A complete table as a list if its keys are 1..n."""
        n = len(box)
        if n not in box or not all(i in box for i in range(2, n)):
            return box
        values = [box[i] for i in range(1, n + 1)]
        self.replace(index, values, n)
        return values

    def replace(self, index: int, box: Any, length: int) -> None:
        """Give a table its other shape; note it if the first one is in use already."""
        if index in self.referenced:
            self.shapes[index] = length
        self.objects[index] = box

    def check_count(self, what: str, count: int, unit: str, least: int) -> None:
        """Refuse a count that the rest of the file cannot hold."""
        left = self.cursor.size - self.cursor.pos
        if count < 0 or count * least > left + 1:
            raise self.cursor.bad_length(what, count, unit, left)

    def bad_index(self, index: int) -> Torch7FormatError:
        """The error for an index that is neither known nor next."""
        return self.error(
            f"object index {index}, expected a known one (1 to {len(self.objects) - 1}) "
            f"or the next ({len(self.objects)})"
        )

    def error(self, problem: str) -> Torch7FormatError:
        """An error at the cursor."""
        return Torch7FormatError(problem, self.cursor.pos)
