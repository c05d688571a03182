"""The equal error rate against scikit-learn's ROC curve."""

import keras
import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

import losses
from losses import EqualErrorRate


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def by_roc_curve(y_true, y_pred, weight=None):
    fpr, tpr, _ = roc_curve(y_true, y_pred, sample_weight=weight)
    return brentq(lambda x: 1 - x - np.interp(x, fpr, tpr), 0, 1, xtol=1e-12)


def data(n, decimals, seed):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, 2, n)
    y_true[:2] = 0, 1
    y_pred = np.round(y_true * 0.8 + rng.normal(size=n), decimals)
    return y_true, y_pred.astype("float32"), rng.integers(1, 5, n) / 4


@pytest.mark.parametrize("n", [2, 9, 200])
@pytest.mark.parametrize("decimals", [0, 5])
@pytest.mark.parametrize("seed", range(6))
def test_it_is_that_of_the_roc_curve(n, decimals, seed):
    y_true, y_pred, weight = data(n, decimals, seed)
    expected = by_roc_curve(y_true, y_pred)
    np.testing.assert_allclose(value(losses.equal_error_rate(y_true, y_pred)), expected, atol=2e-6)
    np.testing.assert_allclose(
        value(losses.equal_error_rate(y_true[:, None], y_pred[:, None], weight)),
        by_roc_curve(y_true, y_pred, weight),
        atol=2e-6,
    )
    metric = EqualErrorRate(capacity=n)
    for part in np.array_split(np.arange(n), 2):
        metric.update_state(y_true[part], y_pred[part])
    np.testing.assert_allclose(value(metric.result()), expected, atol=2e-6)
    assert metric.bounds() == pytest.approx((value(metric.result()),) * 2)


@pytest.mark.parametrize(
    ("y_pred", "expected"), [([0, 1, 2, 3], 0), ([3, 2, 1, 0], 1), ([5, 5, 5, 5], 0.5)]
)
def test_perfect_reversed_and_constant_scores(y_pred, expected):
    assert value(losses.equal_error_rate([0, 0, 1, 1], y_pred)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("y_true", "y_pred"), [([1, 1], [0.1, 0.2]), ([0, 0], [0.1, 0.2]), ([0, 1], [np.nan, 1])]
)
def test_one_kind_alone_has_no_rate(y_true, y_pred):
    assert np.isnan(value(losses.equal_error_rate(y_true, y_pred)))
    metric = EqualErrorRate(capacity=4)
    assert np.isnan(value(metric.result()))
    metric.update_state(y_true, y_pred)
    assert np.isnan(value(metric.result()))


@pytest.mark.parametrize("bins", [3, 8, 100])
@pytest.mark.parametrize("seed", range(4))
def test_bins_bound_the_exact_value(bins, seed):
    y_true, y_pred, _ = data(500, 5, seed)
    metric = EqualErrorRate(edges=np.linspace(-2, 3, bins - 1))
    metric.update_state(y_true[:200], y_pred[:200])
    metric.update_state(y_true[200:], y_pred[200:])
    low, high = metric.bounds()
    assert low - 1e-6 <= value(metric.result()) <= high + 1e-6
    assert low - 1e-6 <= by_roc_curve(y_true, y_pred) <= high + 1e-6
    assert high - low < 3.5 / bins
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.get_config() == metric.get_config()


def test_a_random_choice_is_as_good_as_it_says():
    y_true, y_pred, _ = data(3000, 5, 0)
    exact = by_roc_curve(y_true, y_pred)
    inside, errors = 0, []
    for seed in range(20):
        metric = EqualErrorRate(200, "sample", seed)
        for part in np.array_split(np.arange(3000), 3):
            metric.update_state(y_true[part], y_pred[part])
        low, high = metric.bounds()
        inside += low <= exact <= high
        errors.append(value(metric.result()) - exact)
    assert inside >= 16 and 1e-4 < np.sqrt(np.mean(np.square(errors))) < (high - low) / 4 * 1.5


def test_fit_evaluate_and_load(tmp_path):
    y_true, y_pred, _ = data(120, 5, 3)
    x = np.stack([y_pred, y_pred**2], axis=1)
    keras.utils.set_random_seed(5)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=[EqualErrorRate(120)])
    model.fit(x, y_true, batch_size=50, epochs=2, verbose=0)
    got = model.evaluate(x, y_true, batch_size=70, verbose=0, return_dict=True)
    expected = by_roc_curve(y_true, model.predict(x, verbose=0)[:, 0])
    np.testing.assert_allclose(got["equal_error_rate"], expected, atol=1e-5)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    again = loaded.evaluate(x, y_true, verbose=0, return_dict=True)
    np.testing.assert_allclose(again["equal_error_rate"], expected, atol=1e-5)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r"equal_error_rate .*\(3, 2\)"):
        losses.equal_error_rate(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="one length; got 3, 2"):
        losses.equal_error_rate(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="ascending"):
        EqualErrorRate(edges=[1.0, 1.0])
    with pytest.raises(ValueError, match="has seen 3 samples"):
        EqualErrorRate(2)([0, 1, 1], [0.1, 0.2, 0.3])
