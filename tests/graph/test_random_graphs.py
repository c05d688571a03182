"""Random graphs against NumPy, through every way out of a gModule, and random broken ones."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import WIDTH, build, interpret, specs, weights_of

import graph
from graph import GraphError, gModule, nn


def relaxed(examples):
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow)


def batches(spec, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1, 1, (3, WIDTH)) for _ in range(spec["inputs"])]


def as_list(x):
    return x if isinstance(x, list) else [x]


def one_or_all(x):
    return x[0] if len(x) == 1 else x


def assert_equal(ours, expected, rtol=1e-5):
    for a, b in zip(as_list(ours), expected, strict=True):
        scale = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(np.asarray(a) / scale, b / scale, rtol=rtol, atol=rtol)


def tame(spec, weights, x):
    """Whether products of products stay small enough for float32 to tell."""
    return max(np.abs(y).max() for y in interpret(spec, weights, x)) < 1e4


def check_value_and_gradient(spec):
    model, modules = build(spec)
    weights = weights_of(modules)
    x = batches(spec)
    expected = interpret(spec, weights, x)
    if not tame(spec, weights, x):
        return
    model.evaluate()
    assert_equal(model.forward(one_or_all(x)), expected)

    generator = np.random.default_rng(1)
    slopes = [generator.normal(size=y.shape) for y in expected]
    model.zeroGradParameters()
    gradients = as_list(model.backward(one_or_all(x), one_or_all(slopes)))
    by_variable = {id(v): g for v, g in zip(*model.parameters(), strict=True)}

    def objective(values, parameters):
        outputs = interpret(spec, parameters, values)
        return sum((s * y).sum() for s, y in zip(slopes, outputs, strict=True))

    # A central difference along one random direction through all inputs and parameters.
    step = 1e-6
    along_x = [generator.normal(size=v.shape) for v in x]
    along_w = {k: [generator.normal(size=p.shape) for p in ps] for k, ps in weights.items()}

    def moved(sign):
        return objective(
            [v + sign * step * d for v, d in zip(x, along_x, strict=True)],
            {
                k: [p + sign * step * d for p, d in zip(ps, along_w[k], strict=True)]
                for k, ps in weights.items()
            },
        )

    numeric = (moved(1) - moved(-1)) / (2 * step)
    ours = sum((g * d).sum() for g, d in zip(gradients, along_x, strict=True))
    total = sum(np.abs(g * d).sum() for g, d in zip(gradients, along_x, strict=True))
    for key, module in modules.items():
        for variable, d in zip(module.named_parameters().values(), along_w[key], strict=True):
            ours += (by_variable[id(variable)] * d).sum()
            total += np.abs(by_variable[id(variable)] * d).sum()
    assert ours == pytest.approx(numeric, rel=1e-4, abs=1e-5 * max(1.0, total))


@relaxed(25)
@given(specs())
def test_value_and_gradient_agree_with_numpy(spec):
    check_value_and_gradient(spec)


@pytest.mark.slow
@relaxed(100)
@given(specs())
def test_value_and_gradient_agree_with_numpy_often(spec):
    check_value_and_gradient(spec)


@relaxed(8)
@given(specs(most=25))
def test_survives_saving_cloning_and_becoming_plain_keras(tmp_path_factory, spec):
    model, modules = build(spec)
    x = batches(spec)
    weights = weights_of(modules)
    if not tame(spec, weights, x):
        return
    expected = interpret(spec, weights, x)
    folder = tmp_path_factory.mktemp("random")

    model.save(folder / "model.keras")
    loaded = keras.saving.load_model(folder / "model.keras")
    assert_equal(loaded.predict(one_or_all(x), verbose=0), expected)
    assert len(loaded.parameters()[0]) == len(model.parameters()[0])

    copy = model.clone()
    assert_equal(copy.predict(one_or_all(x), verbose=0), expected)
    for parameter in copy.parameters()[0]:
        parameter.assign(keras.ops.zeros_like(parameter))
    assert_equal(model.predict(one_or_all(x), verbose=0), expected)

    plain = model.to_keras()
    assert not isinstance(plain, graph.GModule)
    plain.save(folder / "plain.keras")
    again = keras.saving.load_model(folder / "plain.keras")
    assert_equal(again.predict(one_or_all(x), verbose=0), expected)
    assert "nngraph" not in repr(again.get_config())


READ = """
import sys, numpy as np, tensorflow as tf
for name in sys.argv[2:]:
    folder = f"{sys.argv[1]}/{name}"
    data = np.load(f"{folder}.npz")
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    outputs = serve(**{k[3:]: tf.constant(data[k]) for k in data.files if k.startswith("in_")})
    np.savez(f"{folder}_answer.npz", **{k: v.numpy() for k, v in outputs.items()})
assert "graph" not in sys.modules
"""


def test_exports_answer_the_same_in_plain_tensorflow(tmp_path):
    # Fresh processes are slow, so one reads all the models.
    found = []

    @relaxed(6)
    @given(specs(most=20))
    def collect(spec):
        if spec["outputs"] and len(found) < 6:
            found.append(spec)

    collect()
    expected = {}
    for i, spec in enumerate(found):
        model, modules = build(spec)
        x = batches(spec)
        graph.export(model, tmp_path / f"m{i}")
        inputs = {f"in_x{k}": v.astype("float32") for k, v in enumerate(x)}
        np.savez(tmp_path / f"m{i}.npz", **inputs)
        expected[f"m{i}"] = interpret(spec, weights_of(modules), x)
    subprocess.run([sys.executable, "-c", READ, tmp_path, *expected], check=True)
    for name, outputs in expected.items():
        answers = np.load(tmp_path / f"{name}_answer.npz")
        # Names differ from graph to graph, so outputs are told apart by what they hold.
        assert len(answers.files) == len(outputs)
        for output in outputs:
            scale = max(1.0, np.abs(output).max())
            gaps = [np.abs(answers[key] - output).max() / scale for key in answers.files]
            assert min(gaps) < 1e-5


def unused_input(model, draw):
    return [*model.inputnodes, nn.Identity()()], model.outputnodes


def forgotten_input(model, draw):
    return model.inputnodes[1:], model.outputnodes


def nothing_for_a_node(model, draw):
    return model.inputnodes, [*model.outputnodes, None]


def module_for_a_node(model, draw):
    return [nn.Identity(), *model.inputnodes], model.outputnodes


def dangling_branch(model, draw):
    nodes = [n for n in model.forwardnodes if n.selectindex is None]
    nn.Tanh()(nodes[draw.draw(st.integers(0, len(nodes) - 1))])
    return model.inputnodes, model.outputnodes


def cycle(model, draw):
    late = [n for n in model.forwardnodes if n.parents]
    node = last = late[draw.draw(st.integers(0, len(late) - 1))]
    while last.children:
        last = last.children[0]
    node.add(last)
    return model.inputnodes, model.outputnodes


def split_left_unused(model, draw):
    first, *_ = nn.ConcatTable(nn.Tanh(), nn.Tanh())(model.outputnodes[0]).split(2)
    return model.inputnodes, [first, *model.outputnodes[1:]]


def name_given_twice(model, draw):
    a = nn.Tanh()(model.outputnodes[0]).annotate(name="twice")
    b = nn.Sigmoid()(model.outputnodes[0]).annotate(name="twice")
    return model.inputnodes, [*model.outputnodes, a, b]


def wrong_size(model, draw):
    return model.inputnodes, [*model.outputnodes[1:], nn.Linear(7, 2)(model.outputnodes[0])]


def table_for_a_tensor(model, draw):
    table = graph.nest([model.outputnodes[0], model.outputnodes[0]])
    return model.inputnodes, [*model.outputnodes[1:], nn.Linear(WIDTH, 2)(table)]


def tensor_for_a_table(model, draw):
    return model.inputnodes, [*model.outputnodes[1:], nn.CAddTable()(model.outputnodes[0])]


def input_that_reads(model, draw):
    return [*model.inputnodes, model.outputnodes[0]], model.outputnodes


BREAKS = [
    unused_input,
    forgotten_input,
    nothing_for_a_node,
    module_for_a_node,
    dangling_branch,
    cycle,
    split_left_unused,
    name_given_twice,
    wrong_size,
    table_for_a_tensor,
    tensor_for_a_table,
    input_that_reads,
]


@relaxed(60)
@given(specs(most=15), st.sampled_from(BREAKS), st.data())
def test_broken_graphs_raise_graph_errors_and_nothing_else(spec, broken, draw):
    model, _ = build(spec)
    if broken is input_that_reads and not model.outputnodes[0].parents:
        return
    inputs, outputs = broken(model, draw)
    with pytest.raises(GraphError) as caught:
        gModule(inputs, outputs)
    assert str(caught.value)
