"""Rewrites of a graph that keep its function."""

from .optimize import optimize
from .record import Optimizations

__all__ = ["Optimizations", "optimize"]
