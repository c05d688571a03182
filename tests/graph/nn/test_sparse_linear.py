"""SparseLinear: lists of pairs of an index and a value."""

import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


PAIRS = np.array([[[1, 0.5], [6, -2]], [[3, 1.5], [0, 0]], [[2, 7], [2, 1]]], "float32")
DENSE = np.array([[0.5, 0, 0, 0, 0, -2], [0, 0, 1.5, 0, 0, 0], [0, 8, 0, 0, 0, 0]], "float32")
WEIGHT, BIAS, G = ramp(4, 6), ramp(4), ramp(3, 4)


def module_of(*arguments, **options):
    module = nn.SparseLinear(6, 4, *arguments, **options)
    for variable, value in zip(module.named_parameters().values(), (WEIGHT, BIAS), strict=True):
        variable.assign(value)
    return module


def test_as_the_dense_samples(run):
    ran = run(module_of(), PAIRS, G)
    np.testing.assert_allclose(ran.output, DENSE @ WEIGHT.T + BIAS, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradients[0], G.T @ DENSE, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradients[1], G.sum(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(ran.gradInput, np.zeros_like(PAIRS))


def test_values_have_gradients_if_asked(run):
    gradInput = run(module_of(True), PAIRS, G).gradInput
    dense = G @ WEIGHT
    expected = [[dense[0, 0], dense[0, 5]], [dense[1, 2], dense[1, 0]], [dense[2, 1]] * 2]
    np.testing.assert_allclose(gradInput[..., 1], expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(gradInput[..., 0], 0)


def test_weight_decay(run):
    ran = run(module_of(weightDecay=0.25), PAIRS, G)
    np.testing.assert_allclose(ran.output, DENSE @ WEIGHT.T + BIAS, rtol=1e-5, atol=1e-6)
    expected = G.T @ DENSE + 0.25 * WEIGHT
    np.testing.assert_allclose(ran.gradients[0], expected, rtol=1e-5, atol=1e-6)


def test_tables_and_single_samples(run):
    expected = DENSE @ WEIGHT.T + BIAS
    output = run(module_of(), [PAIRS, PAIRS[:, :1]]).output
    assert output.shape == (3, 2, 4)
    np.testing.assert_allclose(output[:, 0], expected, rtol=1e-5, atol=1e-6)
    first = WEIGHT[:, [0, 2, 1]].T * [[0.5], [1.5], [7]] + BIAS
    np.testing.assert_allclose(output[:, 1], first, rtol=1e-5, atol=1e-6)
    output = run(module_of(), list(PAIRS)).output
    np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(module_of(), PAIRS[0]).output, expected[0], rtol=1e-5)


@pytest.mark.parametrize("index", [0, 7])
def test_indices_are_checked_where_there_is_a_value(index):
    pairs = graph.Input((None, 2)).annotate(name="pairs")
    model = gModule([pairs], [module_of()(pairs).annotate(name="sparse")])
    model.forward(np.array([[[index, 0.0], [1, 2]]]))
    for use in (model, model.forward):
        with pytest.raises(graph.GraphError) as caught:
            use(np.array([[[1, 2], [index, 0.5]]]))
        text = str(caught.value)
        assert text.startswith("'sparse' (SparseLinear), declared test_sparse_linear.py:")
        assert f"index {index} is outside the 6 features" in text


def test_start_as_in_torch():
    weight, bias = map(np.asarray, nn.SparseLinear(25, 400).named_parameters().values())
    assert 0.19 < np.abs(weight).max() <= 0.2 and 1.9e-7 < np.abs(bias).max() <= 2e-7


def test_a_file():
    fields = {"weight": WEIGHT, "bias": BIAS, "weightDecay": 0.5, "doGradInput": True}
    module = to_module(TorchObject("nn.SparseLinear", fields))
    assert repr(module) == "nn.SparseLinear(6, 4, True, weightDecay=0.5)"
    np.testing.assert_array_equal(module.named_parameters()["bias"], BIAS)


def test_mistakes(refused):
    for shape in ((2, 3), (3,), [(2, 2), (2,)], [(2,), [(2,)]]):
        text = refused(nn.SparseLinear(6, 4), shape)
        assert "takes samples that are pairs of an index and a value" in text
    with pytest.raises(graph.GraphError, match="nn.SparseLinear: weightDecay must be a number"):
        nn.SparseLinear(6, 4, weightDecay="1")
