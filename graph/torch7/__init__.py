"""Torch7 files (`.t7`): their bytes to Python objects and back, with NumPy alone.

`load` reads whatever `torch.save` wrote, binary or ASCII; `save` writes what `torch.load`
reads. Nothing in a file is ever executed. How Lua values appear in Python:

==================  ==========================================================================
nil                 None
boolean             bool
number              int if integral and exact (up to 2**53), else float
string              str if it is valid UTF-8, else bytes
table               list if its keys are exactly 1..n (so `[]` if it is empty), else dict;
                    keys that Python cannot tell apart or hash are wrapped in `TableKey`
tensor              numpy.ndarray, a writable view; an empty tensor has shape (0,)
storage             `TorchStorage`
object of a class   `TorchObject`
function            `TorchFunction`, on demand
==================  ==========================================================================

Shared and cyclic references stay shared and cyclic. Tensors over one storage share memory;
`storage_of` tells which do.
"""

from .errors import Torch7FormatError
from .files import load, save
from .types import (
    TableKey,
    TorchFunction,
    TorchObject,
    TorchStorage,
    storage_of,
    table_get,
    table_items,
)

__all__ = [
    "TableKey",
    "Torch7FormatError",
    "TorchFunction",
    "TorchObject",
    "TorchStorage",
    "load",
    "save",
    "storage_of",
    "table_get",
    "table_items",
]
