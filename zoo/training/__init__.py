"""What training needs around a network: batches, augmentation, centring, backups, data sets.

Stock Keras where Keras has it; docs/training.md names it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .augmentation import augmentation
    from .backup import EpochBackup
    from .centring import MeanCentring
    from .cifar import Cifar10, CifarError, load_cifar10, save_cifar10
    from .colour_noise import ColourNoise
    from .initialisers import initialise, initialiser
    from .sampling import balanced_batches, pair_batches, triplet_batches

__all__ = [
    "Cifar10",
    "CifarError",
    "ColourNoise",
    "EpochBackup",
    "MeanCentring",
    "augmentation",
    "balanced_batches",
    "initialise",
    "initialiser",
    "load_cifar10",
    "pair_batches",
    "save_cifar10",
    "triplet_batches",
]

# Name -> the module that has it; nothing is imported before it is asked for.
_MODULES = {
    "Cifar10": "cifar",
    "CifarError": "cifar",
    "ColourNoise": "colour_noise",
    "EpochBackup": "backup",
    "MeanCentring": "centring",
    "augmentation": "augmentation",
    "balanced_batches": "sampling",
    "initialise": "initialisers",
    "initialiser": "initialisers",
    "load_cifar10": "cifar",
    "pair_batches": "sampling",
    "save_cifar10": "cifar",
    "triplet_batches": "sampling",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'zoo.training' has no attribute {name!r}")
    module = importlib.import_module(f".{_MODULES[name]}", __name__)
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
