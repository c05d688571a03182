"""Convolution of sequences and volumes, and dilated convolution, against loops."""

import numpy as np
import pytest
from golden_torch7 import TOLERANCE, Case, assert_close, to_keras
from hypothesis import given, settings
from hypothesis import strategies as st
from image_examples import ramp
from naive_windows import convolution

from graph import GraphError, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


def draws(draw, least, most, count):
    return [draw(st.integers(least, most)) for _ in range(count)]


@st.composite
def cases(draw):
    sides = draw(st.sampled_from(["HW", "THW"]))
    n = len(sides)
    kernel, steps, pads = draws(draw, 1, 3, n), draws(draw, 1, 3, n), draws(draw, 0, 2, n)
    dilation = draws(draw, 1, 3, n)
    # Torch's arguments come as width, height and as time, width, height.
    order = [sides.index(side) for side in ("WH" if n == 2 else "TWH")]
    arguments = [[values[i] for i in order] for values in (kernel, steps, pads, dilation)]
    planes = draws(draw, 1, 3, 2)
    kind = nn.SpatialDilatedConvolution if n == 2 else nn.VolumetricDilatedConvolution
    module = kind(*planes, *sum(arguments, []))
    parts = zip(kernel, dilation, pads, strict=True)
    least = [max(1, (k - 1) * r + 1 - 2 * p) for k, r, p in parts]
    shape = [draw(st.integers(low, low + 4)) for low in least]
    return module, ramp(2, *shape, planes[0])


@settings(max_examples=40)
@given(cases())
def test_steps_padding_and_dilation_of_every_size(run, case):
    module, x = case
    weight, bias = module.named_parameters().values()
    weight.assign(ramp(*weight.shape))
    bias.assign(ramp(*bias.shape) + 2)
    expected = convolution(
        x, np.asarray(weight), np.asarray(bias), module.steps, module.pads, module.dilation
    )
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-5)


def test_sequence():
    module = nn.TemporalConvolution(3, 2, 2, 3)
    weight = module.parameter_from_torch("weight", np.arange(12.0).reshape(2, 6))
    # Torch's row: the first frame's features, then the second's.
    np.testing.assert_array_equal(weight[:, :, 1], [[6, 7, 8], [9, 10, 11]])
    np.testing.assert_array_equal(
        module.parameter_to_torch("weight", weight), np.arange(12.0).reshape(2, 6)
    )


def test_defaults_follow_the_argument_before():
    module = nn.VolumetricConvolution(1, 1, 3, 3, 3, 1, 1, 1, 2)
    assert (module.padT, module.padW, module.padH) == (2, 2, 2)
    module = nn.VolumetricConvolution(1, 1, 3, 3, 3, 1, 1, 1, 2, 0)
    assert (module.padT, module.padW, module.padH) == (2, 0, 0)


@pytest.mark.parametrize(
    ("module", "x", "layers"),
    [
        (
            nn.SpatialDilatedConvolution(2, 3, 3, 3, 1, 1, 2, 2, 2, 2),
            ramp(1, 8, 9, 2),
            ["Conv2D"],
        ),
        (
            nn.SpatialDilatedConvolution(2, 3, 3, 3, 2, 2, 0, 0, 4, 4),
            ramp(1, 12, 12, 2),
            ["MaxPooling2D", "Conv2D"],
        ),
        (
            nn.SpatialDilatedConvolution(2, 3, 3, 3, 3, 3, 1, 0, 2, 2),
            ramp(1, 12, 12, 2),
            ["ZeroPadding2D", "Conv2D", "MaxPooling2D"],
        ),
        (nn.VolumetricConvolution(2, 3, 2, 2, 2, 2, 2, 2), ramp(1, 4, 5, 6, 2), ["Conv3D"]),
        (
            nn.VolumetricConvolution(2, 3, 3, 3, 3, 1, 1, 1, 1),
            ramp(1, 4, 5, 6, 2),
            ["Conv3D"],
        ),
    ],
)
def test_what_it_becomes(run, module, x, layers):
    model = run(module, x).model
    assert [type(layer).__name__ for layer in model.layers[1:]] == layers


def test_a_gradient_that_torch_itself_rounds_too_far(run, tmp_path):
    case = Case("layers", "SpatialDilatedConvolution")
    x, y, gradOutput, gradInput = (
        to_keras(case.arrays(key), True) for key in ("input", "output", "gradOutput", "gradInput")
    )
    module = to_module(case.model(tmp_path))
    ran = run(module, x, gradOutput)
    assert_close(ran.output, y, TOLERANCE["float32"], "output")
    assert_close(ran.gradInput, gradInput, TOLERANCE["float32"], "gradInput")
    torch_weight, torch_bias = case.arrays("gradParams")
    assert_close(ran.gradients[1], torch_bias, TOLERANCE["float32"], "gradient of bias")
    padded = np.pad(x.astype("float64"), ((0, 0), (2, 2), (2, 2), (0, 0)))
    exact = np.zeros(ran.gradients[0].shape)
    for i, j in np.ndindex(3, 3):
        place = padded[:, 2 * i : 2 * i + 8, 2 * j : 2 * j + 9]
        exact[i, j] = np.einsum("nhwi,nhwo->io", place, gradOutput)
    assert_close(ran.gradients[0], exact, TOLERANCE["float32"], "gradient of weight")
    # Should this ever not hold, the case belongs to test_golden.py.
    beyond = np.abs(module.parameter_from_torch("weight", torch_weight) - exact)
    assert (beyond > 1e-6 + 1e-5 * np.abs(exact)).sum() == 1


def fields(**changed):
    held = {"nInputPlane": 2, "nOutputPlane": 3, "kW": 2, "kH": 1, "dW": 1, "dH": 1}
    weight = np.arange(12, dtype="float32").reshape(3, 2, 1, 2)
    return {**held, "weight": weight, "bias": np.ones(3, "float32"), **changed}


def test_one_padding_of_old_files():
    for name in ("SpatialConvolution", "SpatialConvolutionMM"):
        module = to_module(TorchObject(f"nn.{name}", fields(padding=2, padW=7, padH=7)))
        assert (module.padW, module.padH) == (2, 2)
        assert (to_module(TorchObject(f"nn.{name}", fields())).padW) == 0


def test_weights_as_a_matrix():
    whole = to_module(TorchObject("nn.SpatialConvolution", fields()))
    matrix = fields(weight=fields()["weight"].reshape(3, 4))
    flat = to_module(TorchObject("nn.SpatialConvolution", matrix))
    for a, b in zip(*(m.named_parameters().values() for m in (whole, flat)), strict=True):
        np.testing.assert_array_equal(a, b)
    kept = to_module(TorchObject("nn.SpatialConvolutionMM", matrix))
    assert kept.parameter_to_torch("weight", np.zeros((1, 2, 2, 3))).shape == (3, 4)
    assert whole.parameter_to_torch("weight", np.zeros((1, 2, 2, 3))).shape == (3, 2, 1, 2)


def test_groups_of_cudnn(run):
    grouped = fields(groups=2, nInputPlane=4, nOutputPlane=4, weight=ramp(4, 2, 1, 2))
    grouped["bias"] = ramp(4)
    module = to_module(TorchObject("cudnn.SpatialConvolution", grouped))
    x = ramp(2, 3, 5, 4)
    halves = []
    for i in (0, 1):
        part = np.s_[2 * i : 2 * i + 2]
        kernel = grouped["weight"][part].transpose(2, 3, 1, 0)
        bias = grouped["bias"][part]
        halves.append(convolution(x[..., part], kernel, bias, (1, 1), (0, 0), (1, 1)))
    expected = np.concatenate(halves, -1)
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


def test_mistakes(refused):
    volume = nn.VolumetricConvolution(2, 3, 4, 3, 2)
    assert "takes volumes (batch, time, height, width, planes)" in refused(volume, (4, 5, 2))
    assert "4 x 2 x 3 (time x height x width), larger than" in refused(volume, (3, 5, 5, 2))
    assert "move the planes to the last axis" in refused(volume, (2, 5, 5, 5))
    frames = nn.TemporalConvolution(3, 2, 4)
    assert "takes sequences of 3 features" in refused(frames, (9, 4))
    assert "takes sequences (batch, time, features)" in refused(frames, (9,))
    assert "a window of 4 (time), larger than" in refused(frames, (3, 3))
    row = nn.TemporalRowConvolution(3, 4, 1, True)
    assert "4 frames of 3 features, the features first" in refused(row, (9, 3))
    with pytest.raises(GraphError, match="2 groups must divide the 4 input and the 3 output"):
        nn.SpatialConvolution(4, 3, 1, 1, groups=2)
    with pytest.raises(GraphError, match="VolumetricDilatedConvolution: dilationH must be an int"):
        nn.VolumetricDilatedConvolution(1, 1, 1, 1, 1, dilationH=0)
