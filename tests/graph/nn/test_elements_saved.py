"""Element-wise and linear modules and decorators: saved, loaded, as plain Keras, by differences."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from element_examples import FILES, examples

import graph
from graph import gModule, nn
from graph.table import flatten, map_table

COUNT = len(examples())
IDS = [f"{i}-{module!r}"[:45] for i, (module, _) in enumerate(examples())]


def same(a, b):
    assert len(flatten(a)) == len(flatten(b))
    for x, y in zip(flatten(a), flatten(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def model_of(module, x):
    shapes = map_table(lambda a: a.shape[1:], x)
    kinds = {str(leaf.dtype) for leaf in flatten(x)} & {"int32"}
    given = graph.Input(shapes, dtype=kinds.pop() if kinds else None)
    return gModule([given], [module(given)])


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_saved_and_loaded(i, tmp_path):
    module, x = examples()[i]
    model = model_of(module, x)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    same(loaded(x), model(x))
    assert [str(v) for v in loaded.listModules()[1:]] == [str(v) for v in model.listModules()[1:]]


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


# What has another gradient than that of its value, which other tests look at.
OF_ITS_OWN = (
    nn.GradientReversal,
    nn.ZeroGrad,
    nn.L1Penalty,
    nn.Constant,
    nn.OneHot,
    nn.SparseLinear,
)


def true_gradient(module):
    if isinstance(module, nn.LookupTable):
        plain = nn.LookupTable(module.nIndex, module.nOutput)
        return module.get_config() == plain.get_config()
    return not isinstance(module, OF_ITS_OWN)


def moved(arrays, step, directions):
    return [a + step * d for a, d in zip(arrays, directions, strict=True)]


TRUE = [i for i in range(COUNT) if true_gradient(examples()[i][0])]


@pytest.mark.parametrize("i", TRUE, ids=[IDS[i] for i in TRUE])
def test_gradients_agree_with_central_differences(double, i):
    module, x = examples()[i]
    generator = np.random.default_rng(i)
    inputs = [a if a.dtype == "int32" else a.astype("float64") for a in flatten(x)]
    table = isinstance(x, list)
    model = model_of(module, inputs if table else inputs[0]).evaluate()
    variables = model.parameters()[0]
    places = inputs + [np.asarray(v) for v in variables]
    directions = [generator.normal(size=p.shape) * (p.dtype != "int32") for p in places]

    def value(step):
        new = moved(places, step, directions)
        for variable, array in zip(variables, new[len(inputs) :], strict=True):
            variable.assign(array)
        return flatten(model.forward(new[: len(inputs)] if table else new[0]))

    gradOutput = [generator.normal(size=y.shape) for y in value(0)]
    several = len(gradOutput) > 1
    gradInput = model.backward(
        inputs if table else inputs[0], gradOutput if several else gradOutput[0]
    )
    gradients = flatten(gradInput) + model.parameters()[1]
    slope = sum(np.sum(g * d) for g, d in zip(gradients, directions, strict=True))
    changes = zip(value(1e-6), value(-1e-6), gradOutput, strict=True)
    difference = sum(np.sum((a - b) * g) for a, b, g in changes) / 2e-6
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(slope, difference, rtol=1e-6, atol=1e-6)


def needs_size(module, x):
    """Whether it lays something out by the sizes of more than the last axis."""
    if isinstance(module, nn.GatedLinearUnit):
        return module.dim == -2
    return x.ndim > 3 and (
        isinstance(module, nn.Bottle) or (isinstance(module, nn.Add) and not module.scalar)
    )


@pytest.mark.parametrize("i", range(COUNT), ids=IDS)
def test_sizes_known_only_when_it_runs(i):
    module, x = examples()[i]
    expected = model_of(module, x)(x)
    dtype = "int32" if getattr(x, "dtype", None) == "int32" else None
    shapes = map_table(lambda a: (*(None,) * (a.ndim - 2), a.shape[-1]), x)
    given = graph.Input(shapes, dtype=dtype)
    if not isinstance(x, list) and needs_size(module, x):
        with pytest.raises(graph.GraphError, match=r"fix: state .* with graph.Input\(shape\)"):
            gModule([given], [module(given)])
    else:
        same(gModule([given], [module(given)])(x), expected)


def test_every_class_has_an_example():
    classes = {
        name
        for name, cls in vars(nn).items()
        if isinstance(cls, type) and cls.__module__.rpartition(".")[2] in FILES
    }
    shown = {type(child).__name__ for m, _ in examples() for child in [m, *m.children()]}
    assert classes - shown == {"Decorator"}


def test_plain_models_load_where_this_package_is_not(tmp_path):
    for i, (module, x) in enumerate(examples()):
        model = model_of(module, x)
        model.to_keras().save(tmp_path / f"{i}.keras")
        np.savez(tmp_path / f"{i}.x.npz", *flatten(x))
        np.savez(tmp_path / f"{i}.y.npz", *map(np.asarray, flatten(model(x))))
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

def arrays(name):
    with np.load(name) as file:
        return [file[key] for key in file]

for i in range(len(list(Path().glob("*.keras")))):
    model = keras.saving.load_model(f"{i}.keras")
    x = arrays(f"{i}.x.npz")
    y = model(x if isinstance(model.input, list) else x[0])
    for a, b in zip(y if isinstance(y, list) else [y], arrays(f"{i}.y.npz"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, err_msg=str(i))
    print(i)
assert "graph" not in sys.modules
"""
