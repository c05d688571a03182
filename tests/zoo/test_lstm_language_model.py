"""zoo.LSTMLanguageModel: training, stepping, generation, saving."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import graph
import zoo
from zoo.lstm_language_model import Stepper, generate

V, H = 11, 6


def spread(model, seed=0):
    """Weights so large that every token counts."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        weight.assign(rng.normal(size=weight.shape))
    return model


@pytest.fixture(scope="module")
def model():
    return spread(zoo.LSTMLanguageModel(V, H, layers=3, embedding=5, dropout=0.3))


def tokens(batch, time, first=0, seed=1):
    return np.random.default_rng(seed).integers(first, first + V, (batch, time))


def stepped(stepper, x):
    return np.stack([stepper(column) for column in x.T], 1)


def keras_model(model):
    """The same network, written in Keras by hand."""
    y = x = keras.Input((None,), dtype="int32")
    y = keras.layers.Embedding(V, 5)(y)
    for _ in range(3):
        y = keras.layers.LSTM(H, return_sequences=True)(y)
    y = keras.layers.Dense(V, activation="log_softmax")(y)
    stock = keras.Model(x, y)
    stock.set_weights(model.get_weights())
    return stock


def test_equals_stock_keras(model):
    x = tokens(4, 7)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y, keras_model(model).predict(x, verbose=0), 1e-5, 1e-5)
    np.testing.assert_allclose(np.exp(y).sum(-1), 1, rtol=1e-5)


def test_layers_and_shapes():
    model = zoo.LSTMLanguageModel(V, H, 2, 9, dropout=0.2)
    assert model.input_shape == (None, 9)
    assert model.output_shape == (None, 9, V)
    assert str(model.inputs[0].dtype) == "int32"
    assert isinstance(model.get_layer("lookup_table"), keras.layers.Embedding)
    assert isinstance(model.get_layer("fast_lstm_2"), keras.layers.LSTM)
    assert type(model.to_keras().get_layer("fast_lstm_2")) is keras.layers.LSTM
    assert model.get_layer("dropout_2").rate == 0.2
    assert model.get_layer("lookup_table").output_dim == H
    assert model.count_params() == V * H + 2 * 4 * H * (2 * H + 1) + V * (H + 1)


def test_tokens_from_one_are_those_from_zero_and_one(model):
    other = zoo.LSTMLanguageModel(V, H, 3, embedding=5, first_token=1)
    other.set_weights(model.get_weights())
    x = tokens(2, 4)
    np.testing.assert_allclose(other(x + 1), model(x), 1e-6, 1e-6)
    with pytest.raises(graph.GraphError, match="index 0 is outside the table of 11 rows"):
        other.predict(np.zeros((1, 3), int), verbose=0)


def test_half_precision_keeps_large_tokens():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = zoo.LSTMLanguageModel(5000, 3)
    finally:
        keras.config.set_dtype_policy("float32")
    rows = graph.activations(model, np.array([[2049, 4997]]), ["lookup_table"])["lookup_table"]
    table = np.asarray(model.get_layer("lookup_table").embeddings)
    np.testing.assert_allclose(rows[0], table[[2049, 4997]], 1e-2)
    x = np.array([[2049, 4997]])
    stepper = Stepper(model)
    got = stepped(stepper, x)
    np.testing.assert_allclose(got, model.predict(x, verbose=0), 1e-2, 1e-2)
    assert stepper._step.predict_function.experimental_get_tracing_count() == 1


def test_stepping_in_double_precision():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        model = spread(zoo.LSTMLanguageModel(V, H, 2))
        x = tokens(2, 12)
        stepper = Stepper(model, 2)
        got = stepped(stepper, x)
        np.testing.assert_allclose(got, model.predict(x, verbose=0), 1e-12, 1e-12)
        assert stepper.state[0][0].dtype == "float64"
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


@pytest.mark.parametrize("kind", ["model", "saved", "plain", "keras", "rho"])
def test_stepping_equals_the_whole_sequence(kind, model, tmp_path):
    x = tokens(3, 7)
    expected = model.predict(x, verbose=0)
    if kind == "saved":
        model.save(tmp_path / "model.keras")
        subject = keras.saving.load_model(tmp_path / "model.keras")
    elif kind == "rho":
        subject = zoo.LSTMLanguageModel(V, H, 3, rho=2, embedding=5)
        subject.set_weights(model.get_weights())
    else:
        subject = {"model": model, "plain": model.to_keras(), "keras": keras_model(model)}[kind]
    stepper = Stepper(subject, 3)
    np.testing.assert_allclose(stepped(stepper, x), expected, 1e-5, 1e-5)
    assert np.abs(stepped(stepper, x) - expected).max() > 1e-3  # It remembers.
    stepper.reset()
    np.testing.assert_allclose(stepped(stepper, x), expected, 1e-5, 1e-5)


def test_the_state_is_that_of_keras_and_can_be_set(model):
    x = tokens(2, 6)
    stepper = Stepper(model, 2)
    stepped(stepper, x[:, :4])
    kept = stepper.state
    y = graph.activations(model, x[:, :4], ["lookup_table"])["lookup_table"]
    for layer, (c, h) in enumerate(kept, 1):
        stock = zoo.to_keras_lstm(model, layer)
        stock.return_state = True
        y, last_h, last_c = stock(y)
        np.testing.assert_allclose(c, last_c, 1e-5, 1e-5)
        np.testing.assert_allclose(h, last_h, 1e-5, 1e-5)
    first = stepped(stepper, x[:, 4:])
    stepper.state = kept
    np.testing.assert_array_equal(stepped(stepper, x[:, 4:]), first)
    with pytest.raises(ValueError, match="expected shapes"):
        stepper.state = kept[:2]
    with pytest.raises(ValueError, match="expected shapes"):
        stepper.state = [(c[:1], h) for c, h in kept]


def test_one_compiled_function_sees_new_weights_at_once():
    model = spread(zoo.LSTMLanguageModel(V, H, 2))
    x = tokens(2, 4)
    stepper = Stepper(model, 2)
    before = stepped(stepper, x)
    assert stepper._step.predict_function is not None
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, x, verbose=0)
    traces = stepper._step.predict_function.experimental_get_tracing_count()
    stepper.reset()
    after = stepped(stepper, x)
    np.testing.assert_allclose(after, model.predict(x, verbose=0), 1e-5, 1e-5)
    assert np.abs(after - before).max() > 1e-4
    assert stepper._step.predict_function.experimental_get_tracing_count() == traces == 1


def test_learns_a_permutation_and_goes_on_with_it(tmp_path):
    keras.utils.set_random_seed(3)
    following = np.random.default_rng(5).permutation(V)
    x = np.empty((64, 9), int)
    x[:, 0] = np.arange(64) % V
    for t in range(8):
        x[:, t + 1] = following[x[:, t]]
    model = zoo.LSTMLanguageModel(V, 24, rho=8)
    model.compile(
        keras.optimizers.Adam(0.03), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    history = model.fit(x[:, :-1], x[:, 1:], batch_size=32, epochs=25, verbose=0)
    assert history.history["loss"][0] > 1.5
    assert history.history["loss"][-1] < 0.05
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for temperature in (0, 0.2):
        row = [4, *generate(loaded, [4], 20, temperature, seed=1)]
        assert [following[a] for a in row[:-1]] == row[1:]
    # The same by whole sequences and the likeliest token, without a stepper.
    rows = generate(model, x[:3, :2], 4, 0)
    np.testing.assert_array_equal(rows, x[:3, 2:6])


def test_greedy_generation_is_the_naive_one(model):
    prompt = tokens(2, 3)
    naive = prompt
    for _ in range(5):
        y = model.predict(naive, verbose=0)[:, -1]
        naive = np.concatenate([naive, y.argmax(-1)[:, None]], 1)
    np.testing.assert_array_equal(generate(model, prompt, 5, 0), naive[:, 3:])
    np.testing.assert_array_equal(generate(model, prompt[0], 5, 0), naive[0, 3:])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_draws_follow_the_probabilities(temperature):
    model = zoo.LSTMLanguageModel(V, H, first_token=1)
    prompt = np.full((6000, 1), V)
    y = model.predict(prompt[:1], verbose=0)[0, -1] / temperature
    p = np.exp(y) / np.exp(y).sum()
    drawn = generate(model, prompt, 1, temperature, seed=2)[:, 0]
    counts = np.bincount(drawn - 1, minlength=V)
    assert np.sum((counts - 6000 * p) ** 2 / (6000 * p)) < 36  # chi squared, 10 degrees: 1 in 1e4


def test_seeds_and_steppers(model):
    stepper = Stepper(model)
    first = generate(stepper, [1, 2], 30, 2.0, seed=7)
    stepper(3)
    np.testing.assert_array_equal(generate(stepper, [1, 2], 30, 2.0, seed=7), first)
    assert not np.array_equal(generate(stepper, [1, 2], 30, 2.0, seed=8), first)
    assert generate(stepper, [1], 0).shape == (0,)
    assert first.dtype == np.int32


def test_tokens_from_one_are_generated_from_one(model, tmp_path):
    other = zoo.LSTMLanguageModel(V, H, 3, embedding=5, first_token=1)
    other.set_weights(model.get_weights())
    other.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    expected = generate(model, [3, 10], 8, seed=1)
    np.testing.assert_array_equal(generate(loaded, [4, 11], 8, seed=1), expected + 1)
    plain = Stepper(loaded.to_keras(), first_token=1)
    np.testing.assert_array_equal(generate(plain, [4, 11], 8, seed=1), expected + 1)


CODE = """
import sys, numpy as np, tensorflow as tf
net = tf.saved_model.load(sys.argv[1])
assert not {"graph", "zoo"} & set(sys.modules)
x = np.load(sys.argv[2])
y = net.signatures["serving_default"](tokens=tf.constant(x, tf.int32))
np.save(sys.argv[3], y["log_probabilities"])
"""


def test_export_runs_in_plain_tensorflow(model, tmp_path):
    x = tokens(2, 5)
    graph.export(model, tmp_path / "net")
    np.save(tmp_path / "x.npy", x)
    arguments = [tmp_path / "net", tmp_path / "x.npy", tmp_path / "y.npy"]
    subprocess.run([sys.executable, "-c", CODE, *map(str, arguments)], check=True)
    got = np.load(tmp_path / "y.npy")
    np.testing.assert_allclose(got, model.predict(x, verbose=0), 1e-5, 1e-5)


def test_activations(model):
    x = tokens(2, 5)
    got = graph.activations(model, x, "fast_lstm_*")
    assert {k: v.shape for k, v in got.items()} == {f"fast_lstm_{i}": (2, 5, H) for i in (1, 2, 3)}


def functional(*layers, shape=(None,)):
    return keras.Sequential([keras.Input(shape, dtype="int32"), *layers])


L = keras.layers


def two_outputs():
    x = keras.Input((None,))
    return keras.Model(x, [L.Dropout(0.1)(x), x])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: functional(L.Embedding(V, 4), L.LSTM(4)), "return_sequences=True"),
        (lambda: functional(L.Embedding(V, 4), L.GRU(4, return_sequences=True)), "is a GRU"),
        (
            lambda: functional(
                L.Embedding(V, 4), L.LSTM(4, return_sequences=True, go_backwards=True)
            ),
            "backwards",
        ),
        (lambda: functional(L.Embedding(V, 4, mask_zero=True)), "masks zeros"),
        (lambda: functional(L.Embedding(V, 4), L.Conv1D(4, 3)), "is a Conv1D"),
        (lambda: functional(L.Embedding(V, 4), shape=()), "expected"),
        (lambda: functional(L.Dense(4), shape=(None, 3)), "expected"),
        (two_outputs, "1 inputs and 2 outputs"),
        (lambda: keras.Sequential([L.Embedding(V, 4)]), "has not been built"),
    ],
)
def test_refuses_models_that_do_not_run_step_by_step(make, message):
    subject = make()
    with pytest.raises(ValueError, match=message):
        Stepper(subject)


def test_refuses_arguments(model):
    with pytest.raises(TypeError, match=r"keras\.Model"):
        Stepper(L.Dense(3))
    with pytest.raises(ValueError, match="batch_size"):
        Stepper(model, 0)
    with pytest.raises(ValueError, match="first_token"):
        Stepper(model, first_token=2)
    with pytest.raises(ValueError, match="first_token"):
        zoo.LSTMLanguageModel(V, H, first_token=2)
    with pytest.raises(ValueError, match="at least 1 layers"):
        zoo.LSTMLanguageModel(V, H, 0)
    for sizes in ((0, H), (V, 0), (V, H, 1, None, 0), (V, H, 1, None, None, 1.0)):
        with pytest.raises((graph.GraphError, ValueError)):
            zoo.LSTMLanguageModel(*sizes)


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        ([1], "shape"),
        ([[1, 2]], "shape"),
        ([1.0, 2.0], "integers"),
        ([1, V], "token 11 is not between 0 and 10"),
        ([-1, 3], "token -1 is not between 0 and 10"),
    ],
)
def test_a_refused_step_leaves_the_state(tokens, message, model):
    stepper = Stepper(model, 2)
    stepper([1, 2])
    before = stepper.state
    with pytest.raises(ValueError, match=message):
        stepper(tokens)
    for (c, h), (was_c, was_h) in zip(stepper.state, before, strict=True):
        np.testing.assert_array_equal(c, was_c)
        np.testing.assert_array_equal(h, was_h)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], 3), "prompt"),
        (([[[1]]], 3), "prompt"),
        (([1.5], 3), "prompt"),
        (([V], 3), "token 11"),
        (([1], -1), "steps"),
        (([1], 2.0), "steps"),
        (([1], 3, -0.1), "temperature"),
        (([1], 3, float("nan")), "temperature"),
        (([1], 3, float("inf")), "temperature"),
    ],
)
def test_generate_refuses(arguments, message, model):
    with pytest.raises(ValueError, match=message):
        generate(model, *arguments)


def test_generate_refuses_another_number_of_sequences(model):
    with pytest.raises(ValueError, match="2 sequences"):
        generate(Stepper(model, 2), [[1]], 3)
