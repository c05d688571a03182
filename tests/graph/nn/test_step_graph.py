"""gModules as the step of a sequence, against loops by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from graph import GModule, GraphError, Input, gModule, layer_output_shapes, layer_table, nn
from graph.nn.sequence_function import without_xla
from graph.nn.step_layer import StepLoop
from zoo.lstm import GATES

X = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")


def over_time(step, *sizes):
    x = Input((6, 4))
    outer = nn.Sequencer(step if not sizes else nn.Recurrence(step, list(sizes)))
    return gModule([x], [outer(x)])


def test_several_states_are_those_of_the_cell_step_by_step(tmp_path):
    cell = zoo.LSTM(4, 5)
    model = over_time(cell, 5, 5)
    c = h = np.zeros((3, 5), "float32")
    cs, hs = [], []
    for t in range(6):
        c, h = cell.predict_on_batch([X[:, t], c, h])
        cs.append(c), hs.append(h)
    expected = [np.stack(cs, 1), np.stack(hs, 1)]
    model.save(tmp_path / "m.keras")
    model.to_keras().save(tmp_path / "k.keras")
    models = [model, *(keras.saving.load_model(tmp_path / f"{n}.keras") for n in "mk")]
    for each in models:
        for a, b in zip(each(X), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    lstm = zoo.to_keras_lstm(cell)
    np.testing.assert_allclose(model(X)[1], lstm(X), rtol=1e-5, atol=1e-6)


def test_the_eight_products_of_a_cell_are_two():
    model = over_time(zoo.LSTM(4, 5), 5, 5)
    (loop,) = (layer for layer in model.layers if isinstance(layer, StepLoop))
    dense = {layer.name for layer in loop.cell.layers if isinstance(layer, keras.layers.Dense)}
    assert dense == {f"{gate}_{kind}" for gate in GATES for kind in "xh"}
    with without_xla():
        graph = tf.function(lambda x: model(x)).get_concrete_function(X).graph.as_graph_def()
    counts = {
        f.signature.name: sum(node.op == "MatMul" for node in f.node_def)
        for f in graph.library.function
    }
    assert sum(n for name, n in counts.items() if "while_body" in name) == 1  # At each step.
    assert sum(n for name, n in counts.items() if "while_body" not in name) == 1  # Before.


def test_cells_inside_a_cell(tmp_path):
    first, second = zoo.LSTM(4, 5), zoo.LSTM(5, 5)
    inputs = [x, *states] = [nn.Identity()() for _ in range(5)]
    c1, h1 = first([x, *states[:2]]).split(2)
    c2, h2 = second([h1, *states[2:]]).split(2)
    model = over_time(gModule(inputs, [nn.Identity()(h2), c1, h1, c2, h2]), *[5] * 4)
    (loop,) = (layer for layer in model.layers if isinstance(layer, StepLoop))
    assert [type(layer) for layer in loop.cell.layers].count(GModule) == 2
    chained = keras.Sequential([zoo.to_keras_lstm(first), zoo.to_keras_lstm(second)])
    np.testing.assert_allclose(model(X), chained(X), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    for other in (again, model.to_keras()):
        np.testing.assert_allclose(other(X), chained(X), rtol=1e-5, atol=1e-6)


def test_what_needs_no_state_runs_once_before_any_loop():
    x, h = Input((4,)), Input((5,))
    seen = nn.Linear(3, 5)(nn.Tanh()(nn.Linear(4, 3)(x)))
    step = gModule([x, h], [nn.Dropout(0.5)(nn.CAddTable()([seen, nn.Linear(5, 5)(h)]))])
    model = over_time(step, 5)  # Dropout keeps the steps from being a loop.
    shapes = layer_output_shapes(model, keras.layers.Dense)
    assert sorted(shapes.values())[-2:] == [(None, 6, 3), (None, 6, 5)]
    assert list(shapes.values()).count((None, 5)) == 6


def test_an_output_beside_the_state():
    x, h = Input((4,)), Input((5,))
    total = nn.CAddTable()([nn.Linear(4, 5)(x), nn.Linear(5, 5)(h)])
    new = nn.Tanh()(total)
    y = nn.Linear(5, 2)(new)
    step = gModule([x, h], [y, new])
    model = over_time(step, 5)
    state, ys = np.zeros((3, 5), "float32"), []
    for t in range(6):
        out, state = step.predict_on_batch([X[:, t], state])
        ys.append(out)
    np.testing.assert_allclose(model(X), np.stack(ys, 1), rtol=1e-5, atol=1e-6)


def test_recurrent_nodes_inside_a_graph_see_their_sequences():
    x = nn.Identity()()
    squashed = nn.Tanh()(x)
    lstm = nn.FastLSTM(4, 5)
    both = nn.JoinTable(1)([lstm(squashed), squashed])
    model = over_time(gModule([x], [nn.Linear(9, 2)(both)]))
    joined = np.concatenate([lstm.held_layers()[0](np.tanh(X)), np.tanh(X)], -1)
    dense = next(layer for layer in model.layers if isinstance(layer, keras.layers.Dense))
    np.testing.assert_allclose(model(X), dense(joined), rtol=1e-5, atol=1e-6)


def test_linear_takes_sequences_of_any_length():
    x = Input((None, 4))
    model = gModule([x], [nn.Sequencer(nn.Sequential(nn.Linear(4, 2), nn.Tanh()))(x)])
    kernel, bias = model.get_weights()
    for steps in (2, 6):
        part = X[:, :steps]
        np.testing.assert_allclose(model(part), np.tanh(part @ kernel + bias), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Recurrence(zoo.LSTM(4, 5), [5]), "2 inputs, and 1 outputs or 2"),
        (lambda: nn.Recurrence(nn.Linear(4, 5), [5, 5]), "has several states[^$]*table of steps"),
        (lambda: zoo.LSTM(4, 5), "takes 3 inputs"),
        (lambda: nn.Recurrence(nn.Linear(4, 5), 0), "outputSize"),
    ],
)
def test_refused(make, message):
    x = Input((6, 4))
    with pytest.raises(GraphError, match=message):
        gModule([x], [nn.Sequencer(make())(x)])


def test_vectors_of_a_module_are_those_of_each_step():
    for module in (nn.CMul(4), nn.CAdd(4), nn.Add(4)):
        model, opened = (
            gModule([x], [nn.Sequencer(module)(x)]) for x in (Input((6, 4)), Input((None, 4)))
        )
        alone = gModule([x := Input((4,))], [module(x)])
        expected = np.stack([alone(X[:, t]) for t in range(6)], 1)
        for each in (model, opened):
            np.testing.assert_allclose(each(X), expected, rtol=1e-6)


def cell_with(*between):
    x, h = Input((4,)), Input((5,))
    total = nn.CAddTable()([nn.Linear(4, 5)(x), nn.Linear(5, 5)(h)])
    return gModule([x, h], [nn.Tanh()(nn.Sequential(*between)(total))])


@keras.saving.register_keras_serializable("steps")
class Counting(keras.layers.Layer):
    """Keeps how often it ran."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, x):
        self.count.assign_add(1.0)
        return x


BETWEEN = {
    "dropout": lambda: [nn.Dropout(0.5)],
    "statistics": lambda: [nn.BatchNormalization(5)],
    "a layer of the user's": lambda: [Counting()],
}


@pytest.mark.parametrize("kind", BETWEEN)
def test_cells_that_are_more_than_functions(kind, tmp_path):
    step = cell_with(*BETWEEN[kind]())
    known = over_time(step, 5)
    assert not any(isinstance(layer, StepLoop) for layer in known.layers)
    x = Input((None, 4))
    opened = gModule([x], [nn.Sequencer(nn.Recurrence(step, [5]))(x)])
    np.testing.assert_allclose(opened(X), known(X), rtol=1e-5, atol=1e-6)
    before = known.get_weights()
    results = []
    for model in (known, opened):
        model.set_weights(before)
        model.compile(keras.optimizers.SGD(0.1), "mse")
        keras.utils.set_random_seed(1)
        model.fit(X, np.ones((3, 6, 5)), epochs=2, verbose=0)
        results.append(model.get_weights())
    if kind != "dropout":  # Whose masks are drawn in another order.
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    else:
        assert np.abs(opened(X, training=True) - opened(X, training=True)).max() > 1e-3
    opened.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(X), opened(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("steps", [6, None])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_other_dtypes(policy, steps):
    keras.config.set_dtype_policy(policy)
    try:
        x = Input((steps, 4))
        model = gModule([x], [nn.Sequencer(nn.Recurrence(zoo.LSTM(4, 5), [5, 5]))(x)])
        model.compile("sgd", "mse")
        model.fit(X, [np.zeros((3, 6, 5))] * 2, verbose=0)
        found = model(X)
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(found[0].dtype) == policy.removeprefix("mixed_")
    x = Input((6, 4))
    same = gModule([x], [nn.Sequencer(nn.Recurrence(zoo.LSTM(4, 5), [5, 5]))(x)])
    same.set_weights(model.get_weights())
    for a, b in zip(found, same(X), strict=True):
        tolerance = 1e-6 if policy == "float64" else 3e-2
        np.testing.assert_allclose(keras.ops.cast(a, "float32"), b, atol=tolerance)


def test_multiply_adds_of_a_loop():
    rows = layer_table(over_time(zoo.LSTM(4, 5), 5, 5)).rows
    (row,) = (row for row in rows if row.kind == "StepLoop")
    assert row.multiply_adds == 6 * 4 * (4 * 5 + 5 * 5)
    assert row.parameters == 4 * (4 * 5 + 5 * 5 + 5 + 5)


def test_a_frozen_cell_is_saved_and_loaded_as_it_was(tmp_path):
    model = over_time(cell_with(nn.PReLU()), 5)
    model.trainable = False
    again = model.clone()
    again.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded(X), model(X), rtol=1e-6)


def test_a_module_is_shared_between_a_step_and_the_rest(tmp_path):
    shared = nn.Linear(4, 4)
    x, a = nn.Identity()(), nn.Identity()()
    step = gModule([x, a], [nn.Tanh()(nn.CAddTable()([shared(a), x]))])
    whole = Input((5, 4))
    once = nn.Sequencer(shared)(whole)
    model = gModule([whole], [nn.Sequencer(nn.Recurrence(step, 4))(once)])
    model.save(tmp_path / "m.keras")
    for other in (model.clone(), keras.saving.load_model(tmp_path / "m.keras")):
        assert len(other.trainable_weights) == 2
        np.testing.assert_allclose(other(X[:, :5]), model(X[:, :5]), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("steps", [5, None])
@pytest.mark.parametrize("shape", [(), (1,)])
def test_tokens(shape, steps, dtype):
    x, a = nn.Identity()(), nn.Identity()()
    vectors = nn.LookupTable(7, 5)(x)
    if shape:
        vectors = nn.Select(1, 1)(vectors)
    step = gModule([x, a], [nn.Tanh()(nn.CAddTable()([vectors, nn.Linear(5, 5)(a)]))])
    whole = Input((steps, *shape), dtype=dtype)
    model = gModule([whole], [nn.Sequencer(nn.Recurrence(step, 5))(whole)])
    tokens = np.array([[1, 7, 3, 2, 2], [4, 4, 5, 6, 1]], dtype).reshape(2, 5, *shape)
    state, states = np.zeros((2, 5), "float32"), []
    for t in range(5):
        state = np.asarray(step([tokens[:, t], state]))
        states.append(state)
    np.testing.assert_allclose(model(tokens), np.stack(states, 1), rtol=1e-5, atol=1e-6)


def test_no_steps_after_batches_of_other_sizes():
    x = Input((None, 4))
    model = gModule([x], [nn.Sequencer(nn.Recurrence(zoo.LSTM(4, 5), [5, 5]))(x)])
    gru = gModule([x], [nn.GRU(4, 5)(x)])
    for batch, steps in ((16, 0), (3, 4), (16, 7), (16, 0), (2, 0)):
        data = np.zeros((batch, steps, 4), "float32")
        assert model(data)[0].shape == gru(data).shape == (batch, steps, 5)
    assert gru.predict(np.zeros((5, 0, 4), "float32"), batch_size=2, verbose=0).shape == (5, 0, 5)


def test_a_deep_step():
    x, h = nn.Identity()(), nn.Identity()()
    y = nn.CAddTable()([nn.Linear(4, 5)(x), nn.Linear(5, 5)(h)])
    for _ in range(1500):
        y = nn.Tanh()(y)
    model = over_time(gModule([x, h], [y]), 5)
    assert any(isinstance(layer, StepLoop) for layer in model.layers)
