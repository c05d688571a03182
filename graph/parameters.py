"""Parameters in Torch's order, and the gradients that add up beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

__all__ = ["gradient", "has_gradient", "holders_of", "parameters_of"]


def parameters_of(modules: Iterable[Any]) -> Iterator[keras.Variable]:
    """The parameters of `modules` in order, each once."""
    seen: set[int] = set()
    for module in modules:
        for variable in module.named_parameters().values():
            if id(variable) not in seen:
                seen.add(id(variable))
                yield variable


def holders_of(modules: Iterable[Any]) -> Iterator[Any]:
    """The modules, at any depth, that hold the parameters of `modules`, in order, each once."""
    seen: set[int] = set()
    stack = list(modules)[::-1]
    while stack:
        module = stack.pop()
        if id(module) in seen:
            continue
        seen.add(id(module))
        parts = module.parts()
        if parts:
            stack.extend(reversed(parts))
        else:
            yield module


def gradient(variable: keras.Variable) -> np.ndarray:
    """The array in which the gradient of `variable` adds up; zeros at first.

    It lies with the variable, so that models which share a parameter share its gradient.
    """
    array = getattr(variable, "_nngraph_gradient", None)
    if array is None:
        array = np.zeros(variable.shape, keras.backend.standardize_dtype(variable.dtype))
        variable._nngraph_gradient = array
    return array


def has_gradient(variable: keras.Variable) -> bool:
    """Whether `gradient` has been asked for that of `variable` before."""
    return getattr(variable, "_nngraph_gradient", None) is not None
