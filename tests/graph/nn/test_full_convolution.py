"""Transposed convolution against loops, and the forms of Torch's files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_examples import ramp
from naive_windows import full_convolution

import graph
from graph import GraphError, gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


@st.composite
def cases(draw):
    n = draw(st.sampled_from([2, 3]))

    def draws(least, most):
        return [draw(st.integers(least, most)) for _ in range(n)]

    kernel, steps, pads = draws(1, 3), draws(1, 3), draws(0, 2)
    adj = [draw(st.integers(0, d - 1)) for d in steps]
    lengths = []
    for k, d, p, a in zip(kernel, steps, pads, adj, strict=True):
        least = max(1, -(-(1 + 2 * p - k - a) // d) + 1)
        lengths.append(draw(st.integers(least, least + 3)))
    order = (1, 0) if n == 2 else (0, 2, 1)
    arguments = [values[i] for values in (kernel, steps, pads, adj) for i in order]
    planes = [draw(st.integers(1, 3)) for _ in range(2)]
    kind = nn.SpatialFullConvolution if n == 2 else nn.VolumetricFullConvolution
    return kind(*planes, *arguments), ramp(2, *lengths, planes[0]), adj


def expected(module, x, adj):
    weight, bias = map(np.asarray, module.named_parameters().values())
    return full_convolution(x, weight, bias, module.steps, module.pads, adj)


@settings(max_examples=40)
@given(cases())
def test_steps_padding_and_adj_of_every_size(run, case):
    module, x, adj = case
    for parameter in module.named_parameters().values():
        parameter.assign(ramp(*parameter.shape) + 1)
    y = expected(module, x, adj)
    np.testing.assert_allclose(run(module, x).output, y, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [(11, 15), (12, 16), (13, 17)])
def test_as_large_as_another_tensor(size):
    module = nn.SpatialFullConvolution(2, 3, 2, 4, 3, 3, 0, 1)
    x, target = ramp(2, 4, 5, 2), ramp(2, *size, 7)
    nodes = [graph.Input(x.shape[1:]), graph.Input(target.shape[1:])]
    model = gModule(nodes, [module(nodes)])
    y = model.forward([x, target])
    adj = [(size[0] + 2 - 4) % 3, (size[1] - 2) % 3]
    assert y.shape[1:3] == (3 * 3 - 2 + 4 + adj[0], 4 * 3 + 2 + adj[1])
    np.testing.assert_allclose(y, expected(module, x, adj), rtol=1e-5, atol=1e-5)
    gradInput = model.backward([x, target], np.ones_like(y))
    assert not gradInput[1].any() and gradInput[0].any()


def test_any_size(run):
    module = nn.SpatialFullConvolution(2, 3, 3, 1, 2, 3, 1, 0, 1, 2)
    image = graph.Input((None, None, 2))
    model = gModule([image], [module(image)])
    for size in ((4, 5), (6, 3)):
        x = ramp(2, *size, 2)
        np.testing.assert_allclose(
            model.forward(x), expected(module, x, (2, 1)), rtol=1e-5, atol=1e-5
        )


def test_weight_layout():
    module = nn.SpatialFullConvolution(2, 3, 4, 5)
    torch = np.arange(2 * 3 * 5 * 4).reshape(2, 3, 5, 4)
    keras = module.parameter_from_torch("weight", torch)
    assert keras.shape == (5, 4, 3, 2) and keras[1, 2, 0, 1] == torch[1, 0, 1, 2]
    np.testing.assert_array_equal(module.parameter_to_torch("weight", keras), torch)


def test_volumes_of_before_adj():
    sizes = {"nInputPlane": 2, "nOutputPlane": 3, "kT": 1, "kW": 2, "kH": 3}
    steps = {"dT": 1, "dW": 2, "dH": 3}
    weight, bias = ramp(2, 3, 1, 3, 2), ramp(3)
    new = {**sizes, **steps, "padT": 0, "padW": 1, "padH": 2, "weight": weight, "bias": bias}
    new.update(adjT=0, adjW=0, adjH=0)
    old = {**sizes, **steps, "pT": 0, "pW": 1, "pH": 2, "bias": bias}
    old["weight"] = weight.swapaxes(0, 1)
    a, b = (to_module(TorchObject("nn.VolumetricFullConvolution", f)) for f in (new, old))
    assert a.pads == b.pads == (0, 2, 1)
    for x, y in zip(a.named_parameters().values(), b.named_parameters().values(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_mistakes(refused):
    with pytest.raises(GraphError, match="adjW must be less than dW, got 2 and 2"):
        nn.SpatialFullConvolution(2, 3, 3, 3, 2, 2, 0, 0, 2)
    full = nn.SpatialFullConvolution(2, 3, 3, 3, 1, 1, 2, 2)
    assert "takes images of 2 planes" in refused(full, (4, 4, 3))
    assert "needs a height of 3" in refused(full, (2, 4, 2))
    assert "the size of its output from the second" in refused(full, [(4, 4, 2), (None, 4, 2)])
    assert "takes one tensor, or a table" in refused(full, [(4, 4, 2)] * 3)
