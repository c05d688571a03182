"""Losses of embeddings where originals divide by zero, overflow or take the root of nothing."""

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops
from loss_gradient import value_and_grad
from metric_learning_losses import BATCH_LOSSES, CLASSES, PROXY_LOSSES, loss_of_embeddings

import losses

NAMES = [*BATCH_LOSSES, *PROXY_LOSSES]
RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 6)).astype("float32")
Y = np.arange(12) // 3
BATCHES = {
    "duplicates": (np.repeat(X[:4], 3, axis=0), Y),
    "duplicates across classes": (np.tile(X[:3], (4, 1)), Y),
    "all one point": (np.tile(X[:1], (12, 1)), Y),
    "one class": (X, np.zeros(12, int)),
    "singletons": (X[:CLASSES], np.arange(CLASSES)),
    "one": (X[:1], Y[:1]),
    "two": (X[:2], np.array([0, 1])),
    "norm 1e4": (X * np.float32(1e4) / np.linalg.norm(X, axis=1, keepdims=True), Y),
    "norm 1e-4": (X * np.float32(1e-4), Y),
    "a zero row": (np.concatenate([np.zeros((1, 6), "float32"), X[1:]]), Y),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", BATCHES)
def test_value_and_gradient_are_finite(name, batch):
    x, y = BATCHES[batch]
    loss = loss_of_embeddings(name)
    value, (gradient,) = value_and_grad(lambda x: loss(y, x), x)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_32_bits(name, dtype):
    loss = loss_of_embeddings(name)
    for scale in (1.0, 1e3):
        half = ops.cast(X * np.float32(scale), dtype)
        single = ops.convert_to_numpy(ops.cast(half, "float32"))
        half = np.asarray(ops.convert_to_numpy(half)) if dtype == "float16" else half
        if name != "mined_distance":  # It draws.
            np.testing.assert_allclose(float(loss(Y, half)), float(loss(Y, single)), rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient_are_finite_in_half_precision(name, dtype):
    loss = loss_of_embeddings(name)
    for batch, (x, y) in BATCHES.items():
        if batch in ("a zero row", "norm 1e-4") and dtype == "float16":
            continue  # Its derivative, of the order of one over the norm, has no float16 number.
        half = x.astype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
        value, (gradient,) = value_and_grad(lambda x, y=y: loss(y, x), half)
        assert np.isfinite(value), batch
        assert np.isfinite(gradient.astype("float32")).all(), batch
        if keras.backend.backend() != "torch":
            assert gradient.dtype.name == dtype


def test_functions_do_not_overflow_in_half_precision():
    x = (X * 1e4).astype("float16")
    assert np.isfinite(float(losses.triplet_semi_hard(Y, x, distance_metric="squared-L2")))
    assert np.isfinite(ops.convert_to_numpy(losses.pairwise_distance(x, squared=True))).all()


@pytest.mark.parametrize("name", BATCH_LOSSES)
def test_large_integer_labels_stay_apart(name):
    if name == "mined_distance":
        pytest.skip("it draws")
    loss = loss_of_embeddings(name)
    far = (Y + 2**30).astype("int32")  # One number in float32.
    assert float(loss(far, X)) == float(loss(Y, X))


@pytest.mark.parametrize("name", BATCH_LOSSES)
def test_shapes_and_weights_are_checked(name):
    loss = BATCH_LOSSES[name]()
    with pytest.raises(ValueError, match=r"embeddings of shape \(batch, d\)"):
        loss(Y, X[:, None])
    with pytest.raises(ValueError, match="one class label a row"):
        loss(np.stack([Y, Y], axis=1), X)
    with pytest.raises(ValueError, match="11 labels for 12 embeddings"):
        loss(Y[:11], X)
    with pytest.raises(ValueError, match="takes one number as sample_weight"):
        loss(Y, X, sample_weight=np.ones(12, "float32"))
    if name != "mined_distance":
        assert float(loss(Y[:, None], X)) == float(loss(Y, X))
        twice = float(loss(Y, X, sample_weight=np.float32(2)))
        assert twice == pytest.approx(2 * float(loss(Y, X)))


@pytest.mark.parametrize("name", [n for n in PROXY_LOSSES if n != "margin_beta"])
def test_shapes_of_class_losses_are_checked(name):
    loss = PROXY_LOSSES[name][0]()
    with pytest.raises(ValueError, match="needs cosines of shape"):
        loss(Y, X[:, 0])
    last = (2,) if PROXY_LOSSES[name][1] else ()
    with pytest.raises(ValueError, match="one class index a row"):
        loss(np.stack([Y, Y], axis=1), np.zeros((12, 5, *last), "float32"))


@pytest.mark.parametrize("name", NAMES)
def test_config_and_serialisation(name):
    make = BATCH_LOSSES.get(name) or PROXY_LOSSES[name][0]
    loss = make()
    again = type(loss).from_config(loss.get_config())
    stored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config() == stored.get_config()
    if name in BATCH_LOSSES and name != "mined_distance":
        assert float(again(Y, X)) == float(stored(Y, X)) == float(loss(Y, X))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: losses.TripletSemiHardLoss(distance_metric="L3"), "'squared-L2'.*got 'L3'"),
        (lambda: losses.TripletHardLoss(distance_metric=2), "knows the distances"),
        (lambda: losses.TripletBatchAllLoss(triplets="most"), "knows the triplets all"),
        (lambda: losses.TripletBatchAllLoss(reducer="max"), "reducers non-zero, mean, sum"),
        (lambda: losses.LpDistance(p=0.5), "at least 1"),
        (lambda: losses.batch_easy_hard(Y, X, "semihard", "semihard"), "semihard at most"),
        (lambda: losses.batch_easy_hard(Y, X, "hardest"), "knows the strategies"),
        (lambda: losses.triplet_batch_all(Y, X, swap=True, reference=(Y, X)), "cannot swap"),
        (
            lambda: losses.batch_contrastive(
                Y, X, reference=(Y, X), miner=losses.pair_margin_pairs
            ),
            "within a batch only",
        ),
        (lambda: losses.npairs(Y, X), r"similarities of shape \(n, n\)"),
        (lambda: losses.npairs(np.zeros((6, 2)), X[:6]), "npairs_multilabel"),
        (lambda: losses.npairs(Y[:5], X[:6]), r"labels of shape \(5,\) for 6 rows"),
        (lambda: losses.npairs_multilabel(Y[:6], X[:6]), r"indicators of shape"),
        (lambda: losses.sphere_face(Y, np.zeros((12, 5, 3))), "cosines and sizes"),
        (lambda: losses.MarginBeta(0), "at least one class"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
