"""SpatialConvolution against loops that follow torch/nn's definition."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graph
from graph import gModule, nn


def naive(x, weight, bias, module, gradOutput=None):
    """Output, and gradients of input and weight; weight is (kH, kW, in, out)."""
    m = module
    border = ((0, 0), (m.padH, m.padH), (m.padW, m.padW), (0, 0))
    padded = np.pad(x.astype("float64"), border)
    rows = (padded.shape[1] - m.kH) // m.dH + 1
    columns = (padded.shape[2] - m.kW) // m.dW + 1
    output = np.zeros((len(x), rows, columns, m.nOutputPlane))
    gradPadded, gradWeight = np.zeros(padded.shape), np.zeros(weight.shape)
    for i in range(rows):
        for j in range(columns):
            place = np.s_[:, i * m.dH : i * m.dH + m.kH, j * m.dW : j * m.dW + m.kW]
            output[:, i, j] = np.einsum("nhwc,hwco->no", padded[place], weight) + bias
            if gradOutput is not None:
                g = gradOutput[:, i, j]
                gradPadded[place] += np.einsum("no,hwco->nhwc", g, weight)
                gradWeight += np.einsum("no,nhwc->hwco", g, padded[place])
    inside = np.s_[:, m.padH : m.padH + x.shape[1], m.padW : m.padW + x.shape[2]]
    return output, gradPadded[inside], gradWeight


def ramp(shape, step=0.01):
    n = int(np.prod(shape))
    return ((np.arange(n) * 7 % (n + 1)) * step - 0.3).reshape(shape).astype("float32")


@st.composite
def cases(draw):
    kW, kH = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    dW, dH = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padW, padH = draw(st.integers(0, 3)), draw(st.integers(0, 3))
    width = draw(st.integers(max(1, kW - 2 * padW), 8))
    height = draw(st.integers(max(1, kH - 2 * padH), 8))
    planes = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    module = nn.SpatialConvolution(*planes, kW, kH, dW, dH, padW, padH, bias=draw(st.booleans()))
    return module, ramp((2, height, width, planes[0]))


@settings(max_examples=40)
@given(cases())
def test_value_and_gradients_as_torch_defines_them(run, case):
    module, x = case
    weight, *rest = module.named_parameters().values()
    weight.assign(ramp(weight.shape, 0.03))
    bias = np.zeros(module.nOutputPlane)
    if rest:
        bias = np.arange(module.nOutputPlane) - 0.5
        rest[0].assign(bias)
    output = naive(x, np.asarray(weight), bias, module)[0]
    gradOutput = ramp(output.shape, 0.05)
    _, gradInput, gradWeight = naive(x, np.asarray(weight), bias, module, gradOutput)
    ran = run(module, x, gradOutput)
    np.testing.assert_allclose(ran.output, output, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ran.gradInput, gradInput, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ran.gradients[0], gradWeight, rtol=1e-4, atol=1e-4)
    assert len(ran.gradients) == 1 + len(rest)
    if rest:
        np.testing.assert_allclose(
            ran.gradients[1], gradOutput.sum((0, 1, 2)), rtol=1e-4, atol=1e-4
        )


def test_width_comes_before_height_and_steps_may_differ(run):
    module = nn.SpatialConvolution(3, 4, 5, 3, 2, 1, 2, 0)
    assert run(module, ramp((2, 9, 11, 3))).output.shape == (2, 7, 6, 4)
    assert module.named_parameters()["weight"].shape == (3, 5, 3, 4)


def test_pad_h_is_pad_w_unless_stated():
    assert nn.SpatialConvolution(1, 1, 3, 3, 1, 1, 2).padH == 2
    assert nn.SpatialConvolution(1, 1, 3, 3, 1, 1, 2, 0).padH == 0


def test_no_bias():
    module = nn.SpatialConvolution(2, 3, 1, 1)
    assert module.noBias() is module
    assert list(module.named_parameters()) == ["weight"]


def test_weights_start_as_in_torch():
    module = nn.SpatialConvolution(4, 64, 5, 3)
    limit = 1 / np.sqrt(4 * 5 * 3)
    for values in map(np.asarray, module.named_parameters().values()):
        assert np.abs(values).max() <= limit
        assert np.abs(values).max() > 0.9 * limit and values.min() < 0 < values.max()


@pytest.mark.parametrize(
    ("arguments", "layers"),
    [
        ((3, 4, 3, 3, 1, 1, 1, 1), ["Conv2D"]),
        ((3, 4, 3, 3), ["Conv2D"]),
        ((3, 4, 3, 3, 2, 2, 1, 1), ["ZeroPadding2D", "Conv2D"]),
        ((3, 4, 5, 3, 1, 1, 1, 1), ["ZeroPadding2D", "Conv2D"]),
        ((3, 4, 3, 3, 1, 2), ["Conv2D", "MaxPooling2D"]),
    ],
)
def test_what_it_becomes(run, arguments, layers):
    model = run(nn.SpatialConvolution(*arguments), ramp((1, 7, 7, 3))).model
    assert [type(layer).__name__ for layer in model.layers[1:]] == layers


def test_unequal_steps_never_reach_tensorflow(run):
    # TensorFlow 2.21 on a CPU: wrong numbers for (1, 1, 2, 1, 2, 1), SIGABRT for 1 x 1 gradients.
    conv = run(nn.SpatialConvolution(3, 1, 1, 1, 6, 4), ramp((1, 7, 8, 3))).model.layers[1]
    assert isinstance(conv, keras.layers.Conv2D) and conv.strides == (2, 2)


@pytest.mark.parametrize("steps", [(1, 2, 1), (2, 3, 1), (1, 1, 2)])
def test_unequal_steps_in_a_volume(run, steps):
    module = nn.VolumetricConvolution(1, 2, 2, 2, 3, *steps)  # Arguments: time, width, height.
    weight, bias = map(np.asarray, module.named_parameters().values())
    x = ramp((2, 4, 5, 3, 1))
    dT, dW, dH = steps
    windows = np.lib.stride_tricks.sliding_window_view(x, (2, 3, 2), (1, 2, 3))
    windows = windows[:, ::dT, ::dH, ::dW]
    expected = np.einsum("nijkcthw,thwco->nijko", windows, weight) + bias
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-5)


def test_all_layers_are_named_after_the_node():
    x = graph.Input((8, 8, 3))
    y = nn.SpatialConvolution(3, 2, 3, 3, 2, 1, 1, 1)(x).annotate(name="conv1")
    names = [layer.name for layer in gModule([x], [y]).layers]
    assert names == ["input", "conv1_pad", "conv1", "conv1_step"]


def test_any_image_size():
    x = graph.Input((None, None, 2))
    module = nn.SpatialConvolution(2, 3, 3, 2, 2, 1, 1, 1)
    model = gModule([x], [module(x)])
    weight, bias = map(np.asarray, module.named_parameters().values())
    for size in ((5, 8), (7, 6)):
        image = ramp((2, *size, 2))
        expected = naive(image, weight, bias, module)[0]
        np.testing.assert_allclose(model.forward(image), expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(model.predict(image, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_mistakes(refused):
    conv = nn.SpatialConvolution(3, 4, 5, 2)
    assert "move the planes to the last axis" in refused(conv, (3, 8, 8))
    assert "takes images of 3 planes" in refused(conv, (8, 8, 4))
    assert "takes images" in refused(conv, (8, 3))
    text = refused(conv, (9, 4, 3))
    assert "2 x 5 (height x width), larger than the padded input" in text
    assert "got      (None, 9, 4, 3) from 'given'" in text
    for arguments, name in (((0, 4, 3, 3), "nInputPlane"), ((3, 4, 3, 3, 1, 1, -1), "padW")):
        with pytest.raises(graph.GraphError, match=f"nn.SpatialConvolution: {name} must be an int"):
            nn.SpatialConvolution(*arguments)
