"""Rank correlations against scipy: ties, weights, batches, and what bounded memory costs."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import losses
from losses import KendallTau, PearsonCorrelation, SpearmanCorrelation, WeightedTau

FUNCTIONS = {
    "spearman": (losses.spearman, lambda x, y: stats.spearmanr(x, y).statistic),
    "tau_b": (losses.kendall_tau, lambda x, y: stats.kendalltau(x, y).statistic),
    "tau_c": (
        lambda *args: losses.kendall_tau(*args, variant="c"),
        lambda x, y: stats.kendalltau(x, y, variant="c").statistic,
    ),
    "somers_d": (
        lambda *args: losses.kendall_tau(*args, variant="d"),
        lambda x, y: stats.somersd(x, y).statistic,
    ),
    "pearson": (losses.pearson, lambda x, y: stats.pearsonr(x, y).statistic),
    "weighted_tau": (losses.weighted_tau, lambda x, y: stats.weightedtau(x, y).statistic),
}
METRICS = {
    "spearman": lambda **kwargs: SpearmanCorrelation(**kwargs),
    "tau_b": lambda **kwargs: KendallTau(**kwargs),
    "tau_c": lambda **kwargs: KendallTau("c", **kwargs),
    "somers_d": lambda **kwargs: KendallTau("d", **kwargs),
    "pearson": lambda capacity=0, **kwargs: PearsonCorrelation(**kwargs),
    "weighted_tau": lambda **kwargs: WeightedTau(**kwargs),
}
WEIGHTED = [name for name in FUNCTIONS if name != "weighted_tau"]
ATOL = 2e-6
# Few lengths, since JAX compiles for each; few values, so that many are ties.
LENGTHS = st.sampled_from([2, 3, 8, 17])
few = settings(max_examples=20)


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def pairs_of(data, n):
    values = st.lists(st.integers(-3, 3), min_size=n, max_size=n)
    return (np.array(data.draw(values), "float32") / 4 for _ in "xy")


def scipys(name, x, y):
    # somersd has no value for constants, weightedtau takes them for equal ranks.
    if len(np.unique(x)) == 1 or (name != "somers_d" and len(np.unique(y)) == 1):
        return np.nan
    if len(np.unique(y)) == 1:
        return 0.0
    if name == "somers_d" and len(x) > 100:  # scipy's takes minutes for a table of this size
        signs = np.sign(x[:, None] - x) * np.sign(y[:, None] - y)
        return signs.sum() / (x[:, None] != x).sum()
    return FUNCTIONS[name][1](x, y)


@pytest.mark.parametrize("name", FUNCTIONS)
@few
@given(data=st.data(), n=LENGTHS)
def test_ties_are_scipys(name, data, n):
    x, y = pairs_of(data, n)
    expected = scipys(name, x, y)
    np.testing.assert_allclose(value(FUNCTIONS[name][0](x, y)), expected, atol=ATOL, rtol=0)


@pytest.mark.parametrize("name", WEIGHTED)
@few
@given(data=st.data())
def test_a_weight_counts_a_sample_that_often(name, data):
    x, y = pairs_of(data, 8)
    w = np.array(data.draw(st.lists(st.integers(0, 3), min_size=8, max_size=8)))
    x[w == 0] = np.nan  # not even looked at
    expected = np.nan
    if w.sum() > 1:
        expected = scipys(name, np.repeat(x, w), np.repeat(y, w))
    got = value(FUNCTIONS[name][0](x, y, w.astype("float32")))
    np.testing.assert_allclose(got, expected, atol=ATOL, rtol=0)
    scaled = value(FUNCTIONS[name][0](x[:, None], y[:, None], w[:, None] * 0.37))
    np.testing.assert_allclose(scaled, expected, atol=ATOL, rtol=0)


@pytest.mark.parametrize("name", METRICS)
@few
@given(data=st.data())
def test_any_batches_give_the_value_of_the_whole(name, data):
    x, y = pairs_of(data, 17)
    metric = METRICS[name](capacity=17)
    start = 0
    while start < 17:
        size = data.draw(st.sampled_from([1, 4, 9]))
        metric.update_state(x[start : start + size], y[start : start + size, None])
        start += size
    np.testing.assert_allclose(value(metric.result()), scipys(name, x, y), atol=ATOL, rtol=0)


@pytest.mark.parametrize("name", METRICS)
def test_a_large_sample_is_scipys(name):
    rng = np.random.default_rng(3)
    x = rng.normal(size=3000).astype("float32")
    y = np.round(x + rng.normal(size=3000), 1).astype("float32")
    metric = METRICS[name](capacity=4000)
    for part in np.array_split(np.arange(3000), 2):
        metric.update_state(x[part], y[part])
    np.testing.assert_allclose(value(metric.result()), scipys(name, x, y), atol=ATOL, rtol=0)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("bad", [([1.0], [2.0]), ([1, 1, 1], [1, 2, 3]), ([1, np.nan], [1, 2])])
def test_what_is_undefined_is_nan(name, bad):
    x, y = (np.array(v, "float32") for v in bad)
    assert np.isnan(value(FUNCTIONS[name][0](x, y)))
    metric = METRICS[name](capacity=4)
    assert np.isnan(value(metric.result()))
    metric.update_state(x, y)
    assert np.isnan(value(metric.result()))


@pytest.mark.parametrize("offset", [0.0, 1e4, -3e6])
def test_pearson_keeps_its_digits_far_from_zero(offset):
    rng = np.random.default_rng(4)
    x = (rng.integers(-40, 40, 600) + offset).astype("float32")
    y = (x - offset + rng.integers(-40, 40, 600) + 2 * offset).astype("float32")
    metric = PearsonCorrelation()
    weight = rng.integers(0, 3, 600)
    x[weight == 0], y[weight == 0] = 1e30, np.nan
    for part in np.array_split(np.arange(600), 7):
        metric.update_state(x[part], y[part], weight[part])
    expected = stats.pearsonr(*(np.repeat(v, weight).astype("float64") for v in (x, y))).statistic
    np.testing.assert_allclose(value(metric.result()), expected, atol=ATOL)
    np.testing.assert_allclose(value(losses.pearson(x, y, weight)), expected, atol=ATOL)


EDGES = np.linspace(-2, 2, 41)


@pytest.mark.parametrize("name", ["spearman", "tau_b", "tau_c", "somers_d"])
@pytest.mark.parametrize("slope", [0.0, 0.5, -8.0])
def test_bins_bound_the_exact_value(name, slope):
    rng = np.random.default_rng(5)
    x = rng.normal(size=900).astype("float32")
    y = (slope * x + rng.normal(size=900)).astype("float32")
    y /= y.std()
    exact = scipys(name, x, y)
    widths = []
    for edges in (EDGES[::8], EDGES):
        metric = METRICS[name](edges=(edges, edges))
        for part in np.array_split(np.arange(900), 2):
            metric.update_state(x[part], y[part])
        low, high = metric.bounds()
        assert low - 1e-6 <= value(metric.result()) <= high + 1e-6
        assert low - 1e-6 <= exact <= high + 1e-6
        widths.append(high - low)
        assert max(v.shape[0] for v in metric.variables) == (len(edges) + 1) ** 2
    assert widths[1] < widths[0] / 3 and widths[1] < 0.3


def test_a_nan_in_bins_is_not_lost():
    metric = KendallTau(edges=([0.0], [0.0]))
    metric.update_state([1.0, -1.0, np.nan], [1.0, -1.0, 0.0])
    assert np.isnan(value(metric.result()))


@pytest.mark.parametrize("name", ["spearman", "tau_b"])
def test_a_random_choice_is_as_good_as_it_says(name):
    rng = np.random.default_rng(6)
    x = rng.normal(size=2000).astype("float32")
    y = (0.7 * x + rng.normal(size=2000)).astype("float32")
    exact = scipys(name, x, y)
    errors, inside = [], 0
    for seed in range(25):
        metric = METRICS[name](capacity=100, overflow="sample", seed=seed)
        for part in np.array_split(np.arange(2000), 4):
            metric.update_state(x[part], y[part])
        low, high = metric.bounds()
        inside += low <= exact <= high
        errors.append(value(metric.result()) - exact)
    assert inside >= 20 and len({round(e, 6) for e in errors}) > 15
    factor = {"spearman": 3, "tau_b": 2}[name]
    assert np.sqrt(np.mean(np.square(errors))) < np.sqrt(factor * (1 - exact**2) / 100)
    assert abs(np.mean(errors)) < 0.06  # early and late samples have the same chance


def test_the_choice_is_every_sample_alike_and_the_same_after_a_reset():
    metric = SpearmanCorrelation(capacity=50, overflow="sample", seed=3)
    kept = []
    for _ in range(2):
        for start in range(0, 1000, 100):
            metric.update_state(np.arange(start, start + 100.0), np.zeros(100))
        rows = next(v for v in metric.variables if v.name == "y_true")
        kept.append(np.sort(keras.ops.convert_to_numpy(rows)))
        metric.reset_state()
    np.testing.assert_array_equal(kept[0], kept[1])
    assert len(np.unique(kept[0])) == 50
    assert np.histogram(kept[0], 4, (0, 1000))[0].min() >= 4


@pytest.mark.parametrize("name", ["spearman", "tau_b", "weighted_tau"])
def test_too_many_samples_are_told(name):
    metric = METRICS[name](capacity=5)
    metric.update_state(np.arange(5.0), np.arange(5.0))
    assert value(metric.result()) == pytest.approx(1)
    metric.update_state([5.0], [0.0])
    with pytest.raises(ValueError, match=f"{metric.name} has seen 6 samples.*capacity=5"):
        metric.result()
    metric.reset_state()
    metric.update_state(np.arange(3.0), -np.arange(3.0))
    assert value(metric.result()) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpearmanCorrelation(capacity=1), "capacity must be .* got 1"),
        (lambda: KendallTau(capacity=2.5), "capacity must be .* got 2.5"),
        (lambda: SpearmanCorrelation(overflow="drop"), "overflow must be .* got 'drop'"),
        (lambda: KendallTau("a"), "variant must be .* got 'a'"),
        (lambda: losses.kendall_tau([1, 2], [1, 2], variant="a"), "variant must be .* got 'a'"),
        (lambda: SpearmanCorrelation(edges=([1.0, 0.0], [1.0])), "ascending"),
        (lambda: SpearmanCorrelation(edges=([1.0],)), "edges must be"),
        (lambda: losses.spearman(np.ones((3, 2)), np.ones(3)), r"spearman .*\(3, 2\)"),
        (lambda: losses.pearson(np.ones(3), np.ones(2)), "one length; got 3, 2"),
        (lambda: KendallTau().update_state(np.ones(3), np.ones(2)), "one length; got 3 and 2"),
        (lambda: WeightedTau().update_state([1], [1], [1]), "no sample_weight"),
    ],
)
def test_mistakes_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "metric",
    [
        SpearmanCorrelation(20, "sample", 4, name="a", dtype="float64"),
        SpearmanCorrelation(edges=([0.0, 1.0], [2.0])),
        KendallTau("c", 30, name="b"),
        PearsonCorrelation(name="c"),
        WeightedTau(40),
    ],
    ids=lambda metric: metric.name,
)
def test_config_and_serialization(metric):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert keras.saving.get_registered_name(type(metric)) == f"nngraph>{type(metric).__name__}"


def regression(metrics):
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(7)
    x = rng.normal(size=(150, 4)).astype("float32")
    y = (x[:, 0] + rng.normal(size=150)).astype("float32")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", metrics=metrics, weighted_metrics=[SpearmanCorrelation(name="w")])
    return model, x, y


def test_fit_evaluate_save_and_load(tmp_path):
    model, x, y = regression([SpearmanCorrelation(200), KendallTau("b", 200), PearsonCorrelation()])
    model.fit(x, y, batch_size=64, epochs=2, verbose=0)  # 150 samples an epoch: it is reset
    weight = np.arange(150) % 2
    got = model.evaluate(x, y, 40, 0, weight, return_dict=True)
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    again = loaded.evaluate(x, y, 150, 0, weight, return_dict=True)
    p = model.predict(x, verbose=0)[:, 0]
    expected = {
        "spearman_correlation": scipys("spearman", y, p),
        "kendall_tau": scipys("tau_b", y, p),
        "pearson_correlation": scipys("pearson", y, p),
        "w": scipys("spearman", y[1::2], p[1::2]),
    }
    for name, number in expected.items():
        np.testing.assert_allclose([got[name], again[name]], number, atol=1e-5)


def test_fit_tells_of_too_many_samples_at_the_end_of_the_epoch():
    model, x, y = regression([KendallTau(capacity=100)])
    with pytest.raises(ValueError, match="kendall_tau has seen .* capacity=100"):
        model.fit(x, y, batch_size=50, verbose=0)


def test_fit_with_a_random_choice_and_with_bins():
    bins = SpearmanCorrelation(edges=(EDGES, EDGES), name="bins")
    sample = SpearmanCorrelation(100, "sample", name="sample")
    model, x, y = regression([bins, sample])
    got = model.fit(x, y, batch_size=75, epochs=2, verbose=0).history
    got = model.evaluate(x, y, verbose=0, return_dict=True, batch_size=75)
    exact = scipys("spearman", y, model.predict(x, verbose=0)[:, 0])
    low, high = bins.bounds()
    assert low <= exact <= high and abs(got["bins"] - exact) < 0.05
    assert abs(got["sample"] - exact) < 0.3


def test_keras_backend_dtype_and_integers():
    assert value(losses.spearman(np.arange(5), [[1], [2], [3], [5], [4]])) == pytest.approx(0.9)
    big = 2**24 + np.arange(4)
    metric = SpearmanCorrelation(4, dtype="float64")
    metric.update_state(np.float64(big), [1, 2, 4, 3])
    if keras.backend.backend() != "jax":  # whose float64 is float32
        assert value(metric.result()) == pytest.approx(0.8)
    half = np.array([1, 2, 3, 5, 4], "float16")
    assert value(losses.kendall_tau(np.arange(5), half)) == pytest.approx(0.8)
