"""Metrics of retrieval and of triplets against naive loops."""

import keras
import numpy as np
import pytest

import losses
from losses import MeanAveragePrecisionAtR, RecallAtK, TripletAccuracy

# So few samples that a block of queries is not full, and so many that there are several blocks.
SIZES = [7, 300]


def value(tensor):
    return float(keras.ops.convert_to_numpy(tensor))


def data(n, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 12 if n > 50 else 3, n)
    labels[0] = 99  # alone
    centres = rng.normal(size=(100, 5))
    points = centres[labels] + rng.normal(size=(n, 5)) + 30
    return labels, points.astype("float32")


def by_loops(score, labels, points, ref_labels=None, ref_points=None, distance="euclidean"):
    scores = []
    for i in range(len(labels)):
        if ref_labels is None:
            others = [j for j in range(len(labels)) if j != i]
            found, where = labels[others], points[others].astype("float64")
        else:
            found, where = ref_labels, ref_points.astype("float64")
        q = points[i].astype("float64")
        if distance == "cosine":
            far = -(where @ q) / np.linalg.norm(where, axis=1)
        else:
            far = ((where - q) ** 2).sum(axis=1)
        ranked = found[np.argsort(far, kind="stable")] == labels[i]
        if ranked.any():
            scores.append(score(ranked))
    return np.mean(scores)


def recall(k):
    return lambda ranked: float(ranked[:k].any())


def map_at_r(ranked):
    r = ranked.sum()
    hits = [ranked[: i + 1].sum() / (i + 1) for i in range(r) if ranked[i]]
    return sum(hits) / r


KINDS = {
    "recall_at_1": (lambda **kw: RecallAtK(1, **kw), recall(1)),
    "recall_at_5": (lambda **kw: RecallAtK(5, **kw), recall(5)),
    "map_at_r": (lambda **kw: MeanAveragePrecisionAtR(**kw), map_at_r),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
def test_retrieval_is_that_of_loops(kind, n, distance):
    make, score = KINDS[kind]
    labels, points = data(n)
    if distance == "cosine":
        points -= 30
    metric = make(distance=distance, capacity=n + 3)
    for part in np.array_split(np.arange(n), 3):
        metric.update_state(labels[part, None], points[part])
    expected = by_loops(score, labels, points, distance=distance)
    assert 0 < expected < (1 if n > 50 else 2)
    np.testing.assert_allclose(value(metric.result()), expected, atol=2e-6)
    assert metric.name == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_is_searched_instead(kind):
    make, score = KINDS[kind]
    labels, points = data(60)
    ref_labels, ref_points = data(90, seed=0)
    metric = make()
    metric.set_reference(ref_labels[40:], ref_points[40:])
    for _ in range(2):  # the reference outlives a reset
        metric.reset_state()
        for part in np.array_split(np.arange(60), 2):
            metric.update_state(labels[part], points[part])
        expected = by_loops(score, labels, points, ref_labels[40:], ref_points[40:])
        np.testing.assert_allclose(value(metric.result()), expected, atol=2e-6)
    with pytest.raises(ValueError, match="set_reference comes before"):
        metric.set_reference(labels, points)


@pytest.mark.parametrize("kind", KINDS)
def test_what_weighs_nothing_is_not_there(kind):
    make, score = KINDS[kind]
    labels, points = data(60)
    weight = np.arange(60) % 3 > 0
    metric = make(capacity=60)
    metric.update_state(labels, points, weight)
    expected = by_loops(score, labels[weight], points[weight])
    np.testing.assert_allclose(value(metric.result()), expected, atol=2e-6)


def test_queries_are_weighted():
    metric = RecallAtK(1, capacity=9)
    labels, points = [0, 0, 1, 1], [[0.0], [0.1], [0.3], [0.15]]
    metric.update_state(labels, points, [1.0, 2.0, 4.0, 8.0])
    hits = np.array([1, 0, 1, 0])  # the second and the last are nearest to each other
    np.testing.assert_allclose(value(metric.result()), hits @ [1, 2, 4, 8] / 15, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_one_point_for_all_finds_nothing(kind):
    metric = KINDS[kind][0](capacity=40)
    metric.update_state(np.arange(40) % 2, np.full((40, 8), 0.3))
    assert value(metric.result()) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_query_that_has_a_match_it_is_nan(kind):
    metric = KINDS[kind][0](capacity=4)
    assert np.isnan(value(metric.result()))
    metric.update_state([1, 2, 3], np.eye(3))
    assert np.isnan(value(metric.result()))


@pytest.mark.parametrize("kind", KINDS)
def test_far_from_the_origin_neighbours_are_still_told_apart(kind):
    make, score = KINDS[kind]
    labels, points = data(60)
    points = np.float32(np.round(points * 64) / 64 + 4096)
    metric = make(capacity=60)
    metric.update_state(labels, points)
    np.testing.assert_allclose(value(metric.result()), by_loops(score, labels, points), atol=0.02)


def embedding_model(metrics):
    keras.utils.set_random_seed(2)
    labels, points = data(90)
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.Dense(3)(inputs))

    def pull(y_true, y_pred):
        return keras.ops.sum(keras.ops.square(y_pred), axis=-1) + 0 * keras.ops.sum(y_true)

    model.compile("sgd", pull, metrics=metrics)
    return model, labels.astype("float32")[:, None], (points - 30) / 3


def test_fit_and_evaluate_and_load(tmp_path):
    model, labels, points = embedding_model([RecallAtK(2, capacity=90), MeanAveragePrecisionAtR()])
    model.fit(points, labels, batch_size=40, epochs=2, verbose=0)
    got = model.evaluate(points, labels, batch_size=50, verbose=0, return_dict=True)
    found = model.predict(points, verbose=0)
    expected = by_loops(recall(2), labels[:, 0], found)
    np.testing.assert_allclose(got["recall_at_2"], expected, atol=1e-5)
    np.testing.assert_allclose(got["map_at_r"], by_loops(map_at_r, labels[:, 0], found), atol=1e-5)
    model.compile("sgd", "mse", metrics=[RecallAtK(2, capacity=90)])
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    again = loaded.evaluate(points, labels, batch_size=30, verbose=0, return_dict=True)
    np.testing.assert_allclose(again["recall_at_2"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RecallAtK(0), "k must be .* got 0"),
        (lambda: RecallAtK(distance="l1"), "distance must be .* got 'l1'"),
        (lambda: RecallAtK().update_state([1, 2], np.ones((3, 2))), r"\(2,\) and \(3, 2\)"),
        (lambda: MeanAveragePrecisionAtR().update_state([1, 2], np.ones(2)), r"\(batch, d\)"),
        (lambda: losses.triplet_accuracy(None, np.ones((4, 1))), r"got shape \(4, 1\)"),
        (lambda: losses.triplet_accuracy(None, np.ones((4, 2, 3))), r"got shape \(4, 2, 3\)"),
    ],
)
def test_mistakes_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_too_many_embeddings_are_told():
    metric = RecallAtK(capacity=3)
    metric.update_state([0, 0], np.eye(2))
    metric.update_state([0, 0], np.eye(2))
    with pytest.raises(ValueError, match="recall_at_1 has seen 4 samples"):
        metric.result()


def test_a_random_choice_of_embeddings():
    labels, points = data(300)
    metric = RecallAtK(1, capacity=100, overflow="sample")
    for part in np.array_split(np.arange(300), 3):
        metric.update_state(labels[part], points[part])
    rows = {v.name: keras.ops.convert_to_numpy(v) for v in metric.variables}
    for label, point in zip(rows["label"], rows["embedding"], strict=True):  # rows stay together
        assert label in labels[(points == point).all(axis=1)]
    expected = by_loops(recall(1), rows["label"], rows["embedding"])
    np.testing.assert_allclose(value(metric.result()), expected, atol=2e-6)


METRICS = [
    RecallAtK(3, "cosine", 10, name="a"),
    MeanAveragePrecisionAtR(seed=2),
    TripletAccuracy(1),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_config_and_serialization(metric):
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()


@pytest.mark.parametrize("margin", [0.0, 0.4])
@pytest.mark.parametrize("m", [3, 5])
def test_triplet_accuracy_is_that_of_loops(margin, m):
    rng = np.random.default_rng(8)
    tuples = rng.normal(size=(40, m, 3)).astype("float32")
    tuples[0, 2] = tuples[0, 1]  # equally far: not correct
    distances = np.linalg.norm(tuples[:, :1] - tuples[:, 1:], axis=-1)
    expected = [float(all(d[0] + margin < far for far in d[1:])) for d in distances]
    assert expected[0] == 0 and 0 < sum(expected) < 40
    forms = {"distances": distances, "stacked": tuples, "list": [tuples[:, i] for i in range(m)]}
    for form in forms.values():
        got = keras.ops.convert_to_numpy(losses.triplet_accuracy(None, form, margin))
        np.testing.assert_array_equal(got, expected)
    metric = TripletAccuracy(margin)
    for part in (slice(0, 15), slice(15, 40)):
        metric.update_state(np.zeros(len(distances[part])), distances[part])
    np.testing.assert_allclose(value(metric.result()), np.mean(expected), rtol=1e-6)
    metric.reset_state()
    weight = np.arange(40.0)
    metric.update_state(None, tuples, weight)
    np.testing.assert_allclose(
        value(metric.result()), np.average(expected, weights=weight), rtol=1e-6
    )
