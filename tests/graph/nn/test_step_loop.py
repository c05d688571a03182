"""Loops of any step with their own gradient, against plain autodiff of the steps written out."""

import itertools

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph import Input, gModule, nn

if keras.backend.backend() != "tensorflow":
    pytest.skip("needs TensorFlow", allow_module_level=True)

import tensorflow as tf

from graph.nn.sequence_function import without_xla
from graph.nn.step import Fed, Product, Step
from graph.nn.step_layer import StepLoop
from graph.nn.step_sequence import StepSequence

T, D, H = 5, 3, 4


def run(parts, states, weights, product):
    """Everything that a step can be: a part, a product of another tensor than a state, a bias."""
    (x,), (h, c), (peephole,) = parts, states, weights
    a, b = tf.split(product(0, h), 2, -1)
    c = tf.sigmoid(a + c * peephole) * c + tf.tanh(b) * x[:, :1]
    h = tf.tanh(product(1, tf.sin(c)) + x)
    y = product(2, h) * c
    return [y], [h, c]


STEP = Step(
    run,
    (Product(0, source=0), Product(bias=True), Product(None, source=0, bias=True)),
    (1, ((H,), "float64")),
)
LIKE = Fed([0], [0], [0, 0], [0, 0, 0], [0, 0], [0, 0], [0])


def tensors(batch, steps=T):
    shapes = [(batch, steps, D), (batch, steps, H), (batch, H), (batch, H)]
    shapes += [(H, 2 * H), (H, H), (H, H), (D, 2 * H), (D, H), (H,), (H,), (H,)]
    generator = np.random.default_rng(steps)
    return [tf.constant(generator.normal(size=shape)) for shape in shapes]


def naive(*flat):
    fed = LIKE.like(flat)
    (x,), (w0, w2), (b1, b2) = fed.sources, fed.inputs, fed.biases

    def product(k, u):
        terms = (x[:, t] @ w0, b1, x[:, t] @ w2 + b2)
        return u @ fed.kernels[k] + terms[k]

    states, found = list(fed.states), []
    for t in range(fed.parts[0].shape[1]):
        (y,), states = run([fed.parts[0][:, t]], states, fed.weights, product)
        found.append([states[1], y])
    return [*(tf.stack(column, 1) for column in zip(*found, strict=True)), *states]


def everything(function, fed):
    """The outputs, their gradients, and the gradients of a function of these."""
    with tf.GradientTape() as outer:
        outer.watch(fed)
        with tf.GradientTape() as inner:
            inner.watch(fed)
            y = function(*fed)
            loss = sum(tf.reduce_sum(tf.cos(a * (i + 1))) for i, a in enumerate(y))
        first = inner.gradient(loss, fed)
        total = sum(tf.reduce_sum(tf.sin(a)) for a in first)
    return [*y, *first, *outer.gradient(total, fed)]


def ours(training):
    steps = StepSequence(STEP)

    def function(*flat):
        outputs, states = steps(LIKE.like(flat), training=training)
        return [*outputs, *states]

    return function


def agree(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("batch", [3, 17])
@pytest.mark.parametrize("road", ["xla", "plain", "open"])
def test_values_and_both_derivatives(monkeypatch, road, batch, training):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    fed, function = tensors(batch), ours(training)
    expected = everything(naive, fed)
    if road == "xla":
        agree(everything(function, fed), expected)
    elif road == "plain":
        with without_xla():
            agree(tf.function(lambda: everything(function, fed))(), expected)
    else:
        opened = [(None, None, D), (None, None, H), (None, H), (None, H)]
        opened += [a.shape for a in fed[4:]]
        specs = [tf.TensorSpec(shape, tf.float64) for shape in opened]
        compiled = tf.function(lambda *a: everything(function, a), input_signature=specs)
        agree(compiled(*fed), expected)
        agree(compiled(*tensors(2, 1)), everything(naive, tensors(2, 1)))


def test_no_steps_leave_the_states():
    outputs = ours(True)(*tensors(2, 0))
    assert [tuple(a.shape) for a in outputs[:2]] == [(2, 0, H)] * 2
    agree(outputs[2:], tensors(2, 0)[2:4])


def test_the_way_back_takes_one_product_a_step_for_each_kernel():
    steps, fed = StepSequence(STEP), tensors(3)

    def slopes(*fed):
        with tf.GradientTape() as tape:
            tape.watch(fed)
            outputs, _ = steps(LIKE.like(fed), training=True)
        return tape.gradient(outputs, fed)

    with without_xla():
        graph = tf.function(slopes).get_concrete_function(*fed).graph.as_graph_def()
    counts = {
        f.signature.name: sum(node.op == "MatMul" for node in f.node_def)
        for f in graph.library.function
    }
    bodies = [n for name, n in counts.items() if "while_body" in name and n]
    assert bodies == [3, 3]  # Forward, and back.
    outside = sum(n for name, n in counts.items() if "while" not in name)
    # Two of the sequence, their two gradients by it and two by their kernels, and three of kernels.
    assert outside == 9


NODES = {
    "tanh": lambda a, b: nn.Tanh()(a),
    "sigmoid": lambda a, b: nn.Sigmoid()(a),
    "relu": lambda a, b: nn.ReLU()(a),
    "linear": lambda a, b: nn.Linear(H, H)(a),
    "no bias": lambda a, b: nn.Linear(H, H, False)(a),
    "softmax": lambda a, b: nn.LogSoftMax()(a),
    "scale": lambda a, b: nn.CMul(H)(a),
    "shift": lambda a, b: nn.Add(H)(a),
    "prelu": lambda a, b: nn.PReLU()(a),
    "add": lambda a, b: nn.CAddTable()([a, b]),
    "less": lambda a, b: nn.CSubTable()([a, b]),
    "times": lambda a, b: nn.CMulTable()([a, b]),
    "join": lambda a, b: nn.Linear(2 * H, H)(nn.JoinTable(1)([a, b])),
    "part": lambda a, b: nn.Linear(2, H)(nn.Narrow(1, 2, 2)(a)),
}


@st.composite
def steps_of_graphs(draw):
    states = draw(st.integers(1, 3))
    inputs = [nn.Identity()() for _ in range(states + 1)]
    made = [nn.Linear(D, H)(inputs[0]), *inputs[1:]]
    for _ in range(draw(st.integers(2, 8))):
        a, b = (made[draw(st.integers(0, len(made) - 1))] for _ in range(2))
        made.append(NODES[draw(st.sampled_from(sorted(NODES)))](a, b))
    own = draw(st.booleans())
    ends = [made[draw(st.integers(len(made) // 2, len(made) - 1))] for _ in range(states + own)]
    # Results are bounded, as products of states grow without end; the last reads every node.
    read = [
        nn.CMulTable()([nn.Tanh()(end), nn.Sigmoid()(x)])
        for end, x in zip(ends, itertools.cycle(inputs[1:]), strict=False)
    ]
    return gModule(inputs, [*read[:-1], nn.Tanh()(nn.CAddTable()([read[-1], *made]))]), states


def by_hand(step, states, x):
    last, found = [tf.zeros((x.shape[0], H))] * states, []
    for t in range(x.shape[1]):
        outputs = step([x[:, t], *last])
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        last = outputs[len(outputs) - states :]
        found.append(outputs[:1] if len(outputs) > states else last)
    return [tf.stack(column, 1) for column in zip(*found, strict=True)]


def slopes(function, x, variables):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nest.flatten(function(x))
        loss = sum(tf.reduce_sum(a * a) for a in y)
    return [*y, *tape.gradient(loss, [x, *variables], unconnected_gradients="zero")]


@settings(max_examples=8, report_multiple_bugs=False)
@given(steps_of_graphs(), st.booleans())
def test_random_steps(made, known):
    step, states = made
    x = Input((T if known else None, D))
    model = gModule([x], [nn.Sequencer(nn.Recurrence(step, [H] * states))(x)])
    assert any(isinstance(layer, StepLoop) for layer in model.layers)
    data = tf.constant(np.random.default_rng(2).normal(size=(3, T, D)).astype("float32"))
    variables = [v.value for v in step.trainable_variables]
    expected = slopes(lambda x: by_hand(step, states, x), data, variables)
    for function in (model, tf.function(model)):
        found = slopes(function, data, variables)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
    if known:
        for a, b in zip(tf.nest.flatten(model.to_keras()(data)), expected, strict=False):
            np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)
