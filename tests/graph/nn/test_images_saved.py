"""Modules on sequences, images and volumes: saved, loaded, and as plain Keras models."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from image_examples import examples

import graph
from graph import gModule, nn
from graph.table import flatten, map_table

COUNT = len(examples())
IDS = [f"{i}-{module!r}"[:45] for i, (module, _) in enumerate(examples())]


def same(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def model_of(module, x):
    given = graph.Input(map_table(lambda a: a.shape[1:], x))
    return gModule([given], [module(given)])


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_saved_and_loaded(i, tmp_path):
    module, x = examples()[i]
    model = model_of(module, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    same(loaded(x), model(x))


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_saved_and_loaded_layer_by_layer(i, tmp_path):
    module, x = examples()[i]
    # As part of a model of Keras's own, where each layer's config stands for itself.
    model = model_of(module, x)
    plain = keras.Model(model.input, model.output)
    plain.save(tmp_path / "plain.keras")
    same(keras.saving.load_model(tmp_path / "plain.keras")(x), model(x))


@pytest.fixture
def double():
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def along(arrays, step, directions):
    return [a + step * d for a, d in zip(arrays, directions, strict=True)]


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_gradients_agree_with_central_differences(double, i):
    module, x = examples()[i]
    generator = np.random.default_rng(i)
    inputs = [a.astype("float64") for a in flatten(x)]
    model = model_of(module, inputs if isinstance(x, list) else inputs[0])
    variables = model.parameters()[0]
    places = inputs + [np.asarray(v) for v in variables]
    directions = [generator.normal(size=p.shape) for p in places]

    def value(step):
        moved = along(places, step, directions)
        for variable, array in zip(variables, moved[len(inputs) :], strict=True):
            variable.assign(array)
        return model.forward(moved[: len(inputs)] if isinstance(x, list) else moved[0])

    model.evaluate()
    gradOutput = generator.normal(size=value(0).shape)
    fed = inputs if isinstance(x, list) else inputs[0]
    gradInput = model.backward(fed, gradOutput)
    gradients = flatten(gradInput) + model.parameters()[1]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    difference = np.sum((value(1e-6) - value(-1e-6)) * gradOutput) / 2e-6
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6)


def needs_size(module, x):
    """Whether it lays out its output by the size of the input."""
    if isinstance(module, (nn.SpatialAdaptiveMaxPooling, nn.SpatialAdaptiveAveragePooling)):
        return (module.H, module.W) != (1, 1)
    if isinstance(module, nn.UpSampling):
        return module.mode == "linear"
    kinds = (
        nn.SpatialConvolutionLocal,
        nn.SpatialFractionalMaxPooling,
        nn.SpatialMaxUnpooling,
        nn.SpatialUpSamplingBilinear,
        nn.TemporalDynamicKMaxPooling,
    )
    return isinstance(x, list) or any(isinstance(m, kinds) for m in [module, *module.children()])


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_sizes_known_only_when_it_runs(i):
    module, x = examples()[i]
    if isinstance(module, nn.FeatureLPPooling) or getattr(module, "featFirst", False):
        return  # Their features are not the last axis.
    expected = model_of(module, x)(x)
    given = graph.Input(map_table(lambda a: (*(None,) * (a.ndim - 2), a.shape[-1]), x))
    if needs_size(module, x):
        with pytest.raises(graph.GraphError, match="know|takes images of 7 x 6"):
            gModule([given], [examples()[i][0](given)])
    else:
        same(gModule([given], [module(given)])(x), expected)


def test_every_class_has_an_example():
    files = {"convolution", "pooling", "normalization", "upsampling", "border", "lrn", "shuffle"}
    files |= {"depthwise", "temporal", "subsampling"}
    classes = {
        name
        for name, cls in vars(nn).items()
        if isinstance(cls, type) and any(part in cls.__module__ for part in files)
    }
    shown = {type(child).__name__ for m, _ in examples() for child in [m, *m.children()]}
    assert classes and not classes - shown


def test_plain_models_load_where_this_package_is_not(tmp_path):
    for i, (module, x) in enumerate(examples()):
        model = model_of(module, x)
        model.to_keras().save(tmp_path / f"{i}.keras")
        np.savez(tmp_path / f"{i}.x.npz", *flatten(x))
        np.save(tmp_path / f"{i}.y.npy", np.asarray(model(x)))
    script = tmp_path / "script.py"
    script.write_text(PLAIN)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [str(i) for i in range(COUNT)]


PLAIN = """
import sys
import keras
import numpy as np
from pathlib import Path

for i in range(len(list(Path().glob("*.keras")))):
    model = keras.saving.load_model(f"{i}.keras")
    with np.load(f"{i}.x.npz") as file:
        x = [file[key] for key in file]
    y = model(x if isinstance(model.input, list) else x[0])
    expected = np.load(f"{i}.y.npy")
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6, err_msg=str(i))
    print(i)
assert "graph" not in sys.modules
"""
