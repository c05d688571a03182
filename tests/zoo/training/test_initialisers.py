"""Initial weights: their distribution by name, and in a model."""

import keras
import numpy as np
import pytest
from scipy import stats

from graph.nn.initial import torch_uniform
from zoo import LeNet5
from zoo.training import initialise, initialiser
from zoo.training.initialisers import INITIALISERS

FAN_IN, FAN_OUT = 3 * 5 * 20, 3 * 5 * 40
EXPECTED = {
    "gaussian": ("norm", 0.01**2),
    "torch": ("uniform", 1 / (3 * FAN_IN)),
    "xavier": ("uniform", 2 / (FAN_IN + FAN_OUT)),
    "xavier_normal": ("norm", 2 / (FAN_IN + FAN_OUT)),
    "xavier_caffe": ("uniform", 1 / FAN_IN),
    "he": ("norm", 2 / FAN_IN),
    "he_uniform": ("uniform", 2 / FAN_IN),
    "kaiming_average": ("uniform", 4 / (FAN_IN + FAN_OUT)),
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_the_distribution_is_the_one_of_its_name(name):
    kind, variance = EXPECTED[name]
    drawn = np.asarray(initialiser(name, 7)((3, 5, 20, 40), "float32"), "float64").ravel()
    deviation = np.sqrt(variance)
    half = deviation * np.sqrt(3)
    expected = stats.norm(0, deviation) if kind == "norm" else stats.uniform(-half, 2 * half)
    # 12,000 numbers: the greatest distance of the distributions, not a test of chance.
    assert stats.kstest(drawn, expected.cdf).statistic < 0.02
    assert drawn.std() == pytest.approx(deviation, rel=0.03)


def test_torch_is_what_the_modules_of_graph_start_with():
    mine = initialiser("torch", 3)((300, 200), "float32")
    theirs = torch_uniform(300, 3)((300, 200), "float32")
    np.testing.assert_allclose(mine, theirs, rtol=1e-5)


def test_seeds():
    one, two = (np.asarray(initialiser("he", s)((4, 4), "float32")) for s in (1, 2))
    assert (one != two).all()
    np.testing.assert_array_equal(initialiser("he", 1)((4, 4), "float32"), one)


def test_initialise_a_network():
    model = LeNet5()
    paths = initialise(model, "gaussian", 0.5, seed=4)
    assert paths == [f"lenet5/{name}" for name in ("conv1", "conv2", "fc3", "fc4", "fc5")] or (
        paths == ["conv1", "conv2", "fc3", "fc4", "fc5"]
    )
    for name in ("conv1", "conv2", "fc3", "fc4", "fc5"):
        layer = model.get_layer(name)
        assert np.std(layer.kernel) == pytest.approx(0.01, rel=0.25)
        np.testing.assert_array_equal(layer.bias, np.full(layer.bias.shape, 0.5))
    again = LeNet5()
    initialise(again, "gaussian", 0.5, seed=4)
    for one, two in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(one, two)
    initialise(again, "gaussian", 0.5, seed=9)
    assert (np.asarray(model.weights[0]) != np.asarray(again.weights[0])).any()


def test_inner_and_shared_layers_and_what_stays():
    layers = keras.layers
    shared = layers.Dense(3, name="shared", use_bias=False)
    inner = keras.Sequential([keras.Input((4, 2)), layers.Conv1D(3, 2, name="conv")], name="inner")
    x = keras.Input((4, 2))
    y = layers.LSTM(3)(shared(shared(inner(x))))
    model = keras.Model(x, layers.Dense(1, name="top")(layers.BatchNormalization()(y)))
    before = {w.path: np.asarray(w) for w in model.weights}
    bias = np.asarray(model.get_layer("top").bias.assign([3.0]))
    paths = initialise(model, keras.initializers.Constant(0.25), None)
    assert sorted(p.rpartition("/")[2] for p in paths) == ["conv", "shared", "top"]
    changed = {p for p, w in before.items() if (w != np.asarray(_weight(model, p))).any()}
    assert {p.rpartition("/")[0].rpartition("/")[2] for p in changed} == {"conv", "shared", "top"}
    np.testing.assert_array_equal(inner.get_layer("conv").kernel, np.full((2, 2, 3), 0.25))
    np.testing.assert_array_equal(model.get_layer("top").bias, bias)  # None: left


def _weight(model, path):
    return next(w for w in model.weights if w.path == path)


def test_mistakes_change_nothing():
    model = LeNet5()
    before = model.get_weights()
    with pytest.raises(
        ValueError, match="no initialiser 'msra'; there are gaussian, torch, xavier"
    ):
        initialise(model, "msra")
    for one, two in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with pytest.raises(ValueError, match="no built Dense or convolution layer\n  fix: build"):
        initialise(keras.Sequential([keras.layers.Dense(3)]))
