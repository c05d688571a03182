"""Pooling against loops that follow torch/nn's C code, and against Torch7's own numbers."""

import math

import keras
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import graph
from graph import gModule, nn


def torch_count(length, kernel, step, pad, ceil_mode, any_pad):
    rounded = math.ceil if ceil_mode else math.floor
    count = rounded((length - kernel + 2 * pad) / step) + 1
    if any_pad and (count - 1) * step >= length + pad:
        count -= 1
    return count


def windows(length, kernel, step, pad, count):
    """Start and end within the input, and the length clipped to the bordered input."""
    for i in range(count):
        start = i * step - pad
        end = min(start + kernel, length + pad)
        yield max(start, 0), min(end, length), end - start


def naive(x, module, gradOutput=None):
    """Output, and input gradient, of a pooling module on a batch (N, H, W, C)."""
    m, (height, width) = module, x.shape[1:3]
    any_pad = m.padH > 0 or m.padW > 0
    rows = torch_count(height, m.kH, m.dH, m.padH, m.ceil_mode, any_pad)
    columns = torch_count(width, m.kW, m.dW, m.padW, m.ceil_mode, any_pad)
    output = np.zeros((x.shape[0], rows, columns, x.shape[3]))
    gradInput = np.zeros(x.shape)
    for i, (top, bottom, tall) in enumerate(windows(height, m.kH, m.dH, m.padH, rows)):
        for j, (left, right, wide) in enumerate(windows(width, m.kW, m.dW, m.padW, columns)):
            window = x[:, top:bottom, left:right]
            if isinstance(m, nn.SpatialMaxPooling):
                output[:, i, j] = window.max((1, 2))
                share = window == output[:, i, j][:, None, None]
            else:
                clipped = tall * wide if m.count_include_pad else window.shape[1] * window.shape[2]
                whole = 1 if m.divide else m.kW * m.kH  # Torch multiplies its mean by this.
                share = np.full(window.shape, whole / clipped)
                output[:, i, j] = (window * share).sum((1, 2))
            if gradOutput is not None:
                gradInput[:, top:bottom, left:right] += share * gradOutput[:, i, j][:, None, None]
    return output, gradInput


def distinct(shape):
    """Values of both signs, all different, in no order, so that every maximum is one element."""
    n = math.prod(shape)
    return ((np.arange(n) * 7919 + 13) % (2 * n + 1) - n).reshape(shape).astype("float32") / 8


@st.composite
def windows_of(draw, length):
    kernel = draw(st.integers(1, 4))
    step, pad = draw(st.integers(1, 4)), draw(st.integers(0, kernel // 2))
    return kernel, step, pad, draw(st.integers(*length))


@st.composite
def cases(draw):
    kW, dW, padW, width = draw(windows_of((1, 9)))
    kH, dH, padH, height = draw(windows_of((1, 9)))
    ceil_mode = draw(st.booleans())
    sizes = (kW, kH, dW, dH, padW, padH)
    if draw(st.booleans()):
        module = nn.SpatialMaxPooling(*sizes, ceil_mode=ceil_mode)
    else:
        module = nn.SpatialAveragePooling(
            *sizes,
            ceil_mode=ceil_mode,
            count_include_pad=draw(st.booleans()),
            divide=draw(st.booleans()),
        )
    for length, k, d, p in ((width, kW, dW, padW), (height, kH, dH, padH)):
        count = torch_count(length, k, d, p, ceil_mode, padH > 0 or padW > 0)
        assume(count >= 1)
        assume((count - 1) * d < length + p)  # Else Torch itself gives garbage; see below.
    return module, distinct((2, height, width, 3))


@settings(max_examples=40)
@given(cases())
def test_value_and_gradient_as_torch_defines_them(run, case):
    module, x = case
    output, _ = naive(x, module)
    gradOutput = distinct(output.shape)
    ran = run(module, x, gradOutput)
    np.testing.assert_allclose(ran.output, output, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ran.gradInput, naive(x, module, gradOutput)[1], rtol=1e-5, atol=1e-5)


@settings(max_examples=25)
@given(cases())
def test_size_known_only_when_it_runs(case):
    module, x = case
    image = graph.Input((None, None, 3))
    model = gModule([image], [module(image)])
    expected = naive(x, module)[0]
    import tensorflow as tf

    compiled = tf.function(model, input_signature=[tf.TensorSpec((None, None, None, 3))])
    np.testing.assert_allclose(compiled(x), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.to_keras()(x), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("case", "module"),
    [
        ("SpatialMaxPooling", nn.SpatialMaxPooling(2, 2, 2, 2)),
        ("SpatialMaxPooling_allneg_pad", nn.SpatialMaxPooling(3, 3, 1, 1, 1, 1)),
        ("SpatialMaxPooling_ceil", nn.SpatialMaxPooling(2, 2, 2, 2).ceil()),
        ("SpatialMaxPooling_defaultstride", nn.SpatialMaxPooling(3, 2)),
        ("SpatialMaxPooling_nonsquare", nn.SpatialMaxPooling(3, 2, 1, 2, 1, 0)),
        ("SpatialMaxPooling_pad", nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1)),
        ("SpatialMaxPooling_pad_ceil", nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1).ceil()),
        ("SpatialMaxPooling_pad_ceil_clip", nn.SpatialMaxPooling(2, 2, 3, 3, 1, 1).ceil()),
        ("SpatialAveragePooling", nn.SpatialAveragePooling(2, 2, 2, 2)),
        (
            "SpatialAveragePooling_ceil_exclude",
            nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1).ceil().setCountExcludePad(),
        ),
        (
            "SpatialAveragePooling_ceil_include",
            nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1).ceil(),
        ),
        ("SpatialAveragePooling_ceil_nopad", nn.SpatialAveragePooling(2, 2, 2, 2).ceil()),
        ("SpatialAveragePooling_defaultstride", nn.SpatialAveragePooling(3, 2)),
        ("SpatialAveragePooling_nodivide", nn.SpatialAveragePooling(2, 2, 2, 2, divide=False)),
        (
            "SpatialAveragePooling_pad_exclude",
            nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1).setCountExcludePad(),
        ),
        ("SpatialAveragePooling_pad_include", nn.SpatialAveragePooling(3, 3, 2, 2, 1, 1)),
    ],
)
def test_torch7s_own_numbers(like_torch, case, module):
    like_torch(case, module)


@pytest.mark.parametrize(
    ("module", "size", "padding"),
    [
        (nn.SpatialMaxPooling(3, 3, 2, 2), (27, 27), "valid"),
        (nn.SpatialMaxPooling(3, 3, 2, 2).ceil(), (27, 27), "valid"),
        (nn.SpatialMaxPooling(2, 2, 2, 2).ceil(), (7, 7), "same"),
        (nn.SpatialMaxPooling(3, 3, 1, 1, 1, 1), (8, 9), "same"),
        (nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1), (8, 8), None),
        (nn.SpatialMaxPooling(3, 3, 2, 2, 1, 1), (7, 7), "same"),
        (nn.SpatialAveragePooling(2, 2, 2, 2).ceil(), (7, 7), "same"),
        (nn.SpatialAveragePooling(3, 3, 1, 1, 1, 1), (8, 9), None),
        (nn.SpatialAveragePooling(3, 3, 1, 1, 1, 1, count_include_pad=False), (8, 9), "same"),
        (nn.SpatialAveragePooling(2, 2, divide=False), (8, 9), None),
    ],
)
def test_keras_own_layers_are_used_where_they_are_equal(run, module, size, padding):
    model = run(module, distinct((1, *size, 2))).model
    layer = model.layers[-1]
    stock = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D)
    assert (layer.padding if isinstance(layer, stock) else None) == padding


@pytest.mark.parametrize("kind", [nn.SpatialMaxPooling, nn.SpatialAveragePooling])
def test_mistakes(refused, kind):
    text = refused(kind(4, 3), (2, 9, 5))
    assert kind.__name__ in text and "4 x 3" not in text and "3 x 4 (height x width)" in text
    assert "(None, 2, 9, 5)" in text and ">= 3" in text
    assert "larger than" in refused(kind(4, 4, 2, 2).ceil(), (1, 8, 3))
    assert "takes images" in refused(kind(2, 2), (8, 3))
    assert "takes images" in refused(kind(2, 2), [(8, 8, 3), (8, 8, 3)])
    # Torch would give the lowest float, or 0 / 0, for a window of nothing.
    assert "wholly beyond 5 pixels" in refused(kind(1, 1, 3, 3).ceil(), (5, 5, 2))
    with pytest.raises(graph.GraphError, match=r"kW - 2 \* padW must be .* at least 0, got -1"):
        kind(3, 4, 1, 1, 2, 2)
    with pytest.raises(graph.GraphError, match=r"dH must be an integer of at least 1, got 0"):
        kind(3, 3, 1, 0)
    with pytest.raises(graph.GraphError, match=r"kH must be an integer .* got '3' \(str\)"):
        kind(3, "3")
