"""Modules that change only gradients, in `backward` and in training."""

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[-3.5, 0.0, 0.75], [2.5, -1e-3, 1e4]], "float32")
G = np.array([[1, -2, 3], [-4, 5, -6]], "float32")

CASES = [
    (nn.GradientReversal(), -G),
    (nn.GradientReversal(0.25), -0.25 * G),
    (nn.GradientReversal(-3), 3 * G),
    (nn.ZeroGrad(), 0 * G),
    (nn.L1Penalty(0.5), G + 0.5 * np.sign(X)),
    (nn.L1Penalty(3, True), G + 0.5 * np.sign(X)),
    (nn.L1Penalty(0.5, False, False), 0.5 * np.sign(X)),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("module", "gradient"), CASES, ids=lambda c: repr(c)[:28])
def test_value_and_gradient(run, module, gradient, training):
    ran = run(module, X, G, training=training)
    np.testing.assert_array_equal(ran.output, X)
    np.testing.assert_allclose(ran.gradInput, gradient, rtol=1e-6)


def test_small_factors_keep_their_digits(run):
    ran = run(nn.GradientReversal(1e-5), X, G)
    np.testing.assert_allclose(ran.gradInput, -1e-5 * G, rtol=1e-6)


def trained(module):
    x = graph.Input((2,))
    model = gModule([x], [nn.Linear(1, 1)(module(nn.Linear(2, 1)(x)))])
    for variable, value in zip(model.parameters()[0], ([[1], [2]], [0], [[3]], [0]), strict=True):
        variable.assign(value)
    model.compile(keras.optimizers.SGD(1.0), "mse")
    model.fit(np.array([[1.0, 2.0]]), np.array([[14.0]]), verbose=0)
    return np.asarray(model.parameters()[0][0]).ravel()


def test_training_with_a_keras_optimizer():
    # y = 3 * 5 = 15, so that the loss has the slope 2 * (15 - 14) * 3 = 6 above the module.
    np.testing.assert_allclose(trained(nn.Identity()), [1 - 6, 2 - 12])
    np.testing.assert_allclose(trained(nn.GradientReversal(0.5)), [1 + 3, 2 + 6])
    np.testing.assert_allclose(trained(nn.ZeroGrad()), [1, 2])
    np.testing.assert_allclose(trained(nn.L1Penalty(10)), [1 - 16, 2 - 32])


def test_a_new_factor_is_taken_over_at_rebuild(run):
    module = nn.GradientReversal(2)
    ran = run(module, X, G)
    module.setLambda(3)
    ran.model.rebuild()
    ran.model.forward(X)
    np.testing.assert_allclose(ran.model.backward(X, G), -3 * G)


def test_the_reversal_stays_in_a_plain_model(run):
    import tensorflow as tf

    plain = run(nn.GradientReversal(0.5), X).model.to_keras()
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = plain(x)
    np.testing.assert_allclose(tape.gradient(y, x, G), -0.5 * G)


def test_files():
    assert to_module(TorchObject("nn.GradientReversal", {})).lambda_ == 1
    fields = {"l1weight": 2, "sizeAverage": True, "provideOutput": False}
    assert to_module(TorchObject("nn.L1Penalty", fields)).get_config() == fields


def test_mistakes():
    with pytest.raises(graph.GraphError, match="nn.GradientReversal: lambda_ must be a number"):
        nn.GradientReversal("1")
    with pytest.raises(graph.GraphError, match="nn.L1Penalty: l1weight must be a number"):
        nn.L1Penalty(None)
