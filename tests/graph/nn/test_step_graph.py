"""gModules as the step of a sequence, against loops by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import zoo
from graph import GraphError, Input, gModule, layer_output_shapes, nn
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
        (lambda: nn.Recurrence(nn.Linear(4, 5), [5, 5]), "has several states"),
        (lambda: zoo.LSTM(4, 5), "takes 3 inputs"),
        (lambda: nn.Recurrence(nn.Linear(4, 5), 0), "outputSize"),
    ],
)
def test_refused(make, message):
    x = Input((6, 4))
    with pytest.raises(GraphError, match=message):
        gModule([x], [nn.Sequencer(make())(x)])
