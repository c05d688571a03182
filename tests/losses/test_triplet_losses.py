"""Triplet losses against plain loops, compiled, with a batch of unknown size, and of each scale."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from loss_gradient import value_and_grad

import losses


def semi_hard_by_loops(d, y, margin):
    terms = []
    for a in range(len(y)):
        negatives = [d[a, n] for n in range(len(y)) if y[n] != y[a]] or [d[a].min()]
        for p in range(len(y)):
            if p == a or y[p] != y[a]:
                continue
            farther = [v for v in negatives if v > d[a, p]] if len(set(y)) > 1 else []
            chosen = min(farther) if farther else max(negatives)
            terms.append(max(0.0, margin + d[a, p] - chosen))
    return np.mean(terms) if terms else 0.0


def hard_by_loops(d, y, margin):
    terms = []
    for a in range(len(y)):
        far = max([d[a, p] for p in range(len(y)) if p != a and y[p] == y[a]] or [d[a].min()])
        near = min([d[a, n] for n in range(len(y)) if y[n] != y[a]] or [d[a].max()])
        terms.append(max(0.0, margin + far - near))
    return np.mean(terms)


def all_by_loops(d, y, margin):
    terms = [
        d[a, p] - d[a, n] + margin
        for a in range(len(y))
        for p in range(len(y))
        for n in range(len(y))
        if a != p and y[a] == y[p] != y[n]
    ]
    above = [t for t in terms if t > 0]
    return np.mean(above) if above else 0.0


LOOPS = [
    (losses.triplet_semi_hard, semi_hard_by_loops),
    (losses.triplet_hard, hard_by_loops),
    (losses.triplet_batch_all, all_by_loops),
]


@pytest.mark.parametrize(("function", "loops"), LOOPS)
@settings(max_examples=20)
@given(
    n=st.integers(1, 14),
    classes=st.integers(1, 5),
    margin=st.sampled_from([0.1, 1.0, 2.5]),
    seed=st.integers(0, 999),
)
def test_by_loops(function, loops, n, classes, margin, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.integers(0, classes, n)
    d = np.sqrt(np.square(x[:, None] - x[None]).sum(-1))
    value = float(function(y, x.astype("float32"), margin))
    assert value == pytest.approx(loops(d, y, margin), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("function", [function for function, _ in LOOPS])
def test_double_precision_stays(function):
    rng = np.random.default_rng(1)
    for n in (9, 200):
        value, (gradient,) = value_and_grad(
            lambda x, n=n: function(np.arange(n) // 3, x), rng.normal(size=(n, 4))
        )
        assert value.dtype == gradient.dtype == np.float64


@pytest.fixture(scope="module")
def many():
    """More rows than distances are formed of one by one, in several blocks of anchors."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 300, 1100)
    return (rng.normal(size=(1100, 5)) + 3).astype("float32"), y


@pytest.mark.parametrize("function", [function for function, _ in LOOPS])
@pytest.mark.parametrize("metric", ["L2", "squared-L2"])
def test_large_batches_agree_with_exact_distances(function, metric, many):
    """The quick ways of large batches, against a distance that knows none of them."""
    x, y = many

    def exact(x):
        squared = ops.sum(ops.square(x[:, None] - x[None]), axis=-1)
        if metric == "squared-L2":
            return squared
        away = squared > 0
        return ops.where(away, ops.sqrt(ops.where(away, squared, 1.0)), 0.0)

    value, (gradient,) = value_and_grad(lambda x: function(y, x, 0.5, distance_metric=metric), x)
    expected, (slope,) = value_and_grad(lambda x: function(y, x, 0.5, distance_metric=exact), x)
    np.testing.assert_allclose(value, expected, rtol=2e-5)
    # A few choices between all but equal distances may differ.
    off = np.abs(gradient - slope).max(axis=1) > 1e-3 * np.abs(slope).max()
    assert off.mean() < 0.02


def test_ties_share_the_gradient_in_large_batches_too(many):
    x, y = many
    x = x.copy()
    x[y == 1] = x[y == 1][0]
    x[7] = x[5]
    loss = lambda d: lambda x: losses.triplet_hard(y, x, 0.5, distance_metric=d)  # noqa: E731
    # Another kind of distance takes the way that always forms the whole matrix.
    plain = losses.LpDistance(normalize=False)
    value, (gradient,) = value_and_grad(loss("L2"), x)
    expected, (slope,) = value_and_grad(loss(lambda x: plain(x)), x)
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient, slope, atol=1e-7)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.function is TensorFlow's")
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("function", [function for function, _ in LOOPS])
def test_compiled_with_a_batch_of_unknown_size(function, jit, many):
    import tensorflow as tf

    x, y = many

    @tf.function(
        jit_compile=jit,
        input_signature=[tf.TensorSpec((None,), tf.int64), tf.TensorSpec((None, 5))],
    )
    def step(y, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(y, x)
        return value, tape.gradient(value, x)

    for n in (1, 7, 1100):
        value, gradient = step(y[:n], x[:n])
        expected, (slope,) = value_and_grad(lambda x, n=n: function(y[:n], x), x[:n])
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(gradient, slope, rtol=1e-2, atol=1e-3)


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="jax.jit is JAX's")
@pytest.mark.parametrize("function", [function for function, _ in LOOPS])
def test_compiled_by_jax(function, many):
    import jax

    x, y = many
    value, gradient = jax.jit(jax.value_and_grad(lambda x: function(y, x)))(x)
    expected, (slope,) = value_and_grad(lambda x: function(y, x), x)
    np.testing.assert_allclose(value, expected, rtol=1e-4)
    np.testing.assert_allclose(gradient, slope, rtol=1e-2, atol=1e-3)
