"""Finding, visiting, replacing, copying and sharing the modules of a finished graph."""

import keras
import numpy as np
import pytest

import graph
from graph import GraphError, Input, gModule, nn


def small(name="small"):
    x = Input((3,), name="x")
    hidden = nn.Linear(3, 4)(x).annotate(name="hidden")
    body = nn.Sequential(nn.Tanh(), nn.Dropout(0.5), nn.Linear(4, 2))(hidden)
    return gModule([x], [nn.Sigmoid()(body)], name=name)


DATA = np.linspace(-1, 1, 12).reshape(4, 3)


def test_list_modules_names_containers_before_their_children():
    names = [getattr(m, "torch_name", "model") for m in small().listModules()]
    assert names == [
        "model",
        "Input",
        "Linear",
        "Sequential",
        "Tanh",
        "Dropout",
        "Linear",
        "Sigmoid",
    ]


def test_find_modules_by_class_and_by_name():
    model = small()
    linears, holders = model.findModules("nn.Linear")
    assert [m.outputSize for m in linears] == [4, 2]
    assert holders[0] is model and holders[1].torch_name == "Sequential"
    assert model.findModules(nn.Linear)[0] == linears
    assert model.findModules(nn.ELU) == ([], [])


def test_find_modules_looks_into_nested_models_and_keras_layers():
    inner = small("inner")
    x = Input((3,))
    outer = gModule([x], [graph.node(keras.layers.Dense(5))(inner(x))])
    assert len(outer.findModules(nn.Linear)[0]) == 2
    (dense,), (holder,) = outer.findModules(keras.layers.Dense)
    assert dense.layer.units == 5 and holder is outer


def test_apply_visits_everything():
    seen = []
    model = small()
    assert model.apply(seen.append) is model
    assert seen == model.listModules()


def test_map_pairs_modules_and_refuses_other_structures():
    pairs = []
    one, two = small(), small()
    one.map(two, lambda a, b: pairs.append((a.torch_name, b.torch_name)))
    assert len(pairs) == 7 and all(a == b for a, b in pairs)
    x = Input((3,))
    with pytest.raises(GraphError, match=r"module 2 is nn.Linear\(3, 4\) here and nn.Tanh"):
        one.map(gModule([x], [nn.Tanh()(x)]), lambda a, b: None)


def test_replace_keeps_the_other_parameters():
    model = small()
    model.compile("adam", "mse")
    before = [p.numpy() for p in model.parameters()[0]]

    def calm(module):
        return nn.Identity() if module.is_a("nn.Dropout") else module

    assert model.replace(calm) is model
    assert model.findModules(nn.Dropout) == ([], [])
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)
    for a, b in zip(before, model.parameters()[0], strict=True):
        np.testing.assert_array_equal(a, b)
    first = model.forward(DATA)
    np.testing.assert_array_equal(first, model.forward(DATA))  # nothing drops any more
    model.fit(DATA, np.zeros((4, 2)), verbose=0)  # and it is compiled


def test_the_weights_of_what_was_replaced_are_gone():
    x = graph.Input((3,))
    first = nn.Linear(3, 4)
    model = gModule([x], [nn.Linear(4, 2)(first(x))])
    model.replace(lambda m: nn.Linear(3, 4, False) if m is first else m)
    assert [tuple(w.shape) for w in model.trainable_weights] == [(3, 4), (4, 2), (2,)]
    assert model.count_params() == 12 + 8 + 2


def test_replace_with_a_keras_layer_and_in_a_nested_model():
    inner = small("inner")
    x = Input((3,))
    model = gModule([x], [inner(x)])
    weights = [p.numpy() for p in inner.parameters()[0]]
    model.replace(lambda m: keras.layers.ReLU() if m.is_a(nn.Tanh) else m)
    model.evaluate()
    hidden = np.maximum(DATA @ weights[0] + weights[1], 0)
    expected = 1 / (1 + np.exp(-(hidden @ weights[2] + weights[3])))
    np.testing.assert_allclose(model.forward(DATA), expected, rtol=1e-5)


def test_replace_with_what_does_not_fit_changes_nothing():
    model = small()
    expected = model.predict(DATA, verbose=0)
    with pytest.raises(GraphError, match="takes samples of 9 features"):
        model.replace(lambda m: nn.Linear(9, 4) if m.is_a("nn.Linear") else m)
    np.testing.assert_array_equal(model.predict(DATA, verbose=0), expected)
    assert [m.inputSize for m in model.findModules(nn.Linear)[0]] == [3, 4]


def test_clone_is_equal_and_apart():
    model = small()
    copy = model.clone()
    np.testing.assert_array_equal(model.predict(DATA, verbose=0), copy.predict(DATA, verbose=0))
    copy.parameters()[0][0].assign(np.zeros((3, 4)))
    assert np.abs(model.parameters()[0][0]).max() > 0
    assert [n.name for n in copy.forwardnodes] == [n.name for n in model.forwardnodes]


def test_clone_that_shares_weights_only():
    model = small()
    copy = model.clone("weight")
    ours, its = model.parameters()[0], copy.parameters()[0]
    assert [a is b for a, b in zip(ours, its, strict=True)] == [True, False, True, False]
    ours[0].assign(np.full((3, 4), 0.25))
    model.evaluate(), copy.evaluate()
    np.testing.assert_allclose(model.forward(DATA), copy.forward(DATA), rtol=1e-6)


def test_shared_parameters_train_together_and_their_gradients_add_up():
    one = small()
    two = one.clone("weight", "bias")
    assert len(two.trainable_variables) == 4
    two.compile(keras.optimizers.SGD(0.5), "mse")
    before = one.parameters()[0][0].numpy()
    two.fit(DATA, np.zeros((4, 2)), verbose=0)
    assert np.abs(one.parameters()[0][0].numpy() - before).max() > 0
    np.testing.assert_allclose(
        one.predict(DATA, verbose=0), two.predict(DATA, verbose=0), rtol=1e-6
    )
    one.zeroGradParameters()
    for model in (one, two):
        model.evaluate()
        model.forward(DATA)
        model.backward(DATA, np.ones((4, 2)))
    both = one.parameters()[1][0].copy()
    one.zeroGradParameters()
    one.forward(DATA)
    one.backward(DATA, np.ones((4, 2)))
    np.testing.assert_allclose(both, 2 * one.parameters()[1][0], rtol=1e-5)


def test_modules_that_share_a_parameter_share_it_after_loading(tmp_path):
    x = Input((3,))
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    model = gModule([x], [b(nn.Tanh()(a(x)))])
    graph.nn.tying.tie_modules(b, a, ["weight"])
    assert len(model.parameters()[0]) == 3
    model.save(tmp_path / "tied.keras")
    loaded = keras.saving.load_model(tmp_path / "tied.keras")
    assert len(loaded.parameters()[0]) == 3
    np.testing.assert_array_equal(model.predict(DATA, verbose=0), loaded.predict(DATA, verbose=0))
    assert len(model.clone().trainable_variables) == 3


def test_share_with_another_shape_is_refused():
    x, y = Input((3,)), Input((3,))
    one, two = gModule([x], [nn.Linear(3, 2)(x)]), gModule([y], [nn.Linear(3, 4)(y)])
    with pytest.raises(GraphError, match=r"'weight'.*\(3, 2\) is not \(3, 4\)"):
        one.share(two, "weight")


def test_clone_of_a_model_whose_shapes_are_not_known():
    x, y = nn.Identity()(), nn.Identity()()
    model = gModule([x, y], [nn.CAddTable()([nn.Linear(3, 2)(x), y])])
    copy = model.clone()
    data = [DATA, np.ones((4, 2))]
    np.testing.assert_array_equal(model.forward(data), copy.forward(data))


def test_fg_and_bg_hold_the_same_edges_turned_round():
    model = small()
    assert {(b, a) for a, b in model.fg.edges} == set(model.bg.edges)
    assert model.fg.roots() == model.inputnodes and model.fg.leaves() == model.outputnodes
    assert model.bg.roots() == model.outputnodes
    assert model.fg.topsort() == model.forwardnodes
    assert model.bg.nodes == model.backwardnodes
    assert graph.dot(model.fg, "title") == graph.dot(model, "title")
    assert graph.dot(model.bg) != graph.dot(model.fg)


def test_clear_state_forgets_outputs():
    model = small()
    model.forward(DATA)
    assert model.get(2).output is not None
    assert model.clearState() is model
    assert model.get(2).output is None
    with pytest.raises(GraphError, match="forward"):
        model.backward(DATA, np.ones((4, 2)))


def test_annotate_nodes_takes_the_names_of_variables():
    first = nn.Linear(3, 2)()
    gates = [nn.Tanh()(first), nn.Sigmoid()(first)]
    _hidden = nn.CAddTable()(gates)
    kept = nn.Tanh()(_hidden).annotate(name="mine")
    graph.annotateNodes()
    assert [n.name for n in (first, *gates, _hidden, kept)] == [
        "first",
        "gates_1",
        "gates_2",
        None,
        "mine",
    ]
    again = first
    graph.annotateNodes()
    assert again.name == "first"
