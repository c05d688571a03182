"""What users get wrong: a GraphError that says what, where and how to mend it."""

import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf

import graph
from graph import gModule, nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


def two_inputs():
    x = graph.Input((3,), name="x")
    mask = graph.Input((4, 2), name="mask")
    y = nn.Linear(3, 8)(x) - nn.View(4, 2)
    model = gModule([x, mask], [nn.CMulTable()([y, mask])], name="masked")
    model.compile("sgd", "mse")
    return model


X, MASK, Y = ramp(5, 3), ramp(5, 4, 2), ramp(5, 4, 2)

WAYS = {
    "call": lambda m, x: m(x),
    "forward": lambda m, x: m.forward(x),
    "predict": lambda m, x: m.predict(x, verbose=0),
    "fit": lambda m, x: m.fit(x, Y, verbose=0),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "train_on_batch": lambda m, x: m.train_on_batch(x, Y),
}
every_way = pytest.mark.parametrize("way", WAYS)


def error_of(action):
    """The GraphError's text, after a look at all that would be printed with it."""
    with pytest.raises(graph.GraphError) as caught:
        action()
    text = str(caught.value)
    assert "Traceback" not in text and "Exception encountered" not in text
    assert "tensorflow" not in text.lower()
    assert len(text) < 1000
    return text


@every_way
class TestWrongInputs:
    @pytest.mark.parametrize(
        ("x", "mask", "name", "expected", "got"),
        [
            (ramp(5, 4), MASK, "'x' (Input)", (None, 3), (5, 4)),
            (ramp(5), MASK, "'x' (Input)", (None, 3), (5,)),
            (ramp(5, 3, 2), MASK, "'x' (Input)", (None, 3), (5, 3, 2)),
            (X, ramp(5, 2, 4), "'mask' (Input)", (None, 4, 2), (5, 2, 4)),
            (X, ramp(5, 4, 2, 2), "'mask' (Input)", (None, 4, 2), (5, 4, 2, 2)),
        ],
    )
    def test_shape(self, way, x, mask, name, expected, got):
        text = error_of(lambda: WAYS[way](two_inputs(), [x, mask]))
        assert f"{name}, declared test_bad_input.py:" in text and "of masked" in text
        assert f"expected {expected}" in text and f"got      {got}" in text

    @pytest.mark.parametrize("x", [X, [X], [X, MASK, X]], ids=["bare", "one", "three"])
    def test_count(self, way, x):
        text = error_of(lambda: WAYS[way](two_inputs(), x))
        count = len(x) if isinstance(x, list) else 1
        assert f"masked takes 2 inputs, got {count}" in text
        assert "'x' (Input), declared" in text and "'mask' (Input), declared" in text

    def test_a_name_that_is_not_in_the_dict(self, way):
        text = error_of(lambda: WAYS[way](two_inputs(), {"x": X, "maks": MASK}))
        assert "masked is fed no 'mask'" in text and "'maks'" in text

    def test_strings(self, way):
        text = error_of(lambda: WAYS[way](two_inputs(), [np.full((5, 3), "7"), MASK]))
        assert "'x' (Input), declared" in text and "takes numbers, got str" in text


@pytest.mark.parametrize("way", ["call", "forward"])
class TestInputsLookedAtBeforeKeras:
    def test_batches_of_different_size(self, way):
        text = error_of(lambda: WAYS[way](two_inputs(), [X, MASK[:4]]))
        assert "batches of different sizes" in text
        assert "5 samples for input 1, 'x'" in text and "4 samples for input 2, 'mask'" in text

    @pytest.mark.parametrize(
        ("x", "said"),
        [
            (["a", "b", "c"], "takes numbers, got str"),
            ([[1, 2, 3], [4, 5]], "rows of different lengths"),
            (None, "takes numbers, got object"),
            ([[1, None, 2]], "takes numbers, got object"),
        ],
    )
    def test_lists_that_are_no_numbers(self, way, x, said):
        node = graph.Input((3,), name="x")
        assert said in error_of(lambda: WAYS[way](gModule([node], [node - nn.Tanh()]), x))

    def test_nesting(self, way):
        node = graph.Input([(3,), [(2,), (2,)]], name="pair")
        model = gModule([node], [node - nn.SelectTable(1)])
        a, b = ramp(5, 3), ramp(5, 2)
        WAYS[way](model, [a, [b, b]])
        text = error_of(lambda: WAYS[way](model, [a, b, b]))
        assert "expected [(None, 3), [(None, 2), (None, 2)]]" in text
        assert "got      [(5, 3), (5, 2), (5, 2)]" in text


def test_a_model_goes_on_working_after_a_mistake():
    model = two_inputs()
    expected = model.predict([X, MASK], verbose=0)
    for way in WAYS.values():
        with pytest.raises(graph.GraphError):
            way(model, [X, X])
    np.testing.assert_allclose(model.predict([X, MASK], verbose=0), expected)


class TestNothingIsHalfBuilt:
    @staticmethod
    def late():
        """Takes two images; wants planes 3 after the first layer, and equal sizes at the end."""
        a, b = nn.Identity()(), nn.Identity()()
        dense = keras.layers.Dense(3, name="mine")
        h = nn.SpatialMaxPooling(2, 2)(graph.node(dense)(a)).annotate(name="pool")
        y = nn.CAddTable()([h, nn.SpatialConvolution(2, 3, 1, 1)(b)])
        return gModule([a, b], [y]), dense

    @pytest.mark.parametrize(
        "attempt",
        [
            lambda m: m.forward([ramp(1, 4, 4, 5), ramp(1, 3, 3, 2)]),
            lambda m: m.build([(None, 4, 4, 5), (None, 4, 4, 2)]),
            lambda m: m([ramp(1, 4, 4, 5), ramp(1, 2, 2, 1)]),
            lambda m: m.predict([ramp(1, 4, 4, 5), ramp(1, 3, 3, 2)], verbose=0),
            lambda m: m.fit([ramp(1, 4, 4, 5), ramp(1, 3, 3, 2)], ramp(1, 2, 2, 3), verbose=0),
        ],
    )
    def test_wrong_shapes_then_right_ones(self, attempt):
        model, _ = self.late()
        model.compile("sgd", "mse")
        with pytest.raises(graph.GraphError, match="declared test_bad_input.py"):
            attempt(model)
        assert not model.is_lowered and model.layers == [] and not model.built
        x = [ramp(2, 6, 6, 4), ramp(2, 3, 3, 2)]  # Another number of planes than at first.
        assert model.predict(x, verbose=0).shape == (2, 3, 3, 3)
        assert sorted(layer.name for layer in model.layers)[0] == "c_add_table"
        model.fit(x, ramp(2, 3, 3, 3), verbose=0)

    def test_the_modules_of_a_graph_that_failed_are_as_before(self):
        linear, dense = nn.Linear(3, 4), keras.layers.Dense(5, name="mine")
        x = graph.Input((3,))
        wrong = linear(x) - dense - nn.Linear(4, 1)
        with pytest.raises(graph.GraphError, match="takes samples of 4 features"):
            gModule([x], [wrong])
        z = graph.Input((7,))
        model = gModule([z], [z - dense])
        assert model.output_shape == (None, 5)
        first = linear()
        assert gModule([first], [first]).layers[1].name == "linear"

    def test_nodes_of_a_graph_that_failed_are_not_taken(self):
        x = graph.Input((3,))
        with pytest.raises(graph.GraphError, match="takes samples of 4"):
            gModule([x], [x - nn.Linear(4, 2)])
        with pytest.raises(graph.GraphError, match="reaches no output and would be dropped"):
            gModule([x], [x - nn.Tanh()])

    def test_names_that_keras_cannot_tell_apart(self):
        image = keras.Input((3,))
        h = keras.layers.Dense(3, name="fc")(image)
        x = graph.Input(tensor=h)
        linear = nn.Linear(3, 2)
        text = error_of(lambda: gModule([x], [linear(x).annotate(name="fc")]))
        assert "fc" in text and "used 2 times" in text
        y = graph.Input((3,))
        assert gModule([y], [linear(y)]).layers[1].name == "linear"


class TestGraphs:
    """Each rule has its own test in test_check.py; here they are met through gModule."""

    def test_duplicate_names(self):
        x = graph.Input((3,))
        y = nn.Linear(3, 3)(nn.Linear(3, 3)(x).annotate(name="fc")).annotate(name="fc")
        text = error_of(lambda: gModule([x], [y]))
        assert "the name 'fc' is used 2 times" in text and text.count("test_bad_input.py:") == 2

    def test_all_that_keras_would_drop_is_told_at_once(self):
        x, unused = graph.Input((3,), name="x"), graph.Input((2,), name="unused")
        nn.Tanh()(x).annotate(name="dangling")
        first, _ = nn.ConcatTable(nn.Identity(), nn.Tanh())(x).split(2)
        text = error_of(lambda: gModule([x, unused], [first]))
        assert "3 problems in this graph" in text
        assert "'unused' (Input), declared" in text and "is unused" in text
        assert "'dangling' (Tanh), declared" in text and "would be dropped" in text
        assert "1 of the split(2) outputs of ConcatTable, declared" in text

    @pytest.mark.parametrize(
        ("make", "said"),
        [
            (lambda x: nn.CAddTable()([x, None]), "inputs[2] is None"),
            (lambda x: nn.CAddTable()([x, nn.Tanh()]), "did you forget a second ()?"),
            (lambda x: nn.CAddTable()([x, keras.layers.Dense(2)]), "did you forget a second ()?"),
            (lambda x: nn.Tanh()(None), "is None, not a node"),
            (lambda x: nn.Tanh()(3.5), "float 3.5, not a node"),
            (lambda x: nn.Tanh()(x, x), "pass several inputs as one list"),
            (lambda x: nn.Tanh() - x, "where a node belongs"),
            (lambda x: x - nn.Tanh, "Tanh(...)"),
            (lambda x: x - x, "stands where a module belongs"),
            (lambda x: gModule([x], [nn.Tanh()]), "outputs[1] is an nn.Tanh module"),
            (lambda x: gModule([None], [x]), "inputs[1] is None"),
            (lambda x: gModule([x], None), "outputs[1] is None"),
            (lambda x: nn.Linear("3", 2), "inputSize must be an integer"),
            (lambda x: nn.Dropout("0.5"), "p must be a number"),
            (lambda x: graph.Input("32"), "a shape is a tuple"),
            (lambda x: graph.Input((32, "32")), "a shape is a tuple"),
            (lambda x: graph.Input((32, 0)), "a shape is a tuple"),
            (lambda x: graph.Input(), "needs a shape or a tensor"),
        ],
    )
    def test_told_at_the_line_that_made_the_mistake(self, make, said):
        node = graph.Input((3,))
        text = error_of(lambda: make(node))
        assert said in text and "test_bad_input.py:" in text

    def test_a_cycle(self):
        x = graph.Input((3,))
        first = nn.CAddTable()([x, x]).annotate(name="first")
        last = (first - nn.Tanh()).annotate(name="last")
        first.add(last)
        text = error_of(lambda: gModule([x], [last]))
        assert "a cycle of 2 nodes" in text and "'first' (CAddTable), declared" in text

    def test_a_split_into_too_many(self):
        x = graph.Input((3, 2))
        a, b = nn.SplitTable(1)(x).split(2)
        text = error_of(lambda: gModule([x], [nn.CAddTable()([a, b])]))
        assert "needs a table of 2 elements" in text and "gives a table of 3" in text
        a, b = nn.Tanh()(x).split(2)
        text = error_of(lambda: gModule([graph.Input((3, 2))], [a, b]))
        assert text

    def test_the_cause_is_kept(self):
        x = graph.Input((3,))
        with pytest.raises(graph.GraphError) as caught:
            gModule([x], [x - keras.layers.Conv2D(2, 3)])
        assert isinstance(caught.value.__cause__, ValueError)
        assert "min_ndim=4" in "".join(traceback.format_exception(caught.value))


def chain(length):
    node = first = graph.Input((4,), name="first")
    module = nn.Linear(4, 4)
    for i in range(length):
        node = node - (module if i % 500 == 0 else nn.Tanh() if i % 2 else nn.Identity())
    return gModule([first], [node.annotate(name="last")], name="deep")


@pytest.mark.slow
def test_a_chain_of_2_000_nodes(tmp_path):
    x = ramp(2, 4)
    model = chain(2_000)
    model.evaluate()
    expected = model.predict(x, verbose=0)
    assert np.isfinite(expected).all() and expected.any()
    np.testing.assert_allclose(model.forward(x), expected, rtol=1e-5)
    assert model.backward(x, np.ones((2, 4))).shape == (2, 4)
    np.testing.assert_allclose(model(x), expected, rtol=1e-5)
    np.testing.assert_allclose(model.to_keras()(x), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit(x, expected, verbose=0)
    path = tmp_path / "deep.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_allclose(loaded.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5)
    assert len(loaded.forwardnodes) == 2_001


def test_a_shape_of_unknown_rank():
    x = graph.Input((3,))
    model = gModule([x], [x - nn.Tanh()])
    run = tf.function(lambda t: model(t), input_signature=[tf.TensorSpec(None)])
    with pytest.raises(Exception, match="(?s)expected \\(None, 3\\).*got      of unknown rank"):
        run(X)
