"""Borders and enlargement against Torch's index formulas."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from image_examples import ramp

import graph
from graph import GraphError, gModule, nn


def sources(length, before, after, kind):
    """For each place of the output its place in the input; None for a zero."""
    for j in range(before + length + after):
        t = j - before
        if 0 <= t < length:
            yield t
        elif kind == "zero":
            yield None
        elif kind == "replicate":
            yield min(max(t, 0), length - 1)
        else:
            yield -t if t < 0 else 2 * (length - 1) - t


def bordered(x, borders, kind):
    for axis, (before, after) in enumerate(borders, 1):
        parts = []
        for source in sources(x.shape[axis], before, after, kind):
            part = np.take(x, [source or 0], axis)
            parts.append(np.zeros_like(part) if source is None else part)
        x = np.concatenate(parts, axis)
    return x


KINDS = {
    "zero": nn.SpatialZeroPadding,
    "reflect": nn.SpatialReflectionPadding,
    "replicate": nn.SpatialReplicationPadding,
    "volume": nn.VolumetricReplicationPadding,
}


@settings(max_examples=60)
@given(st.sampled_from(sorted(KINDS)), st.lists(st.integers(-3, 4), min_size=6, max_size=6))
def test_borders_and_cuts(run, kind, sizes):
    sides = 3 if kind == "volume" else 2
    # Left, right, top, bottom (, front, back) are the last, the last but one (, the first) side.
    borders = [tuple(sizes[2 * i : 2 * i + 2]) for i in reversed(range(2))]
    if sides == 3:
        borders.insert(0, tuple(sizes[4:]))
    shape = (6, 5, 7)[:sides]
    for n, border in zip(shape, borders, strict=True):
        assume(n + sum(border) >= 1 and -min(*border, 0) < n)
    x = ramp(2, *shape, 2)
    expected = bordered(x, borders, "replicate" if sides == 3 else kind)
    np.testing.assert_array_equal(run(KINDS[kind](*sizes[: 2 * sides]), x).output, expected)


def test_the_first_argument_stands_for_all():
    assert nn.SpatialZeroPadding(2).borders == [(2, 2), (2, 2)]
    assert nn.SpatialReflectionPadding(1, 2).borders == [(1, 1), (1, 2)]
    assert nn.VolumetricReplicationPadding(1, 2, 3).borders == [(1, 1), (3, 1), (1, 2)]


@pytest.mark.parametrize("kind", ["zero", "reflect", "replicate"])
def test_borders_of_any_size(kind):
    image = graph.Input((None, None, 2))
    model = gModule([image], [KINDS[kind](2, -1, 1, 3)(image)])
    for size in ((4, 5), (6, 8)):
        x = ramp(2, *size, 2)
        expected = bordered(x, [(1, 3), (2, -1)], kind)
        np.testing.assert_array_equal(model.forward(x), expected)
        np.testing.assert_array_equal(model.to_keras()(x), expected)


@pytest.mark.parametrize(
    ("sizes", "layers"),
    [
        ((1, 2, 3, 0), ["ZeroPadding2D"]),
        ((-1, 0, 0, -2), ["Cropping2D"]),
        ((-1, 2, 0, 0), ["Cropping2D", "ZeroPadding2D"]),
    ],
)
def test_what_zero_padding_becomes(run, sizes, layers):
    model = run(nn.SpatialZeroPadding(*sizes), ramp(1, 5, 6, 2)).model
    assert [type(layer).__name__ for layer in model.layers[1:]] == layers


def linear(x, axis, wanted):
    """Torch's loop, in single precision where Torch's is."""
    length = x.shape[axis]
    apart = np.float32(length - 1) / np.float32(wanted - 1) if wanted > 1 else np.float32(0)
    parts = []
    for j in range(wanted):
        place = np.float32(apart * np.float32(j))
        low = int(place)
        share = x.dtype.type(place - np.float32(low))
        high = min(low + 1, length - 1)
        a, b = np.take(x, [low], axis), np.take(x, [high], axis)
        parts.append(a * (1 - share) + b * share)
    return np.concatenate(parts, axis)


@pytest.mark.parametrize("size", [(1, 1), (4, 3), (9, 2), (5, 7), (1, 13)])
def test_bilinear_of_every_size(run, size):
    x = ramp(2, 4, 3, 2)
    expected = linear(linear(x, 2, size[1]), 1, size[0])
    params = {"oheight": size[0], "owidth": size[1]}
    for module in (nn.SpatialUpSamplingBilinear(params), nn.UpSampling(params, "bilinear")):
        np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


def test_of_one_pixel_all_are_copies(run):
    y = run(nn.SpatialUpSamplingBilinear(3), np.full((1, 1, 1, 2), 5, "float32")).output
    np.testing.assert_array_equal(y, np.full((1, 3, 3, 2), 5))


def test_corners_stay(run):
    x = ramp(1, 3, 4, 5, 1)
    y = run(nn.UpSampling(3, "linear"), x).output
    assert y.shape == (1, 9, 12, 15, 1)
    corner = np.s_[:, ::8, ::11, ::14]
    np.testing.assert_allclose(y[corner], x[:, ::2, ::3, ::4], rtol=1e-6)


@pytest.mark.parametrize("shape", [(2, 3, 4, 2), (2, 2, 3, 4, 2)])
def test_nearest_repeats(run, shape):
    x = ramp(*shape)
    expected = x
    for axis in range(1, x.ndim - 1):
        expected = np.repeat(expected, 3, axis)
    np.testing.assert_array_equal(run(nn.UpSampling(3), x).output, expected)
    if x.ndim == 4:
        np.testing.assert_array_equal(run(nn.SpatialUpSamplingNearest(3), x).output, expected)


def test_pixel_shuffle_of_any_size(run):
    image = graph.Input((None, None, 18))
    model = gModule([image], [nn.PixelShuffle(3)(image)])
    x = ramp(2, 2, 3, 18)
    y = model.forward(x)
    assert y.shape == (2, 6, 9, 2)
    for h, w, c in np.ndindex(6, 9, 2):
        plane = (c * 3 + h % 3) * 3 + w % 3
        np.testing.assert_array_equal(y[:, h, w, c], x[:, h // 3, w // 3, plane])


def test_mistakes(refused):
    text = refused(nn.SpatialZeroPadding(-2, -2, 0, 0), (5, 4, 2))
    assert "cuts off, or mirrors, more than there is" in text and ">= 5" in text
    assert "mirrors" in refused(nn.SpatialReflectionPadding(1, 4, 0, 0), (5, 4, 2))
    assert "takes volumes" in refused(nn.VolumetricReplicationPadding(1), (4, 4, 2))
    assert "far they are apart" in refused(nn.UpSampling(2, "linear"), (None, 4, 2))
    bilinear = nn.UpSampling({"owidth": 3, "oheight": 3}, "linear")
    assert "was given no odepth" in refused(bilinear, (3, 4, 4, 2))
    assert "planes that 2 squared divides" in refused(nn.PixelShuffle(2), (3, 4, 6))
    with pytest.raises(GraphError, match="mode must be one of .* got 'cubic'"):
        nn.UpSampling(2, "cubic")
    with pytest.raises(GraphError, match="nearest needs a scale factor"):
        nn.UpSampling({"owidth": 3, "oheight": 3})
    with pytest.raises(GraphError, match="hold owidth and oheight"):
        nn.SpatialUpSamplingBilinear({"owidth": 3})
    with pytest.raises(GraphError, match="SpatialReflectionPadding: pad_t must be an integer"):
        nn.SpatialReflectionPadding(1, 1, 1.5)
