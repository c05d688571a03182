"""Add, CAdd, CMul and Mul: which number goes with which value."""

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.nn.module_layer import ModuleLayer
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


def ramp(*shape, step=0.5):
    return (np.arange(np.prod(shape)) * step - 2).reshape(shape).astype("float32")


def planes_first(x):
    return np.moveaxis(x, -1, 1)


def planes_last(x):
    return np.moveaxis(x, 1, -1)


def with_numbers(module, numbers):
    (variable,) = module.named_parameters().values()
    variable.assign(np.reshape(numbers, variable.shape))
    return module


IMAGE, G = ramp(2, 3, 4, 5), ramp(2, 3, 4, 5, step=-0.25)
SIZES = [
    ((1, 5, 1, 1), (1, 5, 1, 1)),
    ((1, 5, 3, 1), (1, 5, 3, 1)),
    ((5, 3, 4), (1, 5, 3, 4)),
    ((60,), (1, 5, 3, 4)),
    ((15, 4), (1, 5, 3, 4)),
    ((5, 1, 4), (1, 5, 1, 4)),
]


@pytest.mark.parametrize(("size", "laid"), SIZES)
def test_numbers_lie_over_a_sample_in_torchs_order(run, size, laid):
    numbers = ramp(*laid, step=0.125)
    axes = tuple(i for i, n in enumerate(laid) if n == 1)
    x, g = planes_first(IMAGE), planes_first(G)

    ran = run(with_numbers(nn.CMul(*size), numbers), IMAGE, G)
    np.testing.assert_allclose(ran.output, planes_last(x * numbers), rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, planes_last(g * numbers), rtol=1e-6)
    expected = (x * g).sum(axes, keepdims=True).reshape(size)
    np.testing.assert_allclose(ran.gradients[0], expected, rtol=1e-5, atol=1e-4)

    ran = run(with_numbers(nn.CAdd(*size), numbers), IMAGE, G)
    np.testing.assert_allclose(ran.output, planes_last(x + numbers), rtol=1e-6)
    expected = g.sum(axes, keepdims=True).reshape(size)
    np.testing.assert_allclose(ran.gradients[0], expected, rtol=1e-5, atol=1e-4)


def test_add(run):
    numbers = ramp(1, 5, 3, 4, step=0.125)
    ran = run(with_numbers(nn.Add(60), numbers), IMAGE, G)
    np.testing.assert_allclose(ran.output, planes_last(planes_first(IMAGE) + numbers), rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, G)
    np.testing.assert_allclose(ran.gradients[0], planes_first(G).sum(0).ravel(), rtol=1e-5)
    ran = run(with_numbers(nn.Add(7, True), [3]), IMAGE, G)
    np.testing.assert_allclose(ran.output, IMAGE + 3)
    np.testing.assert_allclose(ran.gradients[0], [G.sum()], rtol=1e-5)


def test_mul(run):
    ran = run(with_numbers(nn.Mul(), [-3]), IMAGE, G)
    np.testing.assert_allclose(ran.output, -3 * IMAGE)
    np.testing.assert_allclose(ran.gradInput, -3 * G)
    np.testing.assert_allclose(ran.gradients[0], [(IMAGE * G).sum()], rtol=1e-5)


def test_a_whole_batch_of_numbers(run):
    # What Torch takes a matrix of as many numbers for.
    x, numbers = ramp(4, 6), ramp(4, 6, step=0.25)
    np.testing.assert_allclose(run(with_numbers(nn.CMul(4, 6), numbers), x).output, x * numbers)


def test_sizes_that_are_not_known(run):
    given = graph.Input((None, None, 5))
    module = with_numbers(nn.CMul(1, 5, 1, 1), ramp(5))
    model = gModule([given], [module(given)])
    np.testing.assert_allclose(model(IMAGE), IMAGE * ramp(5), rtol=1e-6)
    given = graph.Input((None, 5))
    module = with_numbers(nn.Add(20), ramp(20))
    y = gModule([given], [module(given)])(IMAGE[0, :, :, :])
    np.testing.assert_allclose(y, IMAGE[0] + ramp(4, 5), rtol=1e-6)


def test_numbers_start_as_in_torch():
    for module, limit in ((nn.CMul(25, 40), 1000**-0.5), (nn.CAdd(400), 0.05), (nn.Add(100), 0.1)):
        (values,) = map(np.asarray, module.named_parameters().values())
        assert limit * 0.9 < np.abs(values).max() <= limit and values.min() < 0 < values.max()


def test_files():
    module = to_module(TorchObject("nn.CMul", {"weight": ramp(1, 5, 1, 1), "size": None}))
    assert repr(module) == "nn.CMul(1, 5, 1, 1)"
    np.testing.assert_array_equal(module.named_parameters()["weight"], ramp(1, 5, 1, 1))
    module = to_module(TorchObject("nn.Add", {"bias": ramp(1), "scalar": True}))
    assert module.get_config() == {"inputSize": 1, "scalar": True}


def test_mistakes(refused):
    text = refused(nn.CMul(1, 4, 1, 1), (3, 4, 5))
    assert "has 1 x 4 x 1 x 1 numbers" in text and "a sample of 5 x 3 x 4 (Torch order)" in text
    assert "has 7 numbers" in refused(nn.CAdd(7), (6,))
    assert "takes samples of 7 values" in refused(nn.Add(7), (6,))
    assert "state the sizes" in refused(nn.Add(7), (None, None, 7))
    with pytest.raises(graph.GraphError, match=r"nn.CMul needs a size, got none \(test_scale.py"):
        nn.CMul()
    with pytest.raises(graph.GraphError, match="nn.CAdd: size must be an integer of at least 1"):
        nn.CAdd(1, 0)
    assert repr(nn.CAdd([2, 3])) == "nn.CAdd(2, 3)"


def test_a_module_on_a_product_with_a_number():
    """Keras 3.15 takes ``x * 2`` for sparse."""
    x = keras.Input((4,))
    layer = ModuleLayer(nn.CAdd(4))
    y = layer(x * 2)
    assert y.shape == (None, 4)
    layer.set_weights([np.reshape([1, 2, 3, 4], layer.weights[0].shape)])
    found = keras.Model(x, y).predict(np.ones((2, 4)), verbose=0)
    np.testing.assert_array_equal(found, [[3, 4, 5, 6]] * 2)
