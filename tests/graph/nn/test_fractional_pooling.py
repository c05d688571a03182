"""Fractional max pooling: regions of given numbers, the ones of Torch found again, and drawing."""

import keras
import numpy as np
import pytest
from golden_torch7 import Case, to_keras
from image_examples import ramp

import graph
from graph import GraphError, gModule, nn
from graph.torch7.convert import to_module


def starts(sample, length, count, window):
    """Torch's own sequence, in single precision."""
    sample = np.float32(sample)
    alpha = np.float32(length - window) / np.float32(count - 1)
    first = int(sample * alpha)
    return [int((i + sample) * alpha) - first for i in range(count - 1)] + [length - window]


def pooled(plane, samples, counts, windows):
    columns = starts(samples[0], plane.shape[1], counts[0], windows[0])
    rows = starts(samples[1], plane.shape[0], counts[1], windows[1])
    return np.array(
        [[plane[r : r + windows[1], c : c + windows[0]].max() for c in columns] for r in rows]
    )


def test_regions_of_given_numbers(run):
    samples = np.random.default_rng(0).random((2, 3, 2))
    module = nn.SpatialFractionalMaxPooling(2, 3, 4, 3, newRandomPool=True, randomSamples=samples)
    x = ramp(4, 9, 8, 3)  # A batch of four uses the two samples' numbers again.
    y = run(module, x).output
    for n, c in np.ndindex(4, 3):
        expected = pooled(x[n, :, :, c], samples[n % 2, c], (4, 3), (2, 3))
        np.testing.assert_array_equal(y[n, :, :, c], expected)


def test_torch7s_own_regions_are_found(run, tmp_path):
    # Torch's file does not hold its numbers, so look for some that give its output.
    case = Case("layers", "SpatialFractionalMaxPooling")
    x, y = (to_keras(case.arrays(key), True) for key in ("input", "output"))
    module = to_module(case.model(tmp_path))
    assert module.newRandomPool and (module.arg1, module.arg2) == (4, 3)
    grid = (np.arange(64) + 0.5) / 64
    samples = np.full((*x.shape[::3], 2), np.nan)
    for n, c in np.ndindex(x.shape[0], x.shape[3]):
        for u in np.ndindex(64, 64):
            numbers = grid[list(u)]
            if np.array_equal(pooled(x[n, :, :, c], numbers, (4, 3), (2, 2)), y[n, :, :, c]):
                samples[n, c] = numbers
                break
    assert not np.isnan(samples).any()
    module.randomSamples = samples.tolist()
    np.testing.assert_array_equal(run(module, x).output, y)


def test_new_regions_each_time_unless_they_are_fixed(run):
    x = ramp(2, 12, 12, 3)
    model = run(nn.SpatialFractionalMaxPooling(2, 2, 0.6, 0.6), x).model
    assert model.forward(x).shape == (2, 7, 7, 3)
    assert any((model.forward(x) != model.forward(x)).any() for _ in range(5))
    fixed = run(nn.SpatialFractionalMaxPooling(2, 2, 0.6, 0.6).fixPoolingRegions(), x).model
    np.testing.assert_array_equal(fixed.forward(x), fixed.forward(x))
    copy = graph.GModule.from_config(fixed.get_config()) if hasattr(graph, "GModule") else None
    if copy is not None:
        np.testing.assert_array_equal(copy.forward(x), fixed.forward(x))


def test_plain_models_draw_in_training():
    image = graph.Input((12, 12, 3))
    plain = gModule([image], [nn.SpatialFractionalMaxPooling(2, 2, 7, 7)(image)]).to_keras()
    x = ramp(2, 12, 12, 3)
    y = plain(x, training=False)
    np.testing.assert_array_equal(y, plain(x, training=False))
    drawn = [np.asarray(plain(x, training=True)) for _ in range(5)]
    assert any((once != np.asarray(y)).any() for once in drawn)
    middle = pooled(x[1, :, :, 2], (0.5, 0.5), (7, 7), (2, 2))
    np.testing.assert_array_equal(np.asarray(y)[1, :, :, 2], middle)
    assert any(isinstance(layer, keras.layers.GaussianNoise) for layer in plain.layers)


def test_mistakes(refused):
    assert "know its size" in refused(nn.SpatialFractionalMaxPooling(2, 2, 2, 2), (None, 4, 1))
    assert "3 windows of 2" in refused(nn.SpatialFractionalMaxPooling(2, 2, 3, 2), (5, 4, 1))
    for arguments in ((2, 2, 0.5, 3), (2, 2, 0, 0)):
        with pytest.raises(GraphError, match="both be sizes, or both shares"):
            nn.SpatialFractionalMaxPooling(*arguments)
    with pytest.raises(GraphError, match="poolSizeH must be an integer of at least 2"):
        nn.SpatialFractionalMaxPooling(2, 1, 3, 3)
