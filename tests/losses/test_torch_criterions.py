"""Losses loaded from the criterions of the real Torch7: value and gradient of each."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from golden_torch7 import Case, cases
from loss_gradient import value_and_grad

from graph.torch7 import load
from losses import DistanceRatioLoss, from_torch

TOLERANCE = {"float32": {"rtol": 1e-5, "atol": 1e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}
if keras.backend.backend() != "tensorflow":
    # There Keras's own means are computed in float32, whatever the dtype.
    TOLERANCE["float64"] = {"rtol": 1e-6, "atol": 1e-7}
LABELS = {
    "nn.ClassNLLCriterion",
    "nn.ClassSimplexCriterion",
    "nn.CrossEntropyCriterion",
    "nn.MultiLabelMarginCriterion",
    "nn.MultiMarginCriterion",
    "nn.SpatialClassNLLCriterion",
}
# What Torch takes a single sample of; ours is a batch of one.
SAMPLES = {
    "nn.ClassNLLCriterion": 1,
    "nn.CosineEmbeddingCriterion": 1,
    "nn.L1HingeEmbeddingCriterion": 1,
}


def criterion_of(case: Case, folder: Path) -> Any:
    case.spec.setdefault("model", "criterion.t7")
    case._zip.extract(f"{case.name}/{case.spec['model']}", folder)
    return load(folder / case.name / case.spec["model"])


def target_of(cls: str, target: Any, criterion: Any) -> Any:
    """Torch's target in our layout: labels from 0."""
    if cls in LABELS:
        return np.asarray(target).astype("int64") - 1
    if cls == "nn.ParallelCriterion" and isinstance(target, list):
        inner = [c.class_name for c in criterion["criterions"]]
        return [target_of(c, t, None) for c, t in zip(inner, target, strict=True)]
    return target


def to_ours(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if x.ndim == 4 else x


@pytest.mark.parametrize("name", cases("criterions"))
def test_value_and_gradient_are_torchs(name: str, tmp_path: Path) -> None:
    case = Case("criterions", name)
    criterion = criterion_of(case, tmp_path)
    cls, dtype = case.spec["class"], case.dtype
    loss = from_torch(criterion, dtype)
    x, target = case.arrays("input"), target_of(cls, case.arrays("target"), criterion)
    gradients = case.arrays("gradInput")
    if isinstance(loss, DistanceRatioLoss) and loss.form == "mse" and target is not None:
        loss = DistanceRatioLoss("mse", target=target - 1, dtype=dtype)
    one = SAMPLES.get(cls) == np.ndim(x[0] if isinstance(x, list) else x)
    batch = (lambda a: a[None]) if one else to_ours
    if isinstance(target, (int, float)) and cls != "nn.DistanceRatioCriterion":
        target = np.full(1, target)
    if isinstance(x, list):
        value, ours = value_and_grad(lambda *parts: loss(target, list(parts)), *map(batch, x))
    else:
        value, (ours,) = value_and_grad(lambda x: loss(target, x), batch(x))
        ours, gradients = [ours], [gradients]
    np.testing.assert_allclose(value, case.spec["output"], **TOLERANCE[dtype])
    assert len(ours) >= len(gradients)
    for mine, torchs in zip(ours, gradients, strict=False):
        np.testing.assert_allclose(mine, batch(torchs), **TOLERANCE[dtype])
    for mine in ours[len(gradients) :]:  # CriterionTable has none for its target.
        assert not mine.any()
