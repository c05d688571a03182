"""Parallel and MapTable."""

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def affine(module, x):
    weight, bias = map(np.asarray, module.named_parameters().values())
    return x @ weight + bias


def test_every_slice_has_its_child(run):
    a, b = nn.Linear(4, 2), nn.Linear(4, 3)
    x = ramp(5, 2, 4)
    ran = run(nn.Parallel(1, 1, a, b), x, ramp(5, 5))
    expected = np.concatenate([affine(a, x[:, 0]), affine(b, x[:, 1])], 1)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    weights = [np.asarray(m.named_parameters()["weight"]) for m in (a, b)]
    expected = np.stack([ramp(5, 5)[:, :2] @ weights[0].T, ramp(5, 5)[:, 2:] @ weights[1].T], 1)
    np.testing.assert_allclose(ran.gradInput, expected, rtol=1e-5, atol=1e-6)
    assert len(ran.gradients) == 4


def test_images_are_cut_and_joined_as_torch_counts(run):
    torch = ramp(2, 3, 4, 5)
    module = nn.Parallel(1, 2, nn.Identity(), nn.Tanh(), nn.ReLU())
    output = run(module, np.moveaxis(torch, 1, -1)).output
    parts = [torch[:, 0], np.tanh(torch[:, 1]), np.maximum(torch[:, 2], 0)]
    np.testing.assert_allclose(output, np.concatenate(parts, 2), rtol=1e-5, atol=1e-6)


def test_results_may_be_joined_along_the_batch(run):
    x = ramp(5, 2, 4)
    ran = run(nn.Parallel(1, 0, nn.Tanh(), nn.Identity()), x, ramp(10, 4))
    np.testing.assert_allclose(ran.output, np.concatenate([np.tanh(x[:, 0]), x[:, 1]]), rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput[:, 1], ramp(10, 4)[5:], rtol=1e-6)


def test_a_shared_map_is_one_layer_whose_gradients_add_up(run):
    linear = nn.Linear(4, 2)
    x, g = [ramp(5, 4), -2 * ramp(5, 4), ramp(5, 4) + 1], [ramp(5, 2)] * 3
    ran = run(nn.MapTable(linear), x, g)
    for element, output in zip(x, ran.output, strict=True):
        np.testing.assert_allclose(output, affine(linear, element), rtol=1e-5, atol=1e-6)
    gradient = sum(element.T @ ramp(5, 2) for element in x)
    np.testing.assert_allclose(ran.gradients[0], gradient, rtol=1e-4, atol=1e-5)
    assert len(ran.gradients) == 2
    assert sum(isinstance(layer, keras.layers.Dense) for layer in ran.model.layers) == 1


def test_an_unshared_map_has_copies_that_start_equal(run):
    module = nn.MapTable(nn.Sequential(nn.Linear(4, 2), nn.Tanh()), shared=False)
    x = [ramp(5, 4), -2 * ramp(5, 4)]
    ran = run(module, x, [ramp(5, 2), ramp(5, 2)])
    first, second = (child.get(1) for child in module.modules)
    assert first is not second and len(ran.gradients) == 4
    for element, output in zip(x, ran.output, strict=True):
        np.testing.assert_allclose(output, np.tanh(affine(first, element)), rtol=1e-5, atol=1e-6)
    assert np.abs(ran.gradients[0] - ran.gradients[2]).max() > 0.1
    weight = second.named_parameters()["weight"]
    weight.assign(weight + 1)
    again = ran.model.forward(x)
    np.testing.assert_allclose(again[0], ran.output[0], rtol=1e-6)
    assert np.abs(again[1] - ran.output[1]).max() > 0.1


def test_copies_of_a_map_survive_saving(tmp_path):
    given = graph.Input([(4,), (4,)])
    module = nn.MapTable(nn.Linear(4, 2), False)
    model = gModule([given], [module(given)])
    weight = module.modules[1].named_parameters()["weight"]
    weight.assign(weight - 3)
    x = [ramp(5, 4), ramp(5, 4)]
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for a, b in zip(loaded.forward(x), model.forward(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_how_they_are_written():
    assert repr(nn.Parallel(2, 1, nn.Tanh())) == "nn.Parallel(2, 1, nn.Tanh())"
    assert repr(nn.MapTable(nn.Tanh())) == "nn.MapTable(nn.Tanh())"
    assert repr(nn.MapTable(nn.Tanh(), False)) == "nn.MapTable(nn.Tanh(), shared=False)"
    assert nn.MapTable().add(nn.Tanh()).module.torch_name == "Tanh"


def test_mistakes(refused):
    text = refused(nn.Parallel(1, 1, nn.Tanh()), (2, 4))
    assert "has 1 children for 2 slices along dimension 1" in text
    assert "whose size is unknown" in refused(nn.Parallel(1, 1, nn.Tanh()), (None, 4))
    assert "has no dimension 3" in refused(nn.Parallel(3, 1, nn.Tanh()), (2, 4))
    assert "child 2 (Linear) of Parallel" in refused(
        nn.Parallel(1, 1, nn.Tanh(), nn.Linear(3, 3)), (2, 4)
    )
    assert "takes a table" in refused(nn.MapTable(nn.Tanh()), (4,))
    assert "has no module" in refused(nn.MapTable(), [(4,), (4,)])
    with pytest.raises(graph.GraphError, match="nn.MapTable takes a single module"):
        nn.MapTable(nn.Tanh()).add(nn.Tanh())
    with pytest.raises(graph.GraphError, match="nn.Parallel: outputDimension must be an integer"):
        nn.Parallel(1, nn.Tanh())
