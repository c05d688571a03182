"""What all losses of one value per element have in common, and what they refuse."""

from typing import Any

import keras
import numpy as np
import pytest
from element_loss_examples import EXAMPLES, LABELS, NUMBERS, PAIRED, PROBABILITIES, SCORES, WEIGHTS
from keras import ops
from loss_gradient import value_and_grad

import losses
from losses._element_loss import ElementLoss

each = pytest.mark.parametrize("name", EXAMPLES)
A = np.zeros((3, 4), "float32")


def unreduced(loss: ElementLoss) -> ElementLoss:
    config = {**loss.get_config(), "reduction": None}
    return type(loss).from_config(config)


def gradient(loss: Any, y_true: Any, y_pred: np.ndarray) -> np.ndarray:
    value, (g,) = value_and_grad(lambda x: loss(y_true, x), y_pred)
    assert np.isfinite(np.asarray(value, "float64")).all()
    assert g.shape == y_pred.shape
    return np.asarray(g, "float64")


def test_every_such_loss_has_an_example():
    own = {n for n in losses.__all__ if isinstance(getattr(losses, n), type)}
    assert {n for n in own if issubclass(getattr(losses, n), ElementLoss)} == set(EXAMPLES)


@each
def test_its_configuration_makes_it_again(name):
    loss, y_true, y_pred = EXAMPLES[name]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    assert float(again(y_true, y_pred)) == float(loss(y_true, y_pred))


@each
def test_the_function_gives_what_the_class_reduces(name):
    loss, y_true, y_pred = EXAMPLES[name]
    values = np.asarray(ops.convert_to_numpy(unreduced(loss)(y_true, y_pred)))
    reduced = values.sum() if loss.reduction == "sum" else values.mean()
    if isinstance(loss, losses.ClassNLLLoss):
        reduced = values.sum() / sum(WEIGHTS[i] for i in LABELS if i != loss.ignore_index)
    if name == "KLDivLoss":  # batchmean
        reduced = values.sum() / len(y_pred)
    np.testing.assert_allclose(float(loss(y_true, y_pred)), reduced, rtol=1e-5)


@each
def test_sample_weights_multiply_each_sample(name):
    loss, y_true, y_pred = EXAMPLES[name]
    weight = np.array([0.0, 2.0, 0.5, 1.0, 3.0, 1.5], "float32")
    if name == "WeightedKappaLoss":
        with pytest.raises(ValueError, match="one value for the whole batch"):
            loss(y_true, y_pred, weight)
        assert float(loss(y_true, y_pred, 2.0)) == 2 * float(loss(y_true, y_pred))
        return
    values = np.asarray(ops.convert_to_numpy(unreduced(loss)(y_true, y_pred)))
    weighed = values * weight.reshape(-1, *[1] * (values.ndim - 1))
    got = ops.convert_to_numpy(unreduced(loss)(y_true, y_pred, weight))
    np.testing.assert_allclose(got, weighed, rtol=1e-6)
    share = float(loss(y_true, y_pred, weight)) / float(loss(y_true, y_pred))
    np.testing.assert_allclose(share, weighed.sum() / values.sum(), rtol=1e-4)


@each
def test_compiled_it_is_the_same(name):
    loss, y_true, y_pred = EXAMPLES[name]
    backend = keras.backend.backend()
    if backend == "torch":
        pytest.skip("PyTorch runs eagerly")
    if backend == "jax":
        import jax

        run = jax.jit(lambda y, x: loss(y, x))
    else:
        import tensorflow as tf

        run = tf.function(lambda y, x: loss(y, x))
    got = float(run(y_true if y_true is None else ops.convert_to_tensor(y_true), y_pred))
    np.testing.assert_allclose(got, float(loss(y_true, y_pred)), rtol=1e-5, atol=1e-6)


@each
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gradients_are_finite(name, dtype):
    """Of a batch of one, of equal predictions, of zeros, and of norms of 1e4."""
    loss, y_true, y_pred = EXAMPLES[name]
    loss = type(loss).from_config({**loss.get_config(), "dtype": dtype})
    one = None if y_true is None else y_true[:1]
    probable = name in {"BCELoss", "ClassNLLLoss", "KLDivLoss", "WeightedKappaLoss"}
    exponential = name == "PoissonNLLLoss"  # exp(1e4) has no number.
    large = y_pred if probable or exponential else y_pred * np.float32(1e4 / 4)
    same = np.broadcast_to(y_pred[:, :1], y_pred.shape) if name in PAIRED else y_pred
    for target, x in [
        (one, y_pred[:1]),
        (y_true, same),
        (y_true, np.broadcast_to(y_pred[:1], y_pred.shape)),
        (y_true, np.zeros_like(y_pred)),
        (y_true, large),
    ]:
        if name == "BCELoss" and dtype == "float16" and not x.any():
            continue  # Its gradient at probability 0, of 1e12, is finite, but not in float16.
        x = np.asarray(ops.convert_to_numpy(ops.cast(np.ascontiguousarray(x), dtype)))
        assert np.isfinite(gradient(loss, target, x)).all()


def test_half_precision_is_computed_in_32_bits():
    x = (np.ones((2, 3, 4)) * 300).astype("float16")
    x[:, 2] = 0  # Squared, the distance to the negative is 360,000: above the float16 range.
    values = losses.triplet_embedding(None, x, alpha=360001.0)
    assert "float32" in str(values.dtype)
    np.testing.assert_array_equal(ops.convert_to_numpy(values), [1, 1])


def test_bfloat16_tells_large_labels_apart():
    scores = np.full((2, 400), -1.0, "float32")
    scores[0, 301] = scores[1, 302] = -0.5
    value = losses.ClassNLLLoss(dtype="bfloat16")(np.array([301, 302]), scores)
    assert float(value) == 0.5


@pytest.mark.parametrize("reduction", ["sum", "sum_over_batch_size", "mean_with_sample_weight"])
def test_masks_and_weights_and_counts(reduction):
    loss = losses.ClassNLLLoss(WEIGHTS, ignore_index=2, reduction=reduction)
    y_pred = ops.convert_to_tensor(np.log(PROBABILITIES))
    mask = np.array([True, True, False, True, False, True])
    y_pred._keras_mask = ops.convert_to_tensor(mask)
    weight = np.array([0.5, 2.0, 1.0, 1.0, 3.0, 1.5])
    total = divisor = 0.0
    for row, label, there, w in zip(np.log(PROBABILITIES), LABELS, mask, weight, strict=True):
        if there and label != 2:
            total -= w * WEIGHTS[label] * row[label]
            divisor += WEIGHTS[label] * (w if reduction.startswith("mean_with") else 1)
    expected = total if reduction == "sum" else total / divisor
    np.testing.assert_allclose(float(loss(LABELS, y_pred, weight)), expected, rtol=1e-5)


def test_a_mean_of_nothing_is_zero_with_zero_gradients():
    loss = losses.ClassNLLLoss(ignore_index=9)
    value, (g,) = value_and_grad(lambda x: loss(np.full(6, 9), x), SCORES)
    assert value == 0 and not g.any()


def test_labels_that_compiled_code_cannot_refuse_give_nan():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("uses tf.function")
    import tensorflow as tf

    for function in (losses.class_nll, losses.multi_margin, losses.class_simplex):
        run = tf.function(function)
        values = np.asarray(run(tf.constant([0, 5, -1, 1, 1, 4]), tf.constant(SCORES)))
        bad = np.isnan(values.reshape(6, -1)).all(axis=1)
        assert bad.tolist() == [False, True, True, False, False, False]
    run = tf.function(losses.gaussian_nll)
    pair = tf.constant([[[1.0, 2.0], [0.5, -0.5]]])
    assert np.isnan(np.asarray(run(tf.constant([[1.0, 1.0]]), pair))).tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: losses.absolute_error(A[:, 0], A), "shape \\(3, 4\\) of y_pred; got \\(3,\\)"),
        (lambda: losses.squared_error(A, A, [1.0, 2.0]), "target_weights of shape \\(2,\\)"),
        (lambda: losses.smooth_l1(A, A, -1.0), "beta >= 0; got -1.0"),
        (lambda: losses.huber(A, A, 0.0), "delta > 0; got 0.0"),
        (lambda: losses.bce(A, A, [1.0]), "got 1 weights .* needs 4"),
        (
            lambda: losses.class_nll([0, 1, 4], A),
            "labels 0..3 or -100 \\(ignored\\); got 4 at \\[2",
        ),
        (lambda: losses.class_nll([0, 1], A), "shape \\(3,\\); got shape \\(2,\\)"),
        (lambda: losses.class_nll([0, 1, 2], A, [1.0]), "got 1 weights .* needs 4"),
        (lambda: losses.cross_entropy([0, -1, 2], A, None, None), "0..3; got -1 at \\[1\\]"),
        (lambda: losses.class_simplex([0, 1, 4], A), "labels 0..3; got 0 to 4"),
        (lambda: losses.simplex_corners(1), "at least 2 classes; got 1"),
        (lambda: losses.multi_margin([0, 1, 4], A), "labels 0..3; got 0 to 4"),
        (lambda: losses.multi_margin([0, 1, 2], A, p=3), "p = 1 or 2; got 3"),
        (lambda: losses.multi_label_margin(A - 2, A), "labels -1..3; got -2"),
        (lambda: losses.hinge_embedding([1, 1], A), "needs y_true of the shape"),
        (lambda: losses.hinge_embedding([1, 1], A, p=0.5), "p >= 1"),
        (lambda: losses.cosine_embedding([1] * 3, A), "shape \\(batch, 2, d\\)"),
        (lambda: losses.margin_ranking([1] * 3, [A, A, A]), "2 tensors of one shape"),
        (lambda: losses.triplet_margin(None, [A, A, A], p=0.5), "p >= 1; got 0.5"),
        (lambda: losses.triplet_margin(None, [A, A, A[:1]]), "3 tensors of one shape"),
        (lambda: losses.distance_ratio(None, A[:, :1]), "m at least 2"),
        (lambda: losses.distance_ratio(None, A, "exp"), '"log" or "mse"; got \'exp\''),
        (lambda: losses.distance_ratio(None, A, target=4), "target 0..3; got 4"),
        (lambda: losses.DistanceRatioLoss("exp"), '"log" or "mse"; got \'exp\''),
        (lambda: losses.gaussian_nll(A, [A, A - 1]), "variances >= 0; got -1.0"),
        (lambda: losses.gaussian_nll(A, [A, A], eps=0), "eps > 0; got 0"),
        (lambda: losses.gaussian_nll(A, [A, A[:2]]), "2 tensors of one shape"),
        (lambda: losses.pinball(A, A, 1.5), "tau from 0 to 1; got 1.5"),
        (lambda: losses.sigmoid_focal_crossentropy(A, A, gamma=-1), "gamma >= 0; got -1"),
        (lambda: losses.SigmoidFocalCrossEntropy(gamma=-1), "gamma >= 0; got -1"),
        (lambda: losses.giou(A, A, "ciou"), '"giou" or "iou"; got \'ciou\''),
        (lambda: losses.GIoULoss("ciou"), '"giou" or "iou"; got \'ciou\''),
        (lambda: losses.giou(A, A[:, :3]), "boxes .* \\(3, 3\\)"),
        (lambda: losses.sparsemax_loss(A, A, from_logits=False), "from_logits must be True"),
        (lambda: losses.SparsemaxLoss(from_logits=False), "from_logits must be True"),
        (lambda: losses.weighted_kappa(A, A, 4, "cubic"), '"linear" or "quadratic"'),
        (lambda: losses.WeightedKappaLoss(4, "cubic"), '"linear" or "quadratic"'),
        (lambda: losses.weighted_kappa(A, A, 5), "shape \\(batch, 5\\); got \\(3, 4\\)"),
        (lambda: losses.from_torch({"class_name": "nn.Nothing"}), "no loss .* 'nn.Nothing'"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_distances_of_pairs_are_those_of_their_embeddings():
    a, b = NUMBERS, SCORES
    signs = np.array([1, -1, 1, -1, -1, 1])
    for p in (1, 2):
        d = np.sum(np.abs(a - b) ** p, axis=1) ** (1 / p)
        expected = losses.hinge_embedding(signs, d.astype("float32"), margin=4.0)
        for pair in ([a, b], np.stack([a, b], axis=1)):
            got = losses.hinge_embedding(signs, pair, margin=4.0, p=p)
            np.testing.assert_allclose(
                ops.convert_to_numpy(got), ops.convert_to_numpy(expected), rtol=1e-5
            )


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, float("inf")])
def test_any_norm(p):
    x = np.stack([SCORES, NUMBERS, NUMBERS[::-1]], axis=1)

    def apart(u, v):
        return np.linalg.norm(u - v + 1e-6, ord=p, axis=-1)

    expected = np.maximum(0, 1 + apart(x[:, 0], x[:, 1]) - apart(x[:, 0], x[:, 2]))
    got = losses.triplet_margin(None, x, p=p)
    np.testing.assert_allclose(ops.convert_to_numpy(got), expected, rtol=1e-5, atol=1e-6)


def test_sparsemax_is_the_projection_and_takes_minus_infinity():
    x = np.array([[0.3, -np.inf, 0.1, -5.0], [9e4, 9e4, 0.0, -9e4]], "float32")
    p, (g,) = value_and_grad(losses.sparsemax, x, cotangent=np.array([[1, 2, 4, 8]] * 2, "float32"))
    np.testing.assert_allclose(p, [[0.6, 0, 0.4, 0], [0.5, 0.5, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(g, [[-1.5, 0, 1.5, 0], [-0.5, 0.5, 0, 0]], atol=1e-6)
    along = losses.sparsemax(x.T, axis=0)
    np.testing.assert_array_equal(ops.convert_to_numpy(along).T, p)


def test_simplex_corners_are_at_one_distance():
    for n in (2, 3, 7):
        gram = losses.simplex_corners(n) @ losses.simplex_corners(n).T
        np.testing.assert_allclose(gram, np.eye(n) * (1 + 1 / (n - 1)) - 1 / (n - 1), atol=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in {"ClassNLLLoss", "TripletMarginLoss"}
        else pytest.param(name, marks=pytest.mark.slow)
        for name in EXAMPLES
    ],
)
def test_a_compiled_model_keeps_its_loss(name, tmp_path):
    loss, y_true, y_pred = EXAMPLES[name]
    model = keras.Sequential([keras.Input(y_pred.shape[1:]), keras.layers.Dense(y_pred.shape[-1])])
    model.compile("sgd", loss)
    y = np.zeros(len(y_pred)) if y_true is None else y_true
    model.fit(y_pred, y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == loss.get_config()
    np.testing.assert_allclose(
        again.evaluate(y_pred, y, verbose=0), model.evaluate(y_pred, y, verbose=0), rtol=1e-6
    )
