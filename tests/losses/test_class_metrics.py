"""Metrics of classes against scikit-learn: every form of labels, batches, weights, saving."""

import keras
import numpy as np
import pytest
from old_keras import not_on_3_12
from sklearn import metrics as sklearn

import losses
from losses import (
    CohenKappa,
    ConfusionMatrix,
    HammingLoss,
    MatthewsCorrelationCoefficient,
    MultiLabelConfusionMatrix,
)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def data(classes, n=50, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.integers(0, classes, n)
    predicted = np.where(rng.random(n) < 0.6, true, rng.integers(0, classes, n))
    return true, predicted, rng.integers(0, 4, n) / 2


def forms(labels, classes):
    scores = np.eye(classes)[labels] * 0.4 + np.linspace(0, 0.3, classes)
    return {"sparse": labels, "column": labels[:, None], "scores": scores.astype("float32")}


def normalized(normalize):
    return (
        lambda classes: ConfusionMatrix(classes, normalize),
        lambda *a, **k: sklearn.confusion_matrix(*a, normalize=normalize, **k),
    )


METRICS = {
    **{f"matrix-{kind}": normalized(kind) for kind in (None, "true", "pred", "all")},
    "kappa": (CohenKappa, sklearn.cohen_kappa_score),
    "linear": (
        lambda c: CohenKappa(c, "linear"),
        lambda *a, **k: sklearn.cohen_kappa_score(*a, weights="linear", **k),
    ),
    "quadratic": (
        lambda c: CohenKappa(c, "quadratic"),
        lambda *a, **k: sklearn.cohen_kappa_score(*a, weights="quadratic", **k),
    ),
    "matthews": (MatthewsCorrelationCoefficient, sklearn.matthews_corrcoef),
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("form", ["sparse", "column", "scores"])
def test_it_is_scikit_learns(name, classes, form):
    make, original = METRICS[name]
    true, predicted, weight = data(classes)
    metric = make(classes)
    for weights in (None, weight):
        metric.reset_state()
        for part in np.array_split(np.arange(50), 3):
            metric.update_state(
                forms(true, classes)[form][part],
                forms(predicted, classes)[form][part],
                None if weights is None else weights[part],
            )
        expected = original(true, predicted, sample_weight=weights)
        np.testing.assert_allclose(array(metric.result()), expected, atol=1e-6)


def test_one_number_is_rounded_to_a_class():
    metric = CohenKappa(4)
    metric.update_state([0, 1, 2, 3, 3], [[-0.8], [1.4], [1.4], [2.6], [7.0]])
    expected = sklearn.cohen_kappa_score([0, 1, 2, 3, 3], [0, 1, 1, 3, 3])
    np.testing.assert_allclose(array(metric.result()), expected, atol=1e-6)
    binary = MatthewsCorrelationCoefficient(2)
    binary.update_state([0, 1, 1, 0], [0.2, 0.7, 0.5, 0.6])  # 0.5 is class 0
    expected = sklearn.matthews_corrcoef([0, 1, 1, 0], [0, 1, 0, 1])
    np.testing.assert_allclose(array(binary.result()), expected, atol=1e-6)


def test_a_matrix_of_classes_that_do_not_occur():
    for normalize in (None, "true", "pred", "all"):
        metric = ConfusionMatrix(4, normalize)
        np.testing.assert_array_equal(array(metric.result()), np.zeros((4, 4)))
        metric.update_state([0, 0, 2], [0, 1, 1])
        expected = sklearn.confusion_matrix(
            [0, 0, 2], [0, 1, 1], labels=range(4), normalize=normalize
        )
        np.testing.assert_allclose(array(metric.result()), expected, atol=1e-6)


@not_on_3_12("fit takes no metric that is a matrix")
def test_a_matrix_in_compile(capsys):
    x = np.random.default_rng(2).normal(size=(70, 4)).astype("float32")
    true = np.arange(70) % 3
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    metrics = ["accuracy", ConfusionMatrix(3)]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    history = model.fit(x, true, batch_size=32, epochs=2, validation_data=(x, true))
    predicted = model.predict(x, verbose=0).argmax(axis=1)
    expected = sklearn.confusion_matrix(true, predicted, labels=range(3))
    np.testing.assert_array_equal(history.history["val_confusion_matrix"][1], expected)
    assert history.history["confusion_matrix"][0].sum() == 70  # reset after each epoch
    got = model.evaluate(x, true, return_dict=True)
    np.testing.assert_array_equal(got["confusion_matrix"], expected)
    assert np.trace(expected) / 70 == pytest.approx(got["accuracy"])


@pytest.mark.parametrize("make", [CohenKappa, MatthewsCorrelationCoefficient, ConfusionMatrix])
@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_nan(make, label):
    metric = make(3)
    metric.update_state([0, 1, label], [0, 1, 2])
    assert np.isnan(array(metric.result())).any()


def test_one_class_alone():
    for make, expected in ((CohenKappa, np.nan), (MatthewsCorrelationCoefficient, 0.0)):
        metric = make(3)
        metric.update_state([1, 1], [1, 1])
        np.testing.assert_array_equal(array(metric.result()), expected)


@pytest.mark.parametrize("threshold", [0.2, 0.5])
def test_multi_label_metrics_are_scikit_learns(threshold):
    rng = np.random.default_rng(1)
    true = rng.integers(0, 2, (40, 3))
    scores = rng.random((40, 3)).astype("float32")
    weight = rng.integers(0, 4, 40) / 2
    predicted = (scores > threshold).astype(int)
    matrix, hamming = MultiLabelConfusionMatrix(3, threshold), HammingLoss(threshold=threshold)
    for part in np.array_split(np.arange(40), 3):
        matrix.update_state(true[part], scores[part], weight[part])
        hamming.update_state(true[part], scores[part], weight[part])
    np.testing.assert_allclose(
        array(matrix.result()),
        sklearn.multilabel_confusion_matrix(true, predicted, sample_weight=weight),
        rtol=1e-6,
    )
    expected = sklearn.hamming_loss(true, predicted, sample_weight=weight)
    np.testing.assert_allclose(array(hamming.result()), expected, rtol=1e-6)


def test_hamming_loss_without_a_threshold_takes_the_largest():
    true = np.eye(3)[[0, 1, 2, 2]]
    scores = np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [0.0, 0.0, 0.0], [0.9, 0.0, 0.1]])
    got = array(losses.hamming_loss(true, scores))
    np.testing.assert_allclose(got, np.array([0, 1, 1, 2]) / 3, rtol=1e-6)
    got = array(losses.hamming_loss(true, scores, mode="multiclass"))
    np.testing.assert_array_equal(got, [0, 0, 1, 1])


ALL = [
    CohenKappa(4, "linear", name="a", dtype="float64"),
    MatthewsCorrelationCoefficient(3),
    HammingLoss("multiclass", 0.3),
    MultiLabelConfusionMatrix(2, 0.7),
    ConfusionMatrix(3, "pred"),
]


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_config_and_serialization(metric):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


def test_fit_evaluate_and_load(tmp_path):
    true, _, _ = data(3, 90)
    x = np.random.default_rng(2).normal(size=(90, 4)).astype("float32")
    x[:, 0] += true
    keras.utils.set_random_seed(4)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    metrics = [CohenKappa(3, "quadratic"), MatthewsCorrelationCoefficient(3)]
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    model.fit(x, true, batch_size=40, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    predicted = model.predict(x, verbose=0).argmax(axis=1)
    for m in (model, keras.saving.load_model(tmp_path / "m.keras")):
        got = m.evaluate(x, true, batch_size=50, verbose=0, return_dict=True)
        kappa = sklearn.cohen_kappa_score(true, predicted, weights="quadratic")
        np.testing.assert_allclose(got["cohen_kappa"], kappa, atol=1e-6)
        matthews = sklearn.matthews_corrcoef(true, predicted)
        np.testing.assert_allclose(got["matthews_correlation_coefficient"], matthews, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CohenKappa(1), "num_classes must be .* got 1"),
        (lambda: CohenKappa(3, "cubic"), "weightage must be .* got 'cubic'"),
        (lambda: CohenKappa(3).update_state(np.ones((4, 2)), np.ones(4)), r"got \(4, 2\)"),
        (lambda: ConfusionMatrix(1), "num_classes must be .* got 1"),
        (lambda: ConfusionMatrix(3, "row"), "normalize must be .* got 'row'"),
        (lambda: MultiLabelConfusionMatrix(0), "num_classes must be .* got 0"),
        (
            lambda: MultiLabelConfusionMatrix(3).update_state(np.ones((4, 3)), np.ones((4, 2))),
            r"y_pred of shape \(batch, 3\); got \(4, 2\)",
        ),
        (lambda: HammingLoss("binary"), "mode must be .* got 'binary'"),
        (lambda: losses.hamming_loss([[1]], [[1.0]], mode="x"), "mode must be .* got 'x'"),
    ],
)
def test_mistakes_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()
