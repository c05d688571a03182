"""Rectifiers: against NumPy, at their bends, and the random one in training."""

import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[-3.5, -1.0, -0.25, 0.0, 0.75, 1.0, 7.5]], "float32")
G = np.array([[1, -2, 3, -4, 5, -6, 7]], "float32")

CASES = [
    (nn.Threshold(0.75, -2), np.where(X > 0.75, X, -2), X > 0.75),
    (nn.Threshold(), np.where(X > 1e-6, X, 0), X > 1e-6),
    (nn.Threshold(-0.25, -0.5, True), np.where(X > -0.25, X, -0.5), X > -0.25),
    (nn.ReLU6(True), np.clip(X, 0, 6), (X > 0) & (X < 6)),
    (nn.LeakyReLU(), np.where(X > 0, X, 0.01 * X), np.where(X > 0, 1, 0.01)),
    (nn.LeakyReLU(True), np.where(X > 0, X, 0.01 * X), np.where(X > 0, 1, 0.01)),
    (nn.LeakyReLU(1.5), np.where(X > 0, X, 1.5 * X), np.where(X > 0, 1, 1.5)),
    (nn.LeakyReLU(-0.5), np.where(X > 0, X, -0.5 * X), np.where(X > 0, 1, -0.5)),
    (nn.PReLU(), np.where(X > 0, X, 0.25 * X), np.where(X > 0, 1, 0.25)),
    (nn.RReLU(0.25, 0.75), np.where(X > 0, X, 0.5 * X), np.where(X > 0, 1, 0.5)),
]


@pytest.mark.parametrize(("module", "value", "slope"), CASES, ids=lambda c: repr(c)[:24])
def test_value_and_gradient(run, module, value, slope):
    ran = run(module, X, G)
    np.testing.assert_allclose(ran.output, value, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, slope * G, rtol=1e-6)


def test_the_slope_of_prelu_is_learnt(run):
    ran = run(nn.PReLU(), X, G)
    np.testing.assert_allclose(ran.gradients[0], [(np.minimum(X, 0) * G).sum()], rtol=1e-6)
    x = np.arange(24, dtype="float32").reshape(2, 3, 4) - 12
    module = nn.PReLU(3)
    module.named_parameters()["weight"].assign([0.5, -1, 2])
    ran = run(module, x, np.ones_like(x))
    slopes = np.array([0.5, -1, 2], "float32")[:, None]
    np.testing.assert_allclose(ran.output, np.where(x > 0, x, slopes * x))
    np.testing.assert_allclose(ran.gradients[0], np.minimum(x, 0).sum((0, 2)))


def test_prelu_has_a_slope_for_each_plane(refused):
    text = refused(nn.PReLU(3), (4, 5, 2))
    assert "takes samples of 3 planes" in text and "expected (None, None, None, 3)" in text
    assert "expected (None, 3, None)" in refused(nn.PReLU(3), (4, 5))


def test_rrelu_draws_slopes_in_training_and_backward_uses_them(run):
    x = np.full((40, 50), -2.0, "float32")
    x[:, 0] = 3
    ran = run(nn.RReLU(0.2, 0.6), x, np.ones_like(x), training=True)
    np.testing.assert_array_equal(ran.output[:, 0], 3)
    slopes = ran.output[:, 1:] / -2
    assert 0.2 <= slopes.min() < 0.21 and 0.59 < slopes.max() <= 0.6
    assert len(np.unique(slopes)) > 1900
    np.testing.assert_allclose(ran.gradInput[:, 1:], slopes, rtol=1e-6)
    assert (ran.model.forward(x) != ran.output).any()
    same = ran.model.evaluate().forward(x)
    np.testing.assert_allclose(same[:, 1:], -0.8, rtol=1e-6)


def test_rrelu_of_one_slope_is_leaky(run):
    ran = run(nn.RReLU(0.5, 0.5), X, G, training=True)
    np.testing.assert_allclose(ran.output, np.where(X > 0, X, 0.5 * X))


def test_crelu_joins_along_the_planes(run):
    x = np.arange(24, dtype="float32").reshape(1, 2, 4, 3) - 12
    ran = run(nn.CReLU(3), x, np.ones((1, 2, 4, 6), "float32"))
    joined = np.concatenate([np.maximum(x, 0), np.maximum(-x, 0)], axis=-1)
    np.testing.assert_array_equal(ran.output, joined)
    np.testing.assert_array_equal(ran.gradInput, np.sign(x))
    y = run(nn.CReLU(2), x[0]).output
    np.testing.assert_array_equal(y[:, :4], np.maximum(x[0], 0))
    assert y.shape == (2, 8, 3)


def test_a_relu_whose_bend_was_moved():
    fields = {"threshold": 0.5, "val": -1, "inplace": False}
    module = to_module(TorchObject("nn.ReLU", fields))
    assert repr(module) == "nn.Threshold(0.5, -1.0)"
    assert repr(to_module(TorchObject("nn.ReLU", {"threshold": 0, "val": 0}))) == "nn.ReLU()"
    assert repr(to_module(TorchObject("nn.ReLU", {"inplace": True}))) == "nn.ReLU(True)"


def test_mistakes(refused):
    assert "takes samples of 2 dimensions" in refused(nn.CReLU(2), (3,))
    with pytest.raises(graph.GraphError, match=r"value \(1\) must not exceed threshold \(0\)"):
        nn.Threshold(0, 1, True)
    nn.Threshold(0, 1)
    with pytest.raises(graph.GraphError, match=r"lower \(0.5\) must not exceed upper \(0.2\)"):
        nn.RReLU(0.5, 0.2)
    with pytest.raises(graph.GraphError, match="nn.RReLU: lower must be a number of at least 0"):
        nn.RReLU(-0.5, 0.2)
    with pytest.raises(graph.GraphError, match="nn.PReLU: nOutputPlane must be an integer"):
        nn.PReLU(-1)
    with pytest.raises(graph.GraphError, match="nn.LeakyReLU: negval must be a number"):
        nn.LeakyReLU("a")


def test_a_random_layer_survives_in_a_model_of_kerass_own():
    x = graph.Input((3,))
    model = gModule([x], [nn.RReLU(0.1, 0.2)(x)])
    again = type(model.layers[1]).from_config(model.layers[1].get_config())
    ones = -np.ones((2, 3), "float32")
    np.testing.assert_allclose(again(ones), model(ones))
    drawn = np.asarray(again(ones, training=True))
    assert ((drawn <= -0.1) & (drawn >= -0.2)).all() and len(np.unique(drawn)) == 6
