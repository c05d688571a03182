"""Weights of the networks from the files that people have; `load_weights` tells the format."""

from .errors import WeightsError
from .loading import load_weights
from .named import WeightNames
from .report import Kept, Loaded, LoadReport, Skipped

__all__ = [
    "Kept",
    "LoadReport",
    "Loaded",
    "Skipped",
    "WeightNames",
    "WeightsError",
    "load_weights",
]
