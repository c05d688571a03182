"""Linear against the formula in NumPy."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape, step=0.1):
    return (np.arange(np.prod(shape)) * step - 0.7).reshape(shape).astype("float32")


@pytest.mark.parametrize("bias", [True, False])
def test_value_and_gradients(run, bias):
    module = nn.Linear(3, 2, bias)
    weight, *rest = module.named_parameters().values()
    weight.assign(ramp(3, 2))
    if bias:
        rest[0].assign([0.25, -4.0])
    x, g = ramp(5, 3, step=0.3), ramp(5, 2, step=-0.2)
    ran = run(module, x, g)
    expected = x @ ramp(3, 2) + (np.array([0.25, -4.0]) if bias else 0)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput, g @ ramp(3, 2).T, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradients[0], x.T @ g, rtol=1e-5, atol=1e-5)
    assert len(ran.gradients) == 1 + bias
    if bias:
        np.testing.assert_allclose(ran.gradients[1], g.sum(0), rtol=1e-5, atol=1e-5)


def test_parameters_are_named_as_in_torch_and_known_before_any_graph():
    module = nn.Linear(3, 2)
    named = module.named_parameters()
    assert list(named) == ["weight", "bias"]
    assert named["weight"].shape == (3, 2) and named["bias"].shape == (2,)
    named["bias"].assign([7.0, 8.0])
    x = module().annotate(name="fc")
    model = gModule([x], [x])
    assert model.layers[-1].name == "fc"
    np.testing.assert_allclose(model.forward(np.zeros((1, 3))), [[7, 8]])
    assert model.parameters()[0][0] is named["weight"]


def test_weights_start_as_in_torch():
    for values in map(np.asarray, nn.Linear(25, 400).named_parameters().values()):
        assert np.abs(values).max() <= 0.2
        assert np.abs(values).max() > 0.19 and values.min() < 0 < values.max()


def test_mistakes(refused):
    text = refused(nn.Linear(3, 2), (4,))
    assert "takes samples of 3 features" in text and "expected (None, 3)" in text
    assert "got      (None, 4) from 'given' (Input), declared conftest.py:" in text
    assert "with nn.View(3)" in refused(nn.Linear(3, 2), (1, 1, 3))
    assert "nn.JoinTable(1)" in refused(nn.Linear(3, 2), [(1,), (2,)])
    for arguments, name in (((0, 2), "inputSize"), ((3, "2"), "outputSize"), ((3, 2.5), "outputS")):
        with pytest.raises(graph.GraphError, match=f"nn.Linear: {name}.* must be an integer"):
            nn.Linear(*arguments)


def test_lua_numbers_are_taken():
    assert nn.Linear(3.0, np.int64(2)).get_config() == {
        "inputSize": 3,
        "outputSize": 2,
        "bias": True,
    }
