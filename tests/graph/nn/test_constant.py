"""Constant and OneHot: what they give does not slope with the input."""

import numpy as np
import pytest
import tensorflow as tf

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]], "float32")
VALUE = np.arange(24, dtype="float32").reshape(2, 3, 4)


def test_one_value_for_each_sample(run):
    ran = run(nn.Constant([1, 2.5, -3], 1), X, np.ones((3, 3), "float32"))
    np.testing.assert_array_equal(ran.output, [[1, 2.5, -3]] * 3)
    np.testing.assert_array_equal(ran.gradInput, np.zeros_like(X))
    np.testing.assert_array_equal(run(nn.Constant(7, 1), X).output, [[7]] * 3)


def test_images_are_in_torchs_order(run):
    output = run(nn.Constant(VALUE, 1), X).output
    np.testing.assert_array_equal(output, [np.moveaxis(VALUE, 0, -1)] * 3)


def test_the_value_alone(run):
    for module in (nn.Constant(VALUE), nn.Constant(VALUE, 2)):
        np.testing.assert_array_equal(run(module, X).output, VALUE)


def test_it_joins_a_graph(run):
    joined = nn.Sequential(nn.ConcatTable(nn.Constant(9, 1), nn.Identity()), nn.JoinTable(1))
    output = run(joined, X).output
    np.testing.assert_array_equal(output, np.concatenate([[[9]] * 3, X], axis=1))


def test_files():
    constant = TorchObject("nn.Constant", {"value": np.array([1.0, 2.0]), "nInputDim": 3})
    assert repr(to_module(constant)) == "nn.Constant([1.0, 2.0], 3)"
    assert to_module(constant, batched=False).nInputDim == 0


def test_one_hot(run):
    ran = run(nn.OneHot(4), np.array([[2, 4, 1], [3, 3, 2]], "int32"))
    np.testing.assert_array_equal(ran.output, np.eye(4)[[[1, 3, 0], [2, 2, 1]]])
    words = np.array([3.0, 1.0], "float32")
    np.testing.assert_array_equal(run(nn.OneHot(3), words).output, [[0, 0, 1], [1, 0, 0]])


def test_one_hot_adds_torchs_last_dimension(run):
    words = np.arange(24, dtype="int32").reshape(2, 3, 4) % 5 + 1
    output = run(nn.OneHot(5), words).output  # Torch: (2, 3, 4, 5), its planes are 3.
    np.testing.assert_array_equal(output, np.moveaxis(np.eye(5)[words - 1], 1, -1))


@pytest.mark.parametrize("index", [0, 5, -2])
def test_one_hot_checks_indices(index):
    words = graph.Input((2,)).annotate(name="words")
    model = gModule([words], [nn.OneHot(4)(words).annotate(name="hot")])
    x = np.array([[1, index]])
    for use in (model, model.forward, lambda x: model.predict(x, verbose=0)):
        with pytest.raises(graph.GraphError) as caught:
            use(x)
        text = str(caught.value)
        assert text.startswith("'hot' (OneHot), declared test_constant.py:")
        assert f"index {index} is outside the 4 indices" in text
    with pytest.raises(tf.errors.InvalidArgumentError, match="is outside the 4 indices"):
        tf.function(model)(tf.constant(x, model.inputs[0].dtype))


def test_mistakes():
    with pytest.raises(graph.GraphError, match="nn.Constant: value must be a number or an array"):
        nn.Constant("a")
    with pytest.raises(graph.GraphError, match="nn.Constant: nInputDim must be an integer"):
        nn.Constant(1, 0.5)
    with pytest.raises(graph.GraphError, match="nn.OneHot: outputSize must be an integer"):
        nn.OneHot(0)
