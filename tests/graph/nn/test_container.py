"""Containers against the same thing written with single modules."""

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape, step=0.1):
    return (np.arange(np.prod(shape)) * step - 0.7).reshape(shape).astype("float32")


def affine(module):
    weight, bias = map(np.asarray, module.named_parameters().values())
    return lambda x: x @ weight + bias


def test_sequential(run):
    first, second = nn.Linear(3, 4), nn.Linear(4, 2)
    module = nn.Sequential(first, nn.Tanh()).add(second)
    x = ramp(5, 3)
    expected = affine(second)(np.tanh(affine(first)(x)))
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)


def test_an_empty_sequential_passes_its_input(run):
    np.testing.assert_array_equal(run(nn.Sequential(), ramp(2, 3)).output, ramp(2, 3))


def test_parallel_table(run):
    linear = nn.Linear(3, 4)
    module = nn.ParallelTable(linear, nn.Sequential(nn.CAddTable()), nn.Identity())
    x = [ramp(5, 3), [ramp(5, 2), ramp(5, 2)], ramp(5, 1)]
    first, second, third = run(module, x).output
    np.testing.assert_allclose(first, affine(linear)(x[0]), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(second, 2 * x[1][0])
    np.testing.assert_array_equal(third, x[2])


def test_concat_table_adds_up_the_gradients_of_its_children(run):
    linear = nn.Linear(3, 4)
    g = [ramp(5, 4), ramp(5, 3, step=0.3), -ramp(5, 3)]
    ran = run(nn.ConcatTable(linear, nn.Identity(), nn.ReLU()), ramp(5, 3), g)
    weight = np.asarray(linear.named_parameters()["weight"])
    expected = g[0] @ weight.T + g[1] + g[2] * (ramp(5, 3) > 0)
    np.testing.assert_allclose(ran.gradInput, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("dimension", "axis"), [(1, 3), (2, 1), (-1, 2)])
def test_concat_joins_a_torch_dimension(run, dimension, axis):
    x = ramp(2, 3, 4, 5)
    output = run(nn.Concat(dimension, nn.Identity(), nn.ReLU()), x).output
    np.testing.assert_array_equal(output, np.concatenate([x, np.maximum(x, 0)], axis))


def test_parameters_come_child_by_child():
    a, b, c = nn.Linear(3, 4), nn.Linear(4, 5, False), nn.Linear(3, 2)
    module = nn.ConcatTable(nn.Sequential(a, nn.Tanh(), b), c, a)
    assert list(module.named_parameters()) == [
        "1.1.weight",
        "1.1.bias",
        "1.3.weight",
        "2.weight",
        "2.bias",
        "3.weight",
        "3.bias",
    ]
    x = graph.Input((3,))
    variables, gradients = gModule([x], [module(x)]).parameters()
    assert [v.shape for v in variables] == [(3, 4), (4,), (4, 5), (3, 2), (2,)]
    assert [g.shape for g in gradients] == [v.shape for v in variables]


def test_children_are_looked_at_as_torch_counts_them(run):
    module = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    assert module.size() == 2
    assert module.get(1) is module.modules[0] and module.get(-1) is module.modules[1]
    ran = run(module, ramp(5, 3))
    np.testing.assert_allclose(np.tanh(module.get(1).output), ran.output, rtol=1e-6)
    np.testing.assert_array_equal(module.get(2).output, ran.output)
    for index in (0, 3, -3):
        with pytest.raises(graph.GraphError, match=f"no child {index}: .* counted from 1 to 2"):
            module.get(index)
    with pytest.raises(graph.GraphError, match="index must be an integer"):
        module.get("1")


def test_children_are_put_in_and_taken_out(run):
    a, b, c = nn.Tanh(), nn.ReLU(), nn.Sigmoid()
    module = nn.Sequential(a)
    assert module.insert(b) is module and module.insert(c, 1) is module
    assert module.modules == [c, a, b]
    assert module.remove(1) is module and module.modules == [a, b]
    assert module.remove().modules == [a]
    module.insert(keras.layers.Dense(2), 2)
    assert run(module, ramp(5, 3)).output.shape == (5, 2)
    for index in (0, -1, 4):
        with pytest.raises(graph.GraphError, match=f"index {index} is not between 1 and 3"):
            module.insert(a, index)
    for index in (0, 3):
        with pytest.raises(graph.GraphError, match=f"index {index} is not between 1 and 2"):
            module.remove(index)
    with pytest.raises(graph.GraphError, match="stands where a module belongs"):
        module.insert(3)
    with pytest.raises(graph.GraphError, match="index 0 is not between 1 and 0"):
        nn.Sequential().remove()


def test_how_containers_are_written():
    assert repr(nn.Concat(2, nn.Tanh(), nn.ReLU())) == "nn.Concat(2, nn.Tanh(), nn.ReLU())"
    assert repr(nn.Sequential().add(nn.Tanh())) == "nn.Sequential(nn.Tanh())"


def test_layers_are_named_after_the_node_and_the_place():
    x = graph.Input((3,))
    block = nn.Sequential(nn.Linear(3, 3), nn.ConcatTable(nn.Tanh(), nn.Tanh()), nn.CAddTable())
    block.get(1).name = "fc"
    model = gModule([x], [block(x).annotate(name="block")])
    assert [layer.name for layer in model.layers] == [
        "input",
        "fc",
        "block_2_concat_table_1_tanh",
        "block_2_concat_table_2_tanh",
        "block_3_c_add_table",
    ]


def test_the_first_sized_child_tells_the_shape():
    for module in (
        nn.Sequential(nn.Dropout(0.1), nn.Linear(3, 2)),
        nn.ConcatTable(nn.Tanh(), nn.Linear(3, 2)),
        nn.Sequential(nn.Sequential(nn.Tanh(), nn.Sequential(nn.Linear(3, 2)))),
    ):
        x = module()
        assert gModule([x], [x]).input_shape == (None, 3)
    x = nn.Sequential(nn.Concat(1, nn.Identity()), nn.Linear(3, 2))()
    assert not gModule([x], [x]).is_lowered


def test_a_shared_child_is_one_layer(run):
    shared = nn.Linear(3, 3)
    ran = run(nn.Sequential(shared, nn.Tanh(), shared), ramp(2, 3), ramp(2, 3))
    assert len(ran.gradients) == 2
    assert sum(isinstance(layer, keras.layers.Dense) for layer in ran.model.layers) == 1


def test_a_keras_layer_may_be_a_child(run):
    dense = keras.layers.Dense(2, name="mine")
    ran = run(nn.Sequential(nn.Tanh(), dense), ramp(4, 3))
    expected = np.tanh(ramp(4, 3)) @ np.asarray(dense.kernel)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    assert ran.model.get_layer("mine") is dense


def test_mistakes(refused):
    text = refused(nn.Sequential(nn.Tanh(), nn.Sequential(nn.Linear(3, 2))), (4,))
    assert "child 1 (Linear) of child 2 (Sequential) of Sequential, declared conftest.py" in text
    assert "expected (None, 3)" in text
    assert "takes a table of as many elements" in refused(nn.ParallelTable(nn.Tanh()), (3,))
    assert "has 1 children" in refused(nn.ParallelTable(nn.Tanh()), [(3,), (3,)])
    assert "joins along dimension 1" in refused(nn.Concat(1, nn.Identity(), nn.View(6)), (2, 3))
    for empty in (nn.ConcatTable(), nn.Concat(1)):
        assert "has no children" in refused(empty, (2, 3))
    for thing in (None, 3, nn.Tanh, nn.Tanh()()):
        with pytest.raises(graph.GraphError, match="stands where a module belongs"):
            nn.Sequential(nn.Tanh(), thing)
    with pytest.raises(graph.GraphError, match="nn.Concat: dimension must be an integer"):
        nn.Concat(nn.Tanh(), nn.Tanh())
