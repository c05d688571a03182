"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import alexnet, lenet, weights
    from .alexnet import AlexNet
    from .lenet import LeNet5
    from .weights import LoadReport, load_weights

__all__ = ["AlexNet", "LeNet5", "LoadReport", "alexnet", "lenet", "load_weights", "weights"]

# Name -> the module that has it. A script that takes one network does not wait for the others.
_MODULES = {
    "AlexNet": "alexnet",
    "LeNet5": "lenet",
    "LoadReport": "weights",
    "load_weights": "weights",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    elif name in __all__:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
