"""Convolution of chosen planes, of each place, of each plane: against loops."""

import numpy as np
import pytest
from image_examples import ramp
from naive_windows import convolution, full_convolution

import graph
from graph import GraphError, gModule, nn
from graph.nn import tables
from graph.nn.torch_fields import UnsupportedTorch
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

TABLE = [[1, 1], [3, 1], [2, 3], [3, 1]]  # One pair twice, and no connection to plane 2.


def whole_kernel(module):
    """The kernel (kH, kW, in, out) of the full convolution."""
    weight = np.asarray(module.named_parameters()["weight"])
    kernel = np.zeros((module.kH, module.kW, module.nInputPlane, module.nOutputPlane))
    for (i, o), part in zip(module.conMatrix, weight, strict=True):
        kernel[:, :, i - 1, o - 1] += part
    return kernel


def set_ramp(module):
    for parameter in module.named_parameters().values():
        parameter.assign(ramp(*parameter.shape) + 0.5)


@pytest.mark.parametrize("steps", [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize("planes", [3, 4])
def test_chosen_planes(run, steps, planes):
    x = ramp(2, 6, 7, planes)
    module = nn.SpatialConvolutionMap(TABLE, 2, 3, *steps)
    set_ramp(module)
    bias = np.asarray(module.named_parameters()["bias"])
    dH, dW = reversed(steps)
    expected = convolution(x[..., :3], whole_kernel(module), bias, (dH, dW), (0, 0), (1, 1))
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-5)
    full = nn.SpatialFullConvolutionMap(TABLE, 2, 3, *steps)
    set_ramp(full)
    kernel = whole_kernel(full).swapaxes(2, 3)
    expected = full_convolution(x[..., :3], kernel, bias, (dH, dW), (0, 0), (0, 0))
    np.testing.assert_allclose(run(full, x).output, expected, rtol=1e-5, atol=1e-5)


def test_full_convolution_map_of_any_size():
    image = graph.Input((None, None, 3))
    full = nn.SpatialFullConvolutionMap(TABLE, 2, 3, 2, 2)
    model = gModule([image], [full(image)])
    assert model.forward(ramp(1, 4, 5, 3)).shape == (1, 9, 10, 3)


def test_connection_tables():
    assert tables.full(3, 2) == [[1, 1], [2, 1], [3, 1], [1, 2], [2, 2], [3, 2]]
    assert tables.oneToOne(2) == [[1, 1], [2, 2]]
    rows = tables.random(6, 9, 2, seed=0)
    assert [o for _, o in rows] == [o for o in range(1, 10) for _ in range(2)]
    assert rows == tables.random(6, 9, 2, seed=0) != tables.random(6, 9, 2, seed=1)
    # Three output planes use up six input planes.
    for first in range(0, 18, 6):
        assert sorted(i for i, _ in rows[first : first + 6]) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(GraphError, match="tables.random: nin must be an integer of at least 3"):
        tables.random(2, 4, 3)


def test_how_chosen_planes_start():
    table = tables.full(1, 100) + [[1, 1]] * 99
    weight, bias = map(
        np.asarray, nn.SpatialConvolutionMap(table, 2, 2).named_parameters().values()
    )
    assert 0.45 < np.abs(weight[1:100]).max() <= 0.5  # 1 / sqrt(4 * 1)
    many = np.concatenate([weight[:1], weight[100:]])
    assert 0.04 < np.abs(many).max() <= 0.05  # 1 / sqrt(4 * 100)
    assert abs(bias[0]) <= 0.05 and 0.4 < np.abs(bias[1:]).max() <= 0.5


@pytest.mark.parametrize("name", ["SpatialFullConvolutionMap", "TemporalSubSampling"])
def test_what_torch_feeds_single_samples(name):
    fields = {"kW": 2, "kH": 1, "dW": 1, "dH": 1, "connTable": np.array([[1.0, 1.0]])}
    fields.update(inputFrameSize=1, bias=np.ones(1))
    fields["weight"] = np.ones((1, 1, 2)) if "Map" in name else np.ones(1)
    with pytest.raises(UnsupportedTorch, match=r"takes no batches.*\(batched=False\)"):
        to_module(TorchObject(f"nn.{name}", fields))
    assert to_module(TorchObject(f"nn.{name}", fields), batched=False).kW == 2


def test_each_place(run):
    module = nn.SpatialConvolutionLocal(2, 3, 5, 6, 3, 2, 2, 1, 1, 2)
    assert (module.oH, module.oW) == (9, 3)
    set_ramp(module)
    weight, bias = map(np.asarray, module.named_parameters().values())
    x = ramp(2, 6, 5, 2)
    padded = np.pad(x, ((0, 0), (2, 2), (1, 1), (0, 0)))
    y = run(module, x).output
    for i, j in np.ndindex(9, 3):
        place = padded[:, i : i + 2, 2 * j : 2 * j + 3].reshape(2, -1)
        np.testing.assert_allclose(
            y[:, i, j], place @ weight[i, j] + bias[i, j], rtol=1e-5, atol=1e-5
        )


def test_layout_of_each_place():
    module = nn.SpatialConvolutionLocal(2, 3, 4, 5, 2, 2)
    torch = np.arange(4 * 3 * 3 * 2 * 2 * 2).reshape(4, 3, 3, 2, 2, 2)
    ours = module.parameter_from_torch("weight", torch)
    np.testing.assert_array_equal(module.parameter_to_torch("weight", ours), torch)
    np.testing.assert_array_equal(
        module.parameter_from_torch("weight", torch.reshape(12, 3, 8)), ours
    )
    bias = np.arange(36).reshape(3, 4, 3)
    assert module.parameter_from_torch("bias", bias)[2, 1, 0] == bias[0, 2, 1]


@pytest.mark.parametrize("steps", [(1, 1), (2, 2), (2, 3)])
def test_each_plane(run, steps):
    module = nn.SpatialDepthWiseConvolution(3, 2, 2, 3, *steps, 1, 2)
    set_ramp(module)
    weight, bias = map(np.asarray, module.named_parameters().values())
    x = ramp(2, 6, 5, 3)
    y = run(module, x).output
    for c in range(3):
        planes = np.s_[2 * c : 2 * c + 2]
        kernel = weight[:, :, c : c + 1]
        expected = convolution(x[..., c : c + 1], kernel, bias[planes], steps[::-1], (2, 1), (1, 1))
        np.testing.assert_allclose(y[..., planes], expected, rtol=1e-5, atol=1e-5)


def test_layout_of_each_plane():
    module = nn.SpatialDepthWiseConvolution(3, 2, 4, 5)
    torch = np.arange(2 * 3 * 5 * 4).reshape(2, 3, 5, 4)
    ours = module.parameter_from_torch("weight", torch)
    assert ours.shape == (5, 4, 3, 2) and ours[1, 2, 0, 1] == torch[1, 0, 1, 2]
    np.testing.assert_array_equal(module.parameter_to_torch("weight", ours), torch)
    flat = module.parameter_from_torch("weight", torch.reshape(2, 60))
    np.testing.assert_array_equal(flat, ours)
    bias = np.arange(6).reshape(2, 3)
    flat = module.parameter_from_torch("bias", bias)
    np.testing.assert_array_equal(flat, [0, 3, 1, 4, 2, 5])
    np.testing.assert_array_equal(module.parameter_to_torch("bias", flat), bias)


@pytest.mark.parametrize("feat_first", [False, True])
def test_each_feature(run, feat_first):
    module = nn.TemporalRowConvolution(3, 2, 2, feat_first)
    set_ramp(module)
    weight, bias = map(np.asarray, module.named_parameters().values())
    x = ramp(2, 7, 3)
    expected = sum(x[:, k : k + 5 : 2] * weight[k, :, 0] for k in range(2)) + bias
    if feat_first:
        x, expected = x.swapaxes(1, 2), expected.swapaxes(1, 2)
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


def test_mistakes(refused):
    some = nn.SpatialConvolutionMap(TABLE, 2, 3)
    assert "connects input plane 3, which there is not" in refused(some, (5, 5, 2))
    assert "3 x 2 (height x width), larger" in refused(some, (2, 5, 3))
    local = nn.SpatialConvolutionLocal(2, 3, 5, 6, 3, 2)
    assert "takes images of 6 x 5 (height x width)" in refused(local, (5, 6, 2))
    for matrix in ([], [[1, 0]], [1, 2], [[1, 2, 3]]):
        with pytest.raises(GraphError, match="conMatrix must be rows of"):
            nn.SpatialConvolutionMap(matrix, 1, 1)
    with pytest.raises(GraphError, match="a kernel of 3 x 2 .* is larger than the padded input"):
        nn.SpatialConvolutionLocal(1, 1, 5, 2, 2, 3)
