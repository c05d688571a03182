"""losses.triplet_embedding against Torch7's TripletEmbeddingCriterion and against plain loops."""

from pathlib import Path

import keras
import numpy as np
import pytest
from loss_gradient import value_and_grad

import losses
from losses import TripletEmbeddingLoss, triplet_embedding

GOLDEN = Path(__file__).parents[1] / "oracle" / "losses" / "triplet_embedding.npz"
RTOL = 1e-5


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


def by_loops(y_pred, alpha):
    values = []
    for a, p, n in y_pred.astype("float64"):
        near = sum((x - y) ** 2 for x, y in zip(a, p, strict=True))
        far = sum((x - y) ** 2 for x, y in zip(a, n, strict=True))
        values.append(max(0.0, near + alpha - far))
    return np.array(values)


def on_y_pred(loss, y_pred):
    value, (grad,) = value_and_grad(lambda x: loss(None, x), y_pred)
    return value, grad


@pytest.mark.parametrize(("case", "args"), [("default", []), ("alpha_1", [1.0])])
def test_value_and_gradient_are_torchs(golden, case, args):
    value, grad = on_y_pred(TripletEmbeddingLoss(*args), golden[f"{case}/input"])
    expected = golden[f"{case}/gradInput"]
    np.testing.assert_allclose(value, golden[f"{case}/output"], rtol=RTOL)
    np.testing.assert_allclose(grad, expected, rtol=RTOL, atol=RTOL * np.abs(expected).max())


def test_golden_has_triplets_on_both_sides_of_the_hinge(golden):
    values = by_loops(golden["default/input"], 0.2)
    assert (values > 0).any() and (values == 0).any()


def test_golden_tells_another_margin_or_order_apart(golden):
    x, expected = golden["default/input"], golden["default/output"]
    for other in (TripletEmbeddingLoss(0.3)(None, x), TripletEmbeddingLoss()(None, x[:, ::-1])):
        assert abs(float(other) - expected) > 1e-2


@pytest.mark.parametrize("alpha", [0.0, 0.2, 3.0])
def test_each_triplet_is_as_by_loops(alpha):
    x = np.linspace(-1, 2, 7 * 3 * 4).reshape(7, 3, 4).astype("float32") ** 2
    x[0, 1] = x[0, 0]
    np.testing.assert_allclose(triplet_embedding(None, x, alpha), by_loops(x, alpha), rtol=RTOL)


def test_a_list_and_a_tuple_are_the_stacked_tensor(golden):
    x = golden["default/input"]
    parts = [x[:, 0], x[:, 1], x[:, 2]]
    expected = np.asarray(triplet_embedding(None, x))
    for form in (parts, tuple(parts)):
        np.testing.assert_array_equal(triplet_embedding(None, form), expected)
        np.testing.assert_allclose(
            TripletEmbeddingLoss()(None, form), expected.mean(dtype="float64"), rtol=RTOL
        )


def test_y_true_is_ignored(golden):
    x = golden["default/input"]
    loss = TripletEmbeddingLoss()
    assert float(loss(None, x)) == float(loss(np.arange(6), x)) == float(loss(np.ones((6, 1)), x))


def test_reduction_sample_weight_and_dtype(golden):
    x = golden["default/input"]
    each = by_loops(x, 0.2)
    weights = np.arange(6, dtype="float32")
    none = TripletEmbeddingLoss(reduction=None)(None, x)
    np.testing.assert_allclose(none, each, rtol=RTOL, atol=1e-6)
    np.testing.assert_allclose(
        TripletEmbeddingLoss(reduction="sum")(None, x, weights), (each * weights).sum(), rtol=RTOL
    )
    if keras.backend.backend() == "tensorflow":  # Keras's own means are float32 on the others.
        double = TripletEmbeddingLoss(dtype="float64")(None, x)
        assert keras.backend.standardize_dtype(double.dtype) == "float64"
        np.testing.assert_allclose(double, each.mean(), rtol=1e-12)


def test_a_satisfied_or_exactly_met_triplet_has_no_gradient():
    x = np.array([[[0, 0], [0, 0], [1, 0]]], "float32")
    for alpha in (0.5, 1.0):
        value, grad = on_y_pred(TripletEmbeddingLoss(alpha), x)
        assert value == 0.0 and not grad.any()


def test_config_and_serialization():
    loss = TripletEmbeddingLoss(0.7, reduction="sum", name="faces", dtype="float64")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, TripletEmbeddingLoss)
    assert again.get_config() == loss.get_config()
    config = loss.get_config()
    assert (config["alpha"], config["reduction"]) == (0.7, "sum")
    assert (config["name"], config["dtype"]) == ("faces", "float64")
    name = keras.saving.get_registered_name(TripletEmbeddingLoss)
    assert name == "nngraph>TripletEmbeddingLoss"
    assert keras.saving.get_registered_object("nngraph>triplet_embedding") is triplet_embedding


@pytest.mark.parametrize("loss", [TripletEmbeddingLoss(0.4), triplet_embedding])
def test_a_model_trains_saves_and_loads_with_it(loss, tmp_path, seed):
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=loss)
    x = np.random.default_rng(0).normal(size=(16, 3, 4)).astype("float32")
    dummy = np.zeros(16, "float32")
    history = model.fit(x, dummy, batch_size=16, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    assert type(loaded.loss) is type(loss)
    np.testing.assert_allclose(
        loaded.evaluate(x, dummy, verbose=0), model.evaluate(x, dummy, verbose=0), rtol=RTOL
    )


@pytest.mark.parametrize(
    ("y_pred", "got"),
    [
        (np.zeros((5, 2, 4)), "(5, 2, 4)"),
        (np.zeros((5, 4)), "(5, 4)"),
        ([np.zeros((5, 4))] * 2, "[(5, 4), (5, 4)]"),
        ([np.zeros((5, 4)), np.zeros((5, 4)), np.zeros((1, 4))], "[(5, 4), (5, 4), (1, 4)]"),
        ([np.zeros(4)] * 3, "[(4,), (4,), (4,)]"),
    ],
)
@pytest.mark.parametrize("loss", [triplet_embedding, TripletEmbeddingLoss()])
def test_wrong_shapes_are_told(loss, y_pred, got):
    with pytest.raises(ValueError) as error:
        loss(None, y_pred)
    assert got in str(error.value)


def test_public_names():
    assert {"TripletEmbeddingLoss", "triplet_embedding"} <= set(losses.__all__)
