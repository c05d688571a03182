"""Golden cases of tensorflow-addons' losses that are not of embeddings: value and gradient."""

from typing import Any

import numpy as np
import pytest
from golden_losses import LossCase, loss_cases
from loss_gradient import value_and_grad

import losses

NAMES = [
    "GIoULoss",
    "PinballLoss",
    "SigmoidFocalCrossEntropy",
    "SparsemaxLoss",
    "WeightedKappaLoss",
]
COVERS = {"tfa_losses": set(NAMES)}
EXEMPT: dict[str, dict[str, str]] = {"tfa_losses": {}}
CASES = [(name, case) for name in NAMES for case in loss_cases("tfa_losses", name)]
# What tensorflow-addons refuses by accident and is computed here.
HALF_SPARSEMAX = "Unsupported dtype19"
INTEGER_SPARSEMAX = "Expected int32"


def make(name: str, case: LossCase) -> Any:
    kwargs = dict(case.kwargs)
    reduction = kwargs.pop("reduction", "none" if name == "SigmoidFocalCrossEntropy" else "auto")
    if name == "WeightedKappaLoss":
        kwargs["weightage"] = kwargs.get("weightage", "quadratic")
    kwargs["reduction"] = {"auto": "sum_over_batch_size", "none": None}.get(reduction, reduction)
    double = case.inputs["y_pred"].dtype == np.float64
    return getattr(losses, name)(**kwargs, dtype="float64" if double else None)


def run(name: str, case: LossCase) -> tuple[np.ndarray, np.ndarray]:
    loss = make(name, case)
    value, (gradient,) = value_and_grad(
        lambda x: loss(case.inputs["y_true"], x, case.inputs.get("sample_weight")),
        case.inputs["y_pred"],
    )
    return np.asarray(value, "float64"), np.asarray(gradient, "float64")


def atol(name: str, case: LossCase, kind: str) -> float:
    reference = case.output if kind == "output" else case.grads["y_pred"]
    allowed = case.tolerance(kind)
    assert reference is not None
    largest = float(np.abs(reference[np.isfinite(reference)]).max(initial=0))
    if "float16" in case.tags:  # The original computed in 11 bits, some operations in a row.
        allowed += 8 * 2**-11 * max(largest, 1e-3)
    if name == "WeightedKappaLoss":
        # It is log of a number near 1, or of a difference that is rounded to float32.
        allowed += 4 * 2**-23 * max(1.0, largest)
    if name == "GIoULoss" and "tie" in case.tags:  # Terms of about 1 that add up to 0.
        allowed += 8 * 2**-23
    return allowed


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda v: v if isinstance(v, str) else str(v))
def test_golden(name: str, case: LossCase) -> None:
    error = case.spec.get("error", "")
    if HALF_SPARSEMAX in error or INTEGER_SPARSEMAX in error:
        check_sparsemax(case)
        return
    if error:
        with pytest.raises(ValueError, match="gamma >= 0|from_logits|weightage"):
            run(name, case)
        return
    value, gradient = run(name, case)
    assert np.isfinite(value).all() and np.isfinite(gradient).all()
    assert case.output is not None
    np.testing.assert_allclose(value, case.output, rtol=0, atol=atol(name, case, "output"))
    expected = case.grads["y_pred"]
    known = np.isfinite(expected)
    assert known.all() or "inf-input" in case.tags
    np.testing.assert_allclose(
        gradient[known], expected[known], rtol=0, atol=atol(name, case, "grad")
    )


def check_sparsemax(case: LossCase) -> None:
    """Against bisection of the threshold, in float64."""
    value, gradient = run("SparsemaxLoss", case)
    x, y = (np.asarray(case.inputs[key], "float64") for key in ("y_pred", "y_true"))
    low, high = x.max(-1, keepdims=True) - 1, x.max(-1, keepdims=True)
    for _ in range(100):
        middle = (low + high) / 2
        above = np.maximum(x - middle, 0).sum(-1, keepdims=True) > 1
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    p = np.maximum(x - low, 0)
    expected = (p * (x - p / 2) + y * (y / 2 - x)).sum(-1)
    assert case.kwargs["reduction"] == "none"
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    rtol = 1e-3 if "float16" in case.tags else 1e-5
    np.testing.assert_allclose(gradient, p - y, rtol=rtol, atol=1e-5)
