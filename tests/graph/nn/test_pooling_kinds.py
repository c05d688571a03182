"""Dilated, volumetric, adaptive, power and learnt pooling against loops."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from image_examples import ramp
from naive_windows import windows

import graph
from graph import GraphError, gModule, nn
from graph.nn.torch_fields import UnsupportedTorch
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


def largest(elements):
    return elements.max(1) if elements.shape[1] else np.full(elements.shape[::2], -np.inf)


@st.composite
def cases(draw):
    n = draw(st.sampled_from([2, 3]))

    def draws(least, most):
        return [draw(st.integers(least, most)) for _ in range(n)]

    kernel, steps, dilation = draws(1, 3), draws(1, 3), draws(1, 3)
    pads = [draw(st.integers(0, k // 2)) for k in kernel]
    order = (1, 0) if n == 2 else (0, 2, 1)
    arguments = [values[i] for values in (kernel, steps, pads, dilation) for i in order]
    kind = nn.SpatialDilatedMaxPooling if n == 2 else nn.VolumetricDilatedMaxPooling
    module = kind(*arguments, ceil_mode=draw(st.booleans()))
    lengths = []
    for side in module.windows:
        lengths.append(draw(st.integers(side.least, side.least + 5)))
        assume(not side.overshoots(lengths[-1]))
    return module, ramp(2, *lengths, 2)


@settings(max_examples=40)
@given(cases())
def test_dilated(run, case):
    module, x = case
    sizes = (module.kernel, module.steps, module.pads, module.dilation)
    expected = windows(x, *sizes, module.ceil_mode, largest)
    np.testing.assert_array_equal(run(module, x).output, expected.astype("float32"))


def test_of_equal_values_the_first_takes_the_gradient(run):
    x = np.zeros((1, 4, 4, 1), "float32")
    for module in (
        nn.SpatialMaxPooling(2, 2),
        nn.SpatialDilatedMaxPooling(2, 2, 4, 4, 0, 0, 2, 2),
        nn.SpatialAdaptiveMaxPooling(1, 3),
    ):
        y = run(module, x).output
        gradInput = run(module, x, np.ones_like(y)).gradInput
        assert gradInput[0, 0, 0, 0] >= 1 and gradInput.sum() == y.size, module
        assert set(np.unique(gradInput)) <= {0, 1, 2}


def bins(length, count):
    for i in range(count):
        yield math.floor(i * length / count), math.ceil((i + 1) * length / count)


@pytest.mark.parametrize(("W", "H"), [(1, 1), (3, 2), (4, 5), (7, 9), (2, 3), (10, 11)])
def test_adaptive(run, W, H):
    x = ramp(2, 9, 7, 3)
    for kind, function in (
        (nn.SpatialAdaptiveMaxPooling, np.max),
        (nn.SpatialAdaptiveAveragePooling, np.mean),
    ):
        expected = np.stack(
            [
                np.stack([function(x[:, a:b, c:d], (1, 2)) for c, d in bins(7, W)], 1)
                for a, b in bins(9, H)
            ],
            1,
        )
        np.testing.assert_allclose(run(kind(W, H), x).output, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("module", "layer"),
    [
        (nn.SpatialAdaptiveMaxPooling(1, 1), "GlobalMaxPooling2D"),
        (nn.SpatialAdaptiveAveragePooling(1, 1), "GlobalAveragePooling2D"),
        (nn.SpatialAdaptiveMaxPooling(2, 4), "MaxPooling2D"),
        (nn.SpatialAdaptiveAveragePooling(3, 2), "AveragePooling2D"),
        (nn.SpatialAdaptiveAveragePooling(4, 2), "ModuleLayer"),
        (nn.SpatialDilatedMaxPooling(2, 2), "MaxPooling2D"),
    ],
)
def test_keras_own_layers_are_used_where_they_are_equal(run, module, layer):
    assert type(run(module, ramp(1, 8, 6, 2)).model.layers[-1]).__name__ == layer


def test_volumes_of_double_precision_which_tensorflow_cannot_pool(run):
    x = ramp(2, 4, 5, 6, 2).astype("float64")
    for module, function in (
        (nn.VolumetricMaxPooling(2, 3, 2), largest),
        (nn.VolumetricAveragePooling(2, 3, 2), lambda elements: elements.mean(1)),
    ):
        expected = windows(x, module.kernel, module.steps, (0,) * 3, (1,) * 3, False, function)
        given = graph.Input(x.shape[1:], dtype="float64")
        import keras

        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float64")
        try:
            y = gModule([given], [module(given)]).forward(x)
        finally:
            keras.config.set_dtype_policy(before)
        assert y.dtype == "float64"
        np.testing.assert_allclose(y, expected, rtol=1e-14)


@pytest.mark.parametrize("kind", ["image", "frames"])
def test_learnt_subsampling(run, kind):
    if kind == "image":
        module, x = nn.SpatialSubSampling(2, 3, 2, 2, 1), ramp(2, 5, 7, 2)
    else:
        module, x = nn.TemporalSubSampling(3, 2, 2), ramp(2, 7, 3)
    weight, bias = module.named_parameters().values()
    weight.assign(ramp(*weight.shape) + 1)
    bias.assign(ramp(*bias.shape))
    n = len(module.sides)
    sums = windows(x, module.kernel, module.steps, (0,) * n, (1,) * n, False, lambda e: e.sum(1))
    expected = sums * np.asarray(weight) + np.asarray(bias)
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


def test_power_pooling_of_nothing_has_no_gradient(run):
    x = ramp(1, 4, 4, 2)
    x[0, :2, :2] = 0
    for power in (2, 4):
        y = run(nn.SpatialLPPooling(2, power, 2, 2), x).output
        ran = run(nn.SpatialLPPooling(2, power, 2, 2), x, np.ones_like(y))
        assert (ran.gradInput[0, :2, :2] == 0).all() and np.isfinite(ran.gradInput).all()
        assert y[0, 0, 0, 0] == 0 and np.abs(ran.gradInput[0, 2:]).max() > 0
    features = np.array([[0, 0, 3, 4]], "float32")
    ran = run(nn.FeatureLPPooling(2, 2, 2), features, np.ones((1, 2)))
    np.testing.assert_allclose(ran.output, [[0, 5]])
    np.testing.assert_allclose(ran.gradInput, [[0, 0, 0.6, 0.8]], rtol=1e-6)


def test_features_of_images_are_the_last_axis(run):
    x = np.abs(ramp(2, 3, 4, 5))
    expected = (x[..., 0:3] ** 3 + x[..., 1:4] ** 3 + x[..., 2:5] ** 3) ** (1 / 3)
    np.testing.assert_allclose(run(nn.FeatureLPPooling(3, 1, 3), x).output, expected, rtol=1e-5)


def test_k_largest(run):
    x = np.array([[[3, 1], [9, 0], [2, 8], [5, 7], [1, 6]]], "float32")
    np.testing.assert_array_equal(
        run(nn.TemporalDynamicKMaxPooling(2), x).output, [[[9, 8], [5, 7]]]
    )
    # ceil(0.5 * 5) = 3 is more than 2.
    np.testing.assert_array_equal(
        run(nn.TemporalDynamicKMaxPooling(2, 0.5), x).output, [[[3, 8], [9, 7], [5, 6]]]
    )
    sequence = graph.Input((None, 2))
    model = gModule([sequence], [nn.TemporalDynamicKMaxPooling(2)(sequence)])
    np.testing.assert_array_equal(model.forward(x), [[[9, 8], [5, 7]]])


def average(**fields):
    sizes = {"kW": 3, "kH": 2, "dW": 2, "dH": 2}
    return to_module(TorchObject("nn.SpatialAveragePooling", {**sizes, **fields}))


def test_average_pooling_of_old_files():
    # Before ceil_mode there were no borders, and before `divide` sums.
    oldest = average(padW=1, padH=1)
    assert (oldest.padW, oldest.divide, oldest.count_include_pad) == (0, False, True)
    new = average(padW=1, padH=1, ceil_mode=True, count_include_pad=False, divide=True)
    assert (new.padW, new.divide, new.count_include_pad, new.ceil_mode) == (1, True, False, True)
    cudnn = {"kW": 3, "kH": 2, "dW": 2, "dH": 2, "padW": 1, "padH": 1, "ceil_mode": False}
    for mode, counts in (("INCLUDE", True), ("EXCLUDE", False)):
        cudnn["mode"] = f"CUDNN_POOLING_AVERAGE_COUNT_{mode}_PADDING"
        module = to_module(TorchObject("cudnn.SpatialAveragePooling", cudnn))
        assert (module.divide, module.count_include_pad, module.padW) == (True, counts, 1)


def test_files_that_mean_single_samples():
    features = TorchObject("nn.FeatureLPPooling", {"width": 2, "stride": 1, "power": 2})
    with pytest.raises(UnsupportedTorch, match=r"no batches in Torch.*\(batched=False\)"):
        to_module(features)
    assert to_module(features, batched=False).width == 2


def test_mistakes(refused):
    pool = nn.SpatialDilatedMaxPooling(2, 3, 1, 1, 0, 0, 3, 2)
    assert "window of 5 x 4 (height x width)" in refused(pool, (4, 9, 2))
    assert "fewer" not in refused(nn.TemporalDynamicKMaxPooling(4), (3, 2))
    assert "needs a time of 4" in refused(nn.TemporalDynamicKMaxPooling(4), (3, 2))
    assert "how many there are" in refused(nn.TemporalDynamicKMaxPooling(1, 0.5), (None, 2))
    assert "to know its height" in refused(nn.SpatialAdaptiveMaxPooling(2, 2), (None, 4, 2))
    assert "at least 4 features" in refused(nn.FeatureLPPooling(4, 1, 2), (3,))
    assert "images of 2 planes" in refused(nn.SpatialSubSampling(2, 2, 2), (4, 4, 3))
    with pytest.raises(GraphError, match="width is at most 16 and stride at most 4, got 17 and 1"):
        nn.FeatureLPPooling(17, 1, 2)
    with pytest.raises(GraphError, match=r"VolumetricMaxPooling: kT - 2 \* padT must be"):
        nn.VolumetricMaxPooling(1, 1, 1, 1, 1, 1, 1)
