"""Every golden case of PyTorch's losses: value and gradients, on any backend."""

from typing import Any

import numpy as np
import pytest
from golden_losses import LossCase, loss_cases
from keras import ops
from loss_gradient import value_and_grad

import losses

REDUCTION = {"mean": "sum_over_batch_size", "sum": "sum", "none": None, "batchmean": "batchmean"}
# PyTorch's class, ours, and the inputs that make y_pred.
LOSSES = {
    "CosineEmbeddingLoss": (losses.CosineEmbeddingLoss, ("input1", "input2")),
    "GaussianNLLLoss": (losses.GaussianNLLLoss, ("input", "var")),
    "HingeEmbeddingLoss": (losses.HingeEmbeddingLoss, ("input",)),
    "HuberLoss": (losses.HuberLoss, ("input",)),
    "KLDivLoss": (losses.KLDivLoss, ("input",)),
    "MarginRankingLoss": (losses.MarginRankingLoss, ("input1", "input2")),
    "MultiLabelMarginLoss": (losses.MultiLabelMarginLoss, ("input",)),
    "MultiLabelSoftMarginLoss": (losses.MultiLabelSoftMarginLoss, ("input",)),
    "MultiMarginLoss": (losses.MultiMarginLoss, ("input",)),
    "NLLLoss": (losses.ClassNLLLoss, ("input",)),
    "PoissonNLLLoss": (losses.PoissonNLLLoss, ("input",)),
    "SmoothL1Loss": (losses.SmoothL1Loss, ("input",)),
    "SoftMarginLoss": (losses.SoftMarginLoss, ("input",)),
    "TripletMarginLoss": (losses.TripletMarginLoss, ("anchor", "positive", "negative")),
    "TripletMarginWithDistanceLoss": (
        losses.TripletMarginLoss,
        ("anchor", "positive", "negative"),
    ),
}
COVERS = {"torch_losses": set(LOSSES)}
EXEMPT: dict[str, dict[str, str]] = {"torch_losses": {}}


def cosine_distance(x: Any, y: Any) -> Any:
    x, y = (a / ops.sqrt(ops.sum(a * a, axis=-1, keepdims=True)) for a in (x, y))
    return 1 - ops.sum(x * y, axis=-1)


DISTANCES = {
    "PairwiseDistance(p=2)": None,
    "lambda x, y: 1 - cosine_similarity(x, y)": cosine_distance,
    "lambda x, y: max(|x - y|, axis=1)": lambda x, y: ops.max(ops.abs(x - y), axis=1),
}


def make(name: str, case: LossCase) -> Any:
    kwargs = dict(case.kwargs)
    kwargs["reduction"] = REDUCTION[kwargs.pop("reduction", "mean")]
    if "weight" in kwargs:
        kwargs["weights"] = kwargs.pop("weight")
    if "distance_function" in kwargs:
        kwargs["distance"] = DISTANCES[kwargs.pop("distance_function")["callable"]]
    if name == "MarginRankingLoss":
        kwargs.setdefault("margin", 0.0)
    return LOSSES[name][0](**kwargs)


def channels_last(case: LossCase, x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, 1, -1) if "rank4" in case.tags and x.ndim > 3 else x


def run(name: str, case: LossCase) -> tuple[Any, dict[str, np.ndarray]]:
    loss, names = make(name, case), LOSSES[name][1]
    inputs = {key: channels_last(case, value) for key, value in case.inputs.items()}
    floating = [key for key in inputs if key in names or key in case.grads]

    def call(*arrays: Any) -> Any:
        given = {**inputs, **dict(zip(floating, arrays, strict=True))}
        y_pred = [given[key] for key in names]
        return loss(given.get("target"), y_pred if len(names) > 1 else y_pred[0])

    value, gradients = value_and_grad(call, *[inputs[key] for key in floating])
    return value, dict(zip(floating, gradients, strict=True))


CASES = [(name, case) for name in LOSSES for case in loss_cases("torch_losses", name)]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda v: v if isinstance(v, str) else str(v))
def test_golden(name: str, case: LossCase) -> None:
    if "error" in case.tags:
        loss, names = make(name, case), LOSSES[name][1]
        with pytest.raises(ValueError, match="variances >= 0"):
            loss(case.inputs["target"], [case.inputs[key] for key in names])
        return
    value, gradients = run(name, case)
    assert case.output is not None
    assert np.isfinite(value).all()
    assert all(np.isfinite(g).all() for g in gradients.values())
    if "nonfinite" not in case.tags:
        np.testing.assert_allclose(value, case.output, rtol=0, atol=atol(name, case, "output"))
    elif name == "NLLLoss":  # The mean of nothing: NaN there, 0 here.
        assert value == 0
    else:  # exp overflows there; where it does not the values are the same.
        assert name == "SoftMarginLoss"
        expected = soft_margin_in_float64(case)
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-6)
    for key, expected in case.grads.items():
        expected = channels_last(case, expected)
        known = np.isfinite(expected)
        assert known.all() or name == "SoftMarginLoss"
        allowed = atol(name, case, "grad")
        np.testing.assert_allclose(gradients[key][known], expected[known], rtol=0, atol=allowed)


def atol(name: str, case: LossCase, kind: str) -> float:
    allowed = case.tolerance(kind)
    if name == "CosineEmbeddingLoss" and "edge" in case.tags:
        allowed += 2 * 2**-23  # A cosine of 1 less its rounding.
    if name == "SoftMarginLoss" and "nonfinite" in case.tags:
        allowed += 1e-6  # Where exp nearly overflows PyTorch loses digits.
    return allowed


def soft_margin_in_float64(case: LossCase) -> np.ndarray:
    z = -case.inputs["input"].astype("float64") * case.inputs["target"]
    terms = np.logaddexp(0, z)
    reduction = case.kwargs.get("reduction", "mean")
    return terms if reduction == "none" else getattr(terms, reduction)()
