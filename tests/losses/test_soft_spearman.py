"""Soft ranks: their limit is Spearman's correlation, and they train."""

import keras
import numpy as np
import pytest
from loss_gradient import value_and_grad
from scipy import stats

import losses
from losses import SoftSpearmanLoss, soft_spearman


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def data(n=30, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n).astype("float32")
    return x, (x + rng.normal(size=n)).astype("float32")


def by_loops(x, y, temperature, w):
    """Soft ranks, one comparison at a time, and numpy's weighted covariance."""
    n = len(x)
    exact = [sum(w[j] * ((x[j] < x[i]) + (x[j] == x[i]) / 2) for j in range(n)) for i in range(n)]
    soft = [
        sum(w[j] / (1 + np.exp(-(y[i] - y[j]) / temperature)) for j in range(n)) for i in range(n)
    ]
    c = np.cov(exact, soft, aweights=w)
    return c[0, 1] / np.sqrt(c[0, 0] * c[1, 1])


@pytest.mark.parametrize("temperature", [0.05, 0.3, 2.0])
def test_it_is_that_of_loops(temperature):
    x, y = data(12)
    w = np.linspace(0.5, 2, 12)
    got = value(soft_spearman(x, y[:, None], w, temperature))
    expected = by_loops(x.astype("float64"), y.astype("float64"), temperature, w)
    np.testing.assert_allclose(got, expected, rtol=2e-5)
    loss = SoftSpearmanLoss(temperature)
    np.testing.assert_allclose(value(loss(x[:, None], y, w)), 1 - expected, rtol=1e-4)


@pytest.mark.parametrize("ties", [False, True])
def test_the_limit_is_spearman(ties):
    x, y = data(40)
    if ties:
        x, y = np.round(x), np.round(y)
    expected = stats.spearmanr(x, y).statistic
    off = [abs(value(soft_spearman(x, y, temperature=t)) - expected) for t in (1, 0.1, 1e-5)]
    assert off[2] < 2e-6 < off[1] < off[0]


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_the_gradient_is_that_of_differences(temperature):
    x, y = (v.astype("float64") for v in data(9))
    w = np.linspace(0.5, 2, 9)

    def loss(scores):
        return soft_spearman(x, scores, w, temperature)

    got, (grad,) = value_and_grad(loss, y)
    np.testing.assert_allclose(got, by_loops(x, y, temperature, w), rtol=1e-6)
    for i in range(9):
        step = np.eye(9)[i] * 1e-5
        up, down = (by_loops(x, y + s, temperature, w) for s in (step, -step))
        np.testing.assert_allclose(grad[i], (up - down) / 2e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("kind", ["equal scores", "equal targets", "one sample", "far apart"])
def test_values_and_gradients_are_finite(dtype, kind):
    import ml_dtypes

    x, y = data(16)
    if kind == "equal scores":
        y = np.full_like(y, 0.3)
    if kind == "equal targets":
        x = np.zeros_like(x)
    if kind == "one sample":
        x, y = x[:1], y[:1]
    if kind == "far apart":
        y = y * 1e4
    y = y.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    got, (grad,) = value_and_grad(lambda scores: soft_spearman(x, scores), y)
    assert np.isfinite(np.float32(got)) and np.isfinite(np.float32(grad)).all()
    if kind != "far apart":
        assert abs(got) < 1e-6
    if kind == "equal scores":
        assert np.abs(np.float32(grad)).max() > 0  # so that training can leave it


def test_training_raises_spearman(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(256, 6)).astype("float32")
    target = np.exp(x @ [1.0, -2.0, 0.5, 0, 0, 1.5]) * np.exp(0.3 * rng.normal(size=256))
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    metric = losses.SpearmanCorrelation(256)
    model.compile(keras.optimizers.Adam(0.03), SoftSpearmanLoss(0.5), metrics=[metric])
    before = model.evaluate(x, target, verbose=0, return_dict=True)
    model.fit(x, target, batch_size=64, epochs=15, verbose=0)
    after = model.evaluate(x, target, batch_size=256, verbose=0, return_dict=True)
    assert before["spearman_correlation"] < 0.7 < 0.95 < after["spearman_correlation"]
    assert after["loss"] < before["loss"] / 3
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert isinstance(loaded.loss, SoftSpearmanLoss) and loaded.loss.temperature == 0.5
    again = loaded.evaluate(x, target, batch_size=256, verbose=0, return_dict=True)
    np.testing.assert_allclose(again["loss"], after["loss"], rtol=1e-4)


def test_config():
    loss = SoftSpearmanLoss(0.7, name="ranks", dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, SoftSpearmanLoss) and again.get_config() == loss.get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftSpearmanLoss(0), "temperature must be positive; got 0"),
        (lambda: soft_spearman([1, 2], [1.0, 2.0], temperature=-1), "got -1"),
        (lambda: soft_spearman(np.ones((3, 2)), np.ones(3)), r"soft_spearman .*\(3, 2\)"),
        (lambda: soft_spearman(np.ones(3), np.ones(2)), "one length; got 3, 2"),
    ],
)
def test_mistakes_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()
