"""Flat parameters, and training with SciPy's optimisers."""

import keras
import numpy as np
import pytest
import scipy.optimize

from graph import GraphError, feval, gModule, nn

X = np.random.default_rng(0).normal(size=(40, 3))
Y = np.tanh(X @ [[1.0], [-2.0], [0.5]]) + 0.3


def net():
    keras.utils.set_random_seed(1)
    x = nn.Linear(3, 6)()
    return gModule([x], [nn.Linear(6, 1)(nn.Tanh()(x))])


@pytest.mark.parametrize("method", ["L-BFGS-B", "CG"])
def test_scipy_trains_a_gmodule(method):
    model = net()
    f = feval(model, "mse", X, Y)
    start, _ = model.getParameters()
    first, _ = f(start)
    found = scipy.optimize.minimize(f, start, jac=True, method=method, options={"maxiter": 300})
    assert found.fun < first / 100
    model.setParameters(found.x)
    loss = np.mean((model.predict(X, verbose=0) - Y) ** 2)
    assert loss == pytest.approx(found.fun, rel=1e-3)


def test_value_and_gradient_agree_with_differences_in_float64():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = net()
        f = feval(model, keras.losses.MeanSquaredError(), X, Y)
        theta, _ = model.getParameters()
        assert scipy.optimize.check_grad(lambda t: f(t)[0], lambda t: f(t)[1], theta) < 1e-6
        value, slope = f(theta)
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
    assert value == pytest.approx(np.mean((model.predict(X, verbose=0) - Y) ** 2))
    assert slope.dtype == "float64" and slope.shape == theta.shape


def test_gradient_agrees_with_backward():
    model = net()
    f = feval(model, "mse", X, Y)
    theta, _ = model.getParameters()
    _, slope = f(theta)
    model.zeroGradParameters()
    y = model.forward(X)
    model.backward(X, 2 * (y - Y) / len(Y))
    np.testing.assert_allclose(model.getParameters()[1], slope, rtol=1e-4, atol=1e-6)


def test_get_and_set_parameters():
    model = net()
    theta, slopes = model.getParameters()
    assert theta.shape == slopes.shape == (3 * 6 + 6 + 6 + 1,)
    np.testing.assert_array_equal(theta[:18], np.ravel(model.parameters()[0][0]))
    model.setParameters(np.arange(31.0))
    np.testing.assert_array_equal(model.getParameters()[0], np.arange(31.0))
    with pytest.raises(GraphError, match=r"31 parameters.*\(30,\)"):
        model.setParameters(np.zeros(30))
    with pytest.raises(GraphError, match="31 parameters"):
        feval(model, "mse", X, Y)(np.zeros(5))


def test_update_parameters_steps_down_the_gradient():
    model = net()
    model.evaluate()
    losses = []
    for _ in range(50):
        model.zeroGradParameters()
        y = model.forward(X)
        losses.append(np.mean((y - Y) ** 2))
        model.backward(X, 2 * (y - Y) / len(Y))
        before = model.parameters()[0][0].numpy()
        model.updateParameters(0.1)
        step = before - model.parameters()[0][0].numpy()
        np.testing.assert_allclose(step, 0.1 * model.parameters()[1][0], rtol=1e-3, atol=1e-6)
    assert losses[-1] < losses[0] / 2


def test_model_without_parameters_is_refused():
    x = nn.Identity()()
    model = gModule([x], [nn.Tanh()(x)])
    with pytest.raises(GraphError, match="no parameters"):
        feval(model, "mse", X, X)


def test_regularisation_and_several_inputs_count():
    a, b = nn.Identity()(), nn.Identity()()
    dense = keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1))
    model = gModule([a, b], [nn.CSubTable()([a - dense, b])])
    zeros = np.zeros((4, 2))
    value, _ = feval(model, "mse", [np.zeros((4, 3)), zeros], zeros)(np.full(8, 2.0))
    assert value == pytest.approx(4 + 0.1 * 6 * 4, rel=1e-5)
