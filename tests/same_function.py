"""Whether two models compute the same."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


def data(model: Any, count: int = 3) -> Any:
    """Asymmetric inputs for a model: one array, or a list of them."""
    random = np.random.default_rng(0)
    arrays = [
        random.integers(0, 5, (count, *x.shape[1:]))
        if "int" in x.dtype
        else random.normal(size=(count, *x.shape[1:])).astype("float32")
        for x in model.inputs
    ]
    return arrays if len(arrays) > 1 else arrays[0]


def outputs(model: Any, x: Any) -> list[np.ndarray]:
    """The outputs in inference, flat."""
    return [np.asarray(y) for y in keras.tree.flatten(model(x, training=False))]


def assert_same(model: Any, other: Any, x: Any, tolerance: float = 1e-5) -> None:
    """Fail unless the outputs agree, in parts of the largest where that is more than 1."""
    for a, b in zip(outputs(model, x), outputs(other, x), strict=True):
        scale = max(1.0, float(np.abs(a).max()))
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * scale)
