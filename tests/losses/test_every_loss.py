"""No public loss is left out of the tests of finite gradients; those of losses made of others."""

import inspect

import keras
import numpy as np
import pytest
from element_loss_examples import EXAMPLES
from loss_gradient import value_and_grad
from metric_learning_losses import BATCH_LOSSES, PROXY_LOSSES
from ml_dtypes import bfloat16

import losses

RNG = np.random.default_rng(11)
X = RNG.normal(size=(6, 6)).astype("float32")
LABELS = np.array([0, 0, 1, 1, 2, 2])
INDICATORS = np.eye(3, dtype="float32")[LABELS]
STEPS = RNG.normal(size=(2, 3, 6)).astype("float32")

# Losses that are neither of elements nor of embeddings: a loss of some dtype, and its arguments.
OTHERS = {
    "ContrastiveLoss": (lambda d: losses.ContrastiveLoss(0.5, dtype=d), LABELS % 2, X[:, 0] ** 2),
    "DistanceRatioLoss": (lambda d: losses.DistanceRatioLoss("log", dtype=d), None, X[:, :2] ** 2),
    "NpairsLoss": (lambda d: losses.NpairsLoss(dtype=d), LABELS, X @ X.T),
    "NpairsMultilabelLoss": (lambda d: losses.NpairsMultilabelLoss(dtype=d), INDICATORS, X @ X.T),
    "SequenceLoss": (
        lambda d: losses.SequenceLoss(losses.HuberLoss(0.7, dtype=d), mask_value=0, dtype=d),
        np.concatenate([STEPS[:1], np.zeros_like(STEPS[:1])]),
        STEPS,
    ),
    "SoftSpearmanLoss": (lambda d: losses.SoftSpearmanLoss(dtype=d), X[:, 1], X[:, 0]),
    "TableLoss": (lambda d: losses.TableLoss(losses.MSELoss(dtype=d), dtype=d), None, X[:, :2]),
    "WeightedSumLoss": (
        lambda d: losses.WeightedSumLoss(
            [losses.MSELoss(dtype=d), losses.L1Loss(dtype=d)], [0.5, 2], dtype=d
        ),
        X[::-1],
        X,
    ),
}


def test_none_is_left_out():
    public = {
        name
        for name in losses.__all__
        if inspect.isclass(c := getattr(losses, name)) and issubclass(c, keras.losses.Loss)
    }
    made = [make() for make in BATCH_LOSSES.values()] + [
        make() for make, _ in PROXY_LOSSES.values()
    ]
    assert public == {*EXAMPLES, *OTHERS, *(type(loss).__name__ for loss in made)}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_value_and_gradient_are_finite(name, dtype):
    """Of one sample or class, of duplicates, of zeros, and of numbers up to 1e4."""
    make, y_true, y_pred = OTHERS[name]
    loss = make(dtype)
    matrix = name.startswith("Npairs")
    batches = [
        (y_true, y_pred),
        (y_true, np.zeros_like(y_pred)),
        (y_true, np.broadcast_to(y_pred[:1], y_pred.shape)),
        (y_true, y_pred * np.float32(1e4 / np.abs(y_pred).max())),
        (None if y_true is None else y_true[:1], y_pred[:1, :1] if matrix else y_pred[:1]),
    ]
    if matrix:
        batches += [(y_true * 0 + 1, y_pred), (np.eye(6) if y_true.ndim > 1 else LABELS, y_pred)]
    for target, x in batches:
        x = np.ascontiguousarray(x).astype(bfloat16 if dtype == "bfloat16" else dtype)
        value, (gradient,) = value_and_grad(lambda x, target=target: loss(target, x), x)
        if dtype != "float16":  # Which has no number for the square of 1e4.
            assert np.isfinite(np.asarray(value, "float64")).all()
        assert np.isfinite(np.asarray(gradient, "float64")).all()
