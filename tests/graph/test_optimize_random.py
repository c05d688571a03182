"""`graph.optimize` on random graphs: equal outputs, equal steps of training."""

import os

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from old_keras import not_on_3_12
from random_graphs import WIDTH, build, interpret, specs, weights_of
from random_layers import batch_for, build_layers, layer_specs

import graph

RANDOM = (keras.layers.Dropout, keras.layers.GaussianNoise)


def relaxed(examples):
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
    if os.environ.get("CI") == "true":
        examples = examples // 3
    return settings(max_examples=examples, deadline=None, suppress_health_check=slow)


def flat(outputs):
    return [np.asarray(keras.ops.convert_to_numpy(y)) for y in keras.tree.flatten(outputs)]


def assert_near(ours, expected, tolerance=1e-5):
    for a, b in zip(flat(ours), flat(expected), strict=True):
        scale = max(1.0, np.abs(b).max())
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=tolerance)


def check_layers(spec, folder=None):
    model = build_layers(spec)
    x = batch_for(model)
    before = model.get_weights()
    expected = model(x)
    for for_ in ("inference", "training"):
        result = graph.optimize(model, for_=for_)
        assert_near(result(x), expected)
        assert result.output_names == model.output_names
        assert [t.shape for t in result.outputs] == [t.shape for t in model.outputs]
        assert result is not model and not {id(v) for v in result.variables} & {
            id(v) for v in model.variables
        }
        if folder is not None:
            result.save(folder / "model.keras")
            assert_near(keras.saving.load_model(folder / "model.keras")(x), expected)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert_near(model(x), expected, 0)


@relaxed(25)
@given(layer_specs())
def test_random_layers(spec):
    check_layers(spec)


@pytest.mark.slow
@relaxed(150)
@given(layer_specs(most=22))
def test_random_layers_often(spec):
    check_layers(spec)


@not_on_3_12("a plain model with an input that nothing reads does not load")
@relaxed(6)
@given(layer_specs())
def test_random_layers_saved(tmp_path_factory, spec):
    check_layers(spec, tmp_path_factory.mktemp("optimized"))


def check_steps(spec):
    """Steps of gradient descent move both alike; what is random is left out of the graph."""
    spec = [step for step in spec if step[0] not in ("dropout", "noise")]
    model = build_layers(spec)
    x = batch_for(model, batch=4)
    slopes = [
        np.random.default_rng(2).normal(size=y.shape).astype("float32")
        for y in keras.tree.flatten(model(x))
    ]
    model.compile(keras.optimizers.SGD(0.02), [_slope] * len(slopes), run_eagerly=True)
    result = graph.optimize(model, for_="training")
    for net in (model, result):
        for _ in range(2):
            net.train_on_batch(x, slopes)
    assert_near(result(x), model(x), 1e-4)


@keras.saving.register_keras_serializable("tests")
def _slope(slope, y):
    return keras.ops.mean(slope * keras.ops.tanh(y), axis=-1)


@relaxed(8)
@given(layer_specs())
def test_training_takes_the_same_steps(spec):
    check_steps(spec)


@pytest.mark.slow
@relaxed(60)
@given(layer_specs())
def test_training_takes_the_same_steps_often(spec):
    check_steps(spec)


def check_graph(spec):
    model, modules = build(spec)
    generator = np.random.default_rng(0)
    x = [generator.uniform(-1, 1, (3, WIDTH)) for _ in range(spec["inputs"])]
    expected = interpret(spec, weights_of(modules), x)
    if max(np.abs(y).max() for y in expected) > 1e4:
        return
    one = x[0] if len(x) == 1 else x
    for for_ in ("inference", "training"):
        result = graph.optimize(model, for_=for_)
        assert isinstance(result, graph.GModule)
        assert_near(result.evaluate().forward(one), expected)
        assert_near(result.predict(one, verbose=0), expected)
        assert result.input_names == model.input_names
        assert result.output_names == model.output_names
    slopes = [generator.normal(size=y.shape) for y in expected]
    one_slope = slopes[0] if len(slopes) == 1 else slopes
    gradients = []
    for net in (model, result):
        net.training()
        net.forward(one)
        gradients.append(net.backward(one, one_slope))
    assert_near(gradients[1], gradients[0], 1e-4)


@relaxed(15)
@given(specs(most=25))
def test_random_gmodules(spec):
    check_graph(spec)


@pytest.mark.slow
@relaxed(60)
@given(specs())
def test_random_gmodules_often(spec):
    check_graph(spec)
