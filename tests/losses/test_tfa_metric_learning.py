"""Losses and distances of embeddings against tensorflow-addons 0.23."""

import numpy as np
import pytest
from golden_losses import loss_cases
from keras import ops
from loss_gradient import value_and_grad
from metric_learning_golden import assert_matches, parameters

import losses

COVERS = {
    "tfa_losses": {
        "TripletSemiHardLoss",
        "TripletHardLoss",
        "LiftedStructLoss",
        "NpairsLoss",
        "NpairsMultilabelLoss",
        "ContrastiveLoss",
        "metric_learning.pairwise_distance",
        "metric_learning.angular_distance",
    }
}
EXEMPT: dict[str, dict[str, str]] = {}

CALLABLES = {
    "lambda x: matmul(x, x^T)": lambda x: ops.matmul(x, ops.transpose(x)),
    "lambda x: sum(|x_i - x_j|)": lambda x: ops.sum(ops.abs(x[:, None] - x[None]), axis=-1),
}
CASES = [
    (name, case)
    for name in sorted(COVERS["tfa_losses"])
    if not name.startswith("metric_learning")
    for case in loss_cases("tfa_losses", name)
]


def make(name, case):
    kwargs = dict(case.kwargs)
    metric = kwargs.get("distance_metric")
    if isinstance(metric, dict):
        kwargs["distance_metric"] = CALLABLES[metric["callable"]]
    if kwargs.get("reduction") == "auto":
        kwargs["reduction"] = "sum_over_batch_size"
    double = case.inputs["y_pred"].dtype == np.float64
    loss = getattr(losses, name)(**kwargs, dtype="float64" if double else None)
    return lambda y_pred: loss(case.inputs["y_true"], y_pred, case.inputs.get("sample_weight"))


@pytest.mark.parametrize(("name", "case"), parameters(CASES))
def test_golden(name, case):
    loss = make(name, case)
    if "broadcast" in case.tags or (case.output is None and "sample_weight" in case.inputs):
        # TFA forms all n^2 combinations of (n, 1) and (n,); weights of samples fail in it.
        with pytest.raises(ValueError, match=r"got (labels|a weight) of shape"):
            loss(case.inputs["y_pred"])
    elif case.output is None:
        # What fails there works here: float64, and `reduction` of NpairsLoss.
        assert {"float64", "error-expected"} & case.tags
        value, (gradient,) = value_and_grad(loss, case.inputs["y_pred"])
        assert value.dtype == case.inputs["y_pred"].dtype
        single, (single_gradient,) = value_and_grad(
            make(name, case), case.inputs["y_pred"].astype("float32")
        )
        np.testing.assert_allclose(value, single, rtol=1e-5)
        np.testing.assert_allclose(gradient, single_gradient, atol=1e-6)
    else:
        assert_matches(case, loss, ["y_pred"])


def exact(case, squared):
    x = case.inputs["y_pred"].astype("float64")
    d = np.square(x[:, None] - x[None]).sum(-1)
    return d if squared else np.sqrt(d)


@pytest.mark.parametrize(
    "case", loss_cases("tfa_losses", "metric_learning.pairwise_distance"), ids=str
)
def test_pairwise_distance(case):
    value, (gradient,) = value_and_grad(
        lambda x: losses.pairwise_distance(x, **case.kwargs),
        case.inputs["y_pred"],
        cotangent=case.aux["cotangent"],
    )
    truth = exact(case, case.kwargs["squared"])
    np.testing.assert_allclose(value, truth, rtol=1e-5, atol=1e-5 * truth.max())
    # TFA's |a|^2 + |b|^2 - 2ab is itself this far from the truth, and its gradient the more.
    off = float(np.abs(case.output - truth).max())
    assert np.abs(value - case.output).max() <= case.tolerance() + off
    near = truth[truth > 0].min(initial=np.inf) ** (0 if case.kwargs["squared"] else 1)
    slack = 4 * off / near * np.abs(case.aux["cotangent"]).sum(1).max()
    if "rounding-sensitive" not in case.tags:
        difference = np.abs(gradient - case.grads["y_pred"]).max()
        assert difference <= case.tolerance("grad") + slack


@pytest.mark.parametrize(
    "case", loss_cases("tfa_losses", "metric_learning.angular_distance"), ids=str
)
def test_angular_distance(case):
    value, (gradient,) = value_and_grad(
        losses.angular_distance, case.inputs["y_pred"], cotangent=case.aux["cotangent"]
    )
    assert np.abs(value - case.output).max() <= max(case.tolerance(), 1e-7)
    if "rounding-sensitive" not in case.tags:
        scale = np.abs(case.grads["y_pred"]).max() + np.abs(case.aux["cotangent"]).max()
        tolerance = max(case.tolerance("grad"), 1e-6 * scale)
        assert np.abs(gradient - case.grads["y_pred"]).max() <= tolerance
