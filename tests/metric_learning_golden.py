"""How a loss of embeddings is held against a golden case of the original."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import pytest
from golden_losses import LossCase
from loss_gradient import value_and_grad

import losses

__all__ = ["arguments", "assert_matches", "distance_of", "of_layer", "parameters"]

# Names of pytorch-metric-learning, and ours.
_RENAMED = {
    "pos_margin": "positive_margin",
    "neg_margin": "negative_margin",
    "pos_eps": "positive_eps",
    "neg_eps": "negative_eps",
    "smooth_loss": "soft",
}
_OF_LAYERS = ("num_classes", "embedding_size", "sub_centers", "centers_per_class", "learn_beta")
_REDUCERS = {"SumReducer": "sum", "MeanReducer": "mean"}


def parameters(named: Sequence[tuple[str, LossCase]]) -> list[Any]:
    """Cases for `pytest.mark.parametrize`, three in four of which only a full run takes."""
    return [
        pytest.param(name, case, id=str(case), marks=[pytest.mark.slow] if i % 4 else [])
        for i, (name, case) in enumerate(named)
    ]


def distance_of(spec: dict[str, Any]) -> Any:
    """Our distance for the original's `{"class": ..., "kwargs": ...}`."""
    kwargs = dict(spec["kwargs"])
    if "normalize_embeddings" in kwargs:
        kwargs["normalize"] = kwargs.pop("normalize_embeddings")
    return getattr(losses, spec["class"])(**kwargs)


def arguments(case: LossCase, renamed: dict[str, str] | None = None) -> dict[str, Any]:
    """Our arguments for those of a case of pytorch-metric-learning."""
    ours: dict[str, Any] = {}
    for name, value in case.kwargs.items():
        if name == "distance":
            ours["distance_metric"] = distance_of(value)
        elif name == "reducer":
            ours["reducer"] = _REDUCERS[value["class"]]
        elif name not in _OF_LAYERS:
            ours[{**_RENAMED, **(renamed or {})}.get(name, name)] = value
    return ours


def assert_matches(case: LossCase, function: Callable[..., Any], names: Sequence[str]) -> None:
    """`function` of the named arrays has the value and the gradients of the original.

    - Where the original is not finite, ours is.
    - Originals in half precision are rounded to it; ours is 32-bit.
    - A case whose original moves by more than its own rounding (`rounding-sensitive`: equal or
      all but equal embeddings, where the direction between two is noise) is held to 0.1 % in value
      and to a finite gradient.
    """
    arrays = [{**case.inputs, **case.params}[name] for name in names]
    value, gradients = value_and_grad(function, *arrays)
    assert np.isfinite(np.asarray(value, "float64")).all()
    assert all(np.isfinite(np.asarray(g, "float64")).all() for g in gradients)
    assert case.output is not None
    if not np.isfinite(case.output).all():
        return
    assert np.shape(value) == case.output.shape
    rounded = arrays[0].dtype == np.float16
    sensitive = "rounding-sensitive" in case.tags
    scale = max(1e-3, float(np.abs(case.output).max(initial=0)))
    tolerance = case.tolerance() + (1e-3 * scale if rounded or sensitive else 0)
    assert np.abs(_double(value) - _double(case.output)).max(initial=0) <= tolerance
    if sensitive or any(not np.isfinite(g).all() for g in case.grads.values()):
        return
    for name, gradient in zip(names, gradients, strict=True):
        theirs = _double(case.grads[name])
        # Sums that cancel leave as much as one rounding of float32.
        tolerance = max(case.tolerance("grad"), 1e-7)
        tolerance += 2e-3 * np.abs(theirs).max(initial=0) if rounded else 0
        assert np.abs(_double(gradient) - theirs).max(initial=0) <= tolerance


def _double(array: Any) -> np.ndarray:
    return np.asarray(array, "float64")


def of_layer(layer: keras.layers.Layer, weight: str, value: Any, x: Any) -> Any:
    """A layer called with a tensor in place of one of its weights, to differentiate by it."""
    layer.built = True
    object.__setattr__(layer, weight, value)
    return layer.call(x)
