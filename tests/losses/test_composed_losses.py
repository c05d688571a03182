"""Losses made of losses: sums over steps of a sequence, weighted sums, pairs of predictions."""

import keras
import numpy as np
import pytest
from keras import ops
from loss_gradient import value_and_grad

import losses
from losses import SequenceLoss, TableLoss, WeightedSumLoss

B, T, C = 4, 3, 5
RNG = np.random.default_rng(5)
X = RNG.normal(size=(B, T, C)).astype("float32")
Y = RNG.normal(size=(B, T, C)).astype("float32")
LABELS = RNG.integers(0, C, size=(B, T))
WEIGHTS = [0.2, 1.5, 0.7, 1.0, 2.0]


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (losses.MSELoss(), Y),
        (losses.L1Loss(reduction="sum"), Y),
        (losses.CrossEntropyLoss(WEIGHTS, ignore_index=2), LABELS),
        (losses.MultiMarginLoss(2), LABELS),
        (keras.losses.MeanSquaredError(), Y),
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), LABELS),
    ],
)
def test_a_sequence_is_the_sum_of_its_steps(loss, y):
    """As nn.SequencerCriterion forms it: each step is a batch."""
    value, (g,) = value_and_grad(lambda x: SequenceLoss(loss)(y, x), X)
    steps = [value_and_grad(lambda x, t=t: loss(y[:, t], x), X[:, t]) for t in range(T)]
    np.testing.assert_allclose(value, sum(v for v, _ in steps), rtol=1e-5)
    for t, (_, (expected,)) in enumerate(steps):
        np.testing.assert_allclose(g[:, t], expected, rtol=1e-5, atol=1e-7)


def test_masked_steps_add_nothing():
    there = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 1]], bool)
    expected = np.sum(np.mean((X - Y) ** 2, axis=2) * there) / B
    y = np.where(there[:, :, None], Y, -9.0)
    by_value = SequenceLoss(losses.MSELoss(), mask_value=-9.0)
    value, (g,) = value_and_grad(lambda x: by_value(y, x), X)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    assert not g[~there].any()
    x = ops.convert_to_tensor(X)
    x._keras_mask = ops.convert_to_tensor(there)
    np.testing.assert_allclose(float(SequenceLoss(losses.MSELoss())(Y, x)), expected, rtol=1e-5)
    by_weight = SequenceLoss(losses.MSELoss())(Y, X, there.astype("float32"))
    np.testing.assert_allclose(float(by_weight), expected, rtol=1e-5)


def test_a_masked_step_may_hold_anything():
    y = Y.copy()
    y[1, 2], x = np.nan, ops.convert_to_tensor(X)
    x._keras_mask = ops.convert_to_tensor(~np.isnan(y).all(axis=2))
    assert np.isfinite(float(SequenceLoss(losses.MSELoss())(y, x)))


def test_weights_of_sequences():
    weight = np.array([1.0, 0.0, 2.0, 0.5])
    got = SequenceLoss(losses.MSELoss(reduction="sum"))(Y, X, weight)
    expected = np.sum((X - Y) ** 2 * weight[:, None, None])
    np.testing.assert_allclose(float(got), expected, rtol=1e-5)


def test_the_mask_of_a_layer_reaches_it(tmp_path):
    x = X.copy()
    x[1, 2] = x[3, 1:] = 0
    model = keras.Sequential([keras.Input((T, C)), keras.layers.Masking(), keras.layers.Dense(C)])
    model.compile("sgd", SequenceLoss(losses.MSELoss()))
    got = model.evaluate(x, Y, verbose=0)
    steps = np.mean((model.predict(x, verbose=0) - Y) ** 2, axis=2) * x.any(axis=2)
    np.testing.assert_allclose(got, steps.sum() / B, rtol=1e-5)
    model.fit(x, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        again.evaluate(x, Y, verbose=0), model.evaluate(x, Y, verbose=0), rtol=1e-5
    )


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("repeat", [False, True])
def test_a_weighted_sum(parallel, repeat):
    loss = WeightedSumLoss(
        [losses.MSELoss(), losses.L1Loss(reduction="sum")], [0.5, 2.0], parallel, repeat
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
    (a, b), (y, z) = (X, X[::-1].copy()), (Y, Y[::-1].copy())
    if not parallel:
        b, z = a, y
    if repeat:
        z = y
    weight = np.array([1.0, 0.0, 2.0, 0.5], "float32")
    w = weight[:, None, None]
    expected = 0.5 * np.mean((a - y) ** 2 * w) + 2 * np.sum(np.abs(b - z) * w)
    y_true = [y, z] if parallel and not repeat else y
    for one in (loss, again):
        got = one(y_true, [a, b] if parallel else a, weight)
        np.testing.assert_allclose(float(got), expected, rtol=1e-5)


def test_a_table_holds_its_target():
    loss = TableLoss(losses.MSELoss())
    value, (g, of_target) = value_and_grad(lambda x, y: loss(None, [x, y]), X, Y)
    np.testing.assert_allclose(value, np.mean((X - Y) ** 2), rtol=1e-5)
    np.testing.assert_allclose(g, 2 * (X - Y) / X.size, rtol=1e-4, atol=1e-8)
    assert not of_target.any()
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert float(again(None, np.stack([X, Y], axis=1))) == float(loss(None, [X, Y]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WeightedSumLoss([]), "at least one loss"),
        (lambda: WeightedSumLoss([losses.L1Loss()], [1, 2]), "1 losses and 2 weights"),
        (
            lambda: WeightedSumLoss([losses.L1Loss()] * 2, parallel=True)(Y, [X, X, X]),
            "2 parts in y_pred: .* got a list of 3",
        ),
        (lambda: TableLoss(losses.L1Loss())(None, X), "got a tensor of shape \\(4, 3, 5\\)"),
        (lambda: SequenceLoss(losses.L1Loss(reduction=None)), "absolute_error has the reduction"),
        (lambda: SequenceLoss(losses.L1Loss())(Y[:, 1:], X), "same batch and time"),
        (lambda: SequenceLoss(losses.L1Loss())(Y[:, 0, 0], X), "same batch and time"),
        (
            lambda: SequenceLoss(losses.WeightedKappaLoss(C))(Y, X),
            "a value for each sample; weighted_kappa",
        ),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
