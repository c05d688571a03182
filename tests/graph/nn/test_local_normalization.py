"""Normalisation over neighbouring planes and pixels against loops."""

import numpy as np
import pytest
from image_examples import ramp

from graph import GraphError, nn


@pytest.mark.parametrize(("size", "planes"), [(1, 4), (3, 7), (5, 3), (9, 4)])
def test_neighbouring_planes(run, size, planes):
    x = ramp(2, 3, 4, planes)
    squares = np.zeros(x.shape)
    for c in range(planes):
        low, high = max(0, c - size // 2), c + size // 2 + 1
        squares[..., c] = (x[..., low:high] ** 2).sum(-1)
    expected = x / (2 + 0.7 / size * squares) ** 0.6
    module = nn.SpatialCrossMapLRN(size, 0.7, 0.6, 2)
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


KERNELS = [np.arange(1.0, 16).reshape(3, 5), np.array([1.0, 2, 5, 3, 1]), None]


def sums(x, kernel):
    """Weighted sums over planes and window, zeros beyond the border; (batch, H, W, 1)."""
    kernel = np.ones((9, 9)) if kernel is None else kernel
    if kernel.ndim == 1:
        kernel = np.outer(kernel, kernel)
    rows, columns = (n // 2 for n in kernel.shape)
    padded = np.pad(x.sum(-1), ((0, 0), (rows, rows), (columns, columns)))
    y = np.zeros(x.shape[:3])
    for i, j in np.ndindex(*x.shape[1:3]):
        place = padded[:, i : i + kernel.shape[0], j : j + kernel.shape[1]]
        y[:, i, j] = (place * kernel).sum((1, 2))
    return y[..., None]


def subtracted(x, kernel):
    return x - sums(x, kernel) / sums(np.ones_like(x), kernel)


def divided(x, kernel, threshold, value):
    # The weights sum to 1 over window and planes.
    total = (
        np.ones((9, 9)).sum() if kernel is None else kernel.sum() ** (2 if kernel.ndim == 1 else 1)
    )
    total *= x.shape[-1]
    deviation = np.sqrt(sums(x**2, kernel) / total) / (sums(np.ones_like(x), kernel) / total)
    return x / np.where(deviation > threshold, deviation, value)


@pytest.mark.parametrize("kernel", KERNELS, ids=["matrix", "vector", "default"])
@pytest.mark.parametrize("planes", [1, 3])
def test_neighbouring_pixels(run, kernel, planes):
    x = ramp(2, 6, 7, planes).astype("float64") + 0.3
    for module, expected in (
        (nn.SpatialSubtractiveNormalization(planes, kernel), subtracted(x, kernel)),
        (nn.SpatialDivisiveNormalization(planes, kernel), divided(x, kernel, 1e-4, 1e-4)),
        (
            nn.SpatialDivisiveNormalization(planes, kernel, 0.6, 0.25),
            divided(x, kernel, 0.6, 0.25),
        ),
        (
            nn.SpatialContrastiveNormalization(planes, kernel, 0.6),
            divided(subtracted(x, kernel), kernel, 0.6, 0.6),
        ),
    ):
        y = run(module, x.astype("float32")).output
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


def test_an_image_of_nothing(run):
    x = np.zeros((1, 4, 4, 1), "float32")
    ran = run(nn.SpatialDivisiveNormalization(1, np.ones((3, 3))), x, np.ones_like(x))
    assert not ran.output.any()
    np.testing.assert_allclose(ran.gradInput, np.full(x.shape, 1e4))


def test_mistakes(refused):
    assert "takes images of 2 planes" in refused(nn.SpatialDivisiveNormalization(2), (9, 9, 3))
    for kernel in (np.ones((3, 4)), np.ones(2), np.ones((1, 1, 1))):
        with pytest.raises(GraphError, match="1 or 2 dimensions of odd size"):
            nn.SpatialSubtractiveNormalization(1, kernel)
    with pytest.raises(GraphError, match="SpatialCrossMapLRN: size must be odd, got 4"):
        nn.SpatialCrossMapLRN(4)
