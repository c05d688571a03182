"""DontCast, NaN and Profile: their child, and the look at its output."""

import numpy as np
import pytest
import tensorflow as tf

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[1.0, 2.0], [3.0, -4.0]], "float32")


@pytest.mark.parametrize(
    "decorated",
    [
        lambda child: nn.DontCast(child, True),
        lambda child: nn.Profile(child, 10, "mine"),
        lambda child: nn.NaN(child),
    ],
)
def test_a_decorator_is_its_child(decorated):
    child = nn.Linear(2, 3)
    module = decorated(child)
    x = module().annotate(name="mine")  # Its child states the size of the input.
    model = gModule([x], [x])
    plain = graph.Input((2,))
    expected = gModule([plain], [child(plain)]).forward(X)
    np.testing.assert_array_equal(model.forward(X), expected)
    assert module.children() == [child] and module.get(1) is child
    assert list(module.named_parameters()) == ["1.weight", "1.bias"]
    np.testing.assert_array_equal(child.output, expected)


def test_arguments():
    assert repr(nn.DontCast(nn.Tanh(), True)) == "nn.DontCast(nn.Tanh(), True, True)"
    assert repr(nn.Profile(nn.Tanh())) == "nn.Profile(nn.Tanh(), 100, 'nn.Tanh')"
    assert repr(nn.NaN(nn.Tanh())) == "nn.NaN(nn.Tanh())"
    assert nn.DontCast(nn.Tanh(), True, False).castout is False


def nan_model(y=None):
    x = graph.Input((2,)).annotate(name="x")
    y = nn.NaN(nn.Log() if y is None else y, "mine")(x).annotate(name="logs")
    return gModule([x], [y])


@pytest.mark.parametrize("use", ["call", "forward", "predict", "evaluate"])
def test_nan_is_told(use):
    model = nan_model()
    model.compile("sgd", "mse")
    run = {
        "call": lambda x: model(x),
        "forward": lambda x: model.forward(x),
        "predict": lambda x: model.predict(x, verbose=0),
        "evaluate": lambda x: model.evaluate(x, np.zeros((2, 2)), verbose=0),
    }[use]
    run(np.abs(X))
    with pytest.raises(graph.GraphError) as caught:
        run(X)
    text = str(caught.value)
    assert text.startswith("'logs' (NaN), declared test_decorator.py:")
    assert "the output of nn.NaN 'mine' holds NaN; count 1" in text
    np.testing.assert_allclose(model.forward(np.abs(X)), np.log(np.abs(X)), rtol=1e-5)


def test_every_tensor_of_a_table_is_looked_at():
    model = nan_model(nn.ConcatTable(nn.Tanh(), nn.ConcatTable(nn.Log())))
    with pytest.raises(graph.GraphError, match="holds NaN; count 1"):
        model.forward(X)


def test_the_look_is_not_compiled_away_and_not_in_a_plain_model():
    model = nan_model()
    model.compile("sgd", "mse")
    assert not model.jit_compile
    with pytest.raises(tf.errors.InvalidArgumentError, match="holds NaN"):
        tf.function(model)(tf.constant(X))
    assert np.isnan(model.to_keras()(X)).any()


def test_files():
    linear = TorchObject("nn.Tanh", {})
    profile = {"modules": [linear], "module": linear, "name": "lin", "print_interval": 5}
    module = to_module(TorchObject("nn.Profile", profile))
    assert repr(module) == "nn.Profile(nn.Tanh(), 5, 'lin')" and module.name is None
    cast = {"modules": [linear], "castin": True, "castout": False, "moduleType": "torch.X"}
    module = to_module(TorchObject("nn.DontCast", cast))
    assert repr(module) == "nn.DontCast(nn.Tanh(), True, False, 'torch.X')"


def test_mistakes():
    for kind in (nn.DontCast, nn.NaN, nn.Profile):
        with pytest.raises(graph.GraphError):
            kind(3)
    with pytest.raises(graph.GraphError, match="nn.Profile: print_interval must be an integer"):
        nn.Profile(nn.Tanh(), 0)
