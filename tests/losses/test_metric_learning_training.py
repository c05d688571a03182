"""Training with each loss brings digits of a class together, and survives saving."""

import keras
import numpy as np
import pytest
from metric_learning_losses import BATCH_LOSSES, PROXY_LOSSES, with_proxies
from sklearn.datasets import load_digits

import losses

# Proxies are to be found before embeddings can follow them.
EPOCHS = {"proxy_anchor": 24}
# These are compiled by XLA, as `fit` does by default; the others only traced, which is quicker.
XLA = ("semi_hard", "hard", "batch_all", "mined_hard", "arc_face")


@pytest.fixture(scope="module")
def digits():
    """Half of the digits to train on, half to judge by."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = (x[order] / 16).astype("float32"), y[order].astype("int32")
    return (x[:768], y[:768]), (x[768:], y[768:])


def recall_at_1(model, x, y):
    """How often the nearest other embedding, by the cosine, is of the same class."""
    embeddings = np.asarray(model.predict(x, verbose=0, batch_size=1024))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True) + 1e-12
    near = embeddings @ embeddings.T
    np.fill_diagonal(near, -np.inf)
    return float(np.mean(y[near.argmax(axis=1)] == y))


def embedder(head):
    """A random projection to few dimensions, hard to search in until it is trained."""
    inputs = keras.Input((64,))
    x = keras.layers.Dense(4, use_bias=False)(inputs)
    return keras.Model(inputs, x), keras.Model(inputs, head(x) if head else x)


# One of each kind is quick enough for every run.
QUICK = ("hard", "nt_xent", "arc_face", "margin_beta")
NAMES = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in (*BATCH_LOSSES, *PROXY_LOSSES)
]


@pytest.mark.parametrize("name", NAMES)
def test_fit_improves_recall_and_is_saved(name, digits, tmp_path):
    (x, y), held_out = digits
    loss, head = (BATCH_LOSSES[name](), None) if name in BATCH_LOSSES else with_proxies(name)
    if name == "intra_pair_variance":
        # Alone it evens out the pairs of a kind, near or far; its paper adds it to this loss.
        loss = losses.WeightedSumLoss([losses.TupletMarginLoss(), loss], [1.0, 0.5])
    embeddings, model = embedder(head)
    before = recall_at_1(embeddings, *held_out)
    jit_compile = keras.backend.backend() == "tensorflow" and name in XLA
    model.compile(keras.optimizers.Adam(0.02), loss, jit_compile=jit_compile)
    model.fit(x, y, batch_size=96, epochs=EPOCHS.get(name, 4), verbose=0)
    assert recall_at_1(embeddings, *held_out) > before + 0.03

    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    assert type(again.loss) is type(loss)
    assert again.loss.get_config() == loss.get_config()
    for ours, stored in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(stored))
    np.testing.assert_array_equal(model.predict(x[:8], verbose=0), again.predict(x[:8], verbose=0))
    if name != "mined_distance":  # It draws.
        expected = model.evaluate(x[:96], y[:96], batch_size=96, verbose=0)
        assert again.evaluate(x[:96], y[:96], batch_size=96, verbose=0) == pytest.approx(
            expected, rel=1e-5
        )
    again.fit(x[:96], y[:96], batch_size=96, verbose=0)
