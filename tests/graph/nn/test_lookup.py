"""LookupTable: rows counted from 1, every index checked, however the model runs."""

import numpy as np
import pytest
import tensorflow as tf

import graph
from graph import gModule, nn

INDICES = np.array([[1, 4, 4], [2, 1, 4]])


def table(rows=5, width=2, shape=(3,)):
    words = graph.Input(shape).annotate(name="words")
    module = nn.LookupTable(rows, width)
    model = gModule([words], [module(words).annotate(name="rows")])
    weight = module.named_parameters()["weight"]
    weight.assign(np.arange(rows * width).reshape(rows, width) * 10)
    return model, weight


def test_value_and_gradient():
    model, weight = table()
    rows = np.asarray(weight)
    np.testing.assert_array_equal(model.forward(INDICES), rows[INDICES - 1])
    np.testing.assert_array_equal(model.predict(INDICES, verbose=0), rows[INDICES - 1])
    g = np.arange(12, dtype="float32").reshape(2, 3, 2)
    np.testing.assert_array_equal(model.backward(INDICES, g), np.zeros((2, 3)))
    expected = np.zeros((5, 2))
    np.add.at(expected, INDICES - 1, g)
    np.testing.assert_array_equal(model.parameters()[1][0], expected)


def test_indices_as_floats_and_one_a_sample():
    model, weight = table(shape=())
    output = model.forward(np.array([5.0, 1.0]))
    np.testing.assert_array_equal(output, np.asarray(weight)[[4, 0]])


def test_an_input_that_feeds_it_holds_integers():
    x = nn.Identity()()
    model = gModule([x], [nn.LookupTable(5, 2)(x)])
    model.build((None, 3))
    assert model.inputs[0].dtype == "int32"


def test_large_indices_survive_half_precision():
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        words = graph.Input((1,), dtype="int32")
        model = gModule([words], [nn.LookupTable(5000, 1)(words)])
    finally:
        keras.config.set_dtype_policy("float32")
    model.get(2).named_parameters()["weight"].assign(np.arange(5000)[:, None])
    np.testing.assert_array_equal(model.predict(np.array([[4098]]), verbose=0), [[[4096]]])
    np.testing.assert_array_equal(model.predict(np.array([[2050]]), verbose=0), [[[2048]]])


BAD = [(0, 0), (6, 6), (-3, -3), (2**20, 2**20)]


@pytest.mark.parametrize(("index", "shown"), BAD)
@pytest.mark.parametrize(
    "use",
    ["call", "forward", "predict", "predict_on_batch", "fit", "evaluate", "train_on_batch"],
)
def test_an_index_out_of_range(use, index, shown):
    model, _ = table()
    model.compile("sgd", "mse")
    x = np.array([[1, 2, 3], [4, index, 5]])
    y = np.zeros((2, 3, 2))
    run = {
        "call": lambda: model(x),
        "forward": lambda: model.forward(x),
        "predict": lambda: model.predict(x, verbose=0),
        "predict_on_batch": lambda: model.predict_on_batch(x),
        "fit": lambda: model.fit(x, y, verbose=0),
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "train_on_batch": lambda: model.train_on_batch(x, y),
    }[use]
    with pytest.raises(graph.GraphError) as caught:
        run()
    text = str(caught.value)
    assert text.startswith("'rows' (LookupTable), declared test_lookup.py:")
    assert f"index {shown} is outside the table of 5 rows\n" in text
    assert "Traceback" not in text and "Exception encountered" not in text
    assert len(text.splitlines()) == 2


def test_both_ends_of_the_table_are_inside():
    model, weight = table()
    np.testing.assert_array_equal(
        model.predict(np.array([[1, 5, 1]]), verbose=0), [np.asarray(weight)[[0, 4, 0]]]
    )


def test_an_empty_batch_is_fine():
    model, _ = table()
    run = tf.function(model, input_signature=[tf.TensorSpec((None, 3), tf.int32)])
    assert run(np.zeros((0, 3), "int32")).shape == (0, 3, 2)


def test_the_model_is_not_compiled_with_xla_by_itself():
    model, _ = table()
    model.compile("sgd", "mse")
    assert not model.jit_compile


def test_a_node_declared_in_a_file_with_an_uncommon_name(tmp_path):
    script = tmp_path / "größe [1] 'x'.py"
    script.write_text("node = lookup(words)\n", encoding="utf-8")
    words = graph.Input((3,))
    names = {"lookup": nn.LookupTable(5, 2), "words": words}
    exec(compile(script.read_text("utf-8"), str(script), "exec"), names)
    model = gModule([words], [names["node"]])
    with pytest.raises(graph.GraphError) as caught:
        model.predict(np.full((1, 3), 9), verbose=0)
    expected = "declared größe [1] 'x'.py:1: index 9 is outside the table of 5 rows"
    assert expected in str(caught.value)


def test_mistakes(refused):
    assert "takes one tensor of indices" in refused(nn.LookupTable(5, 2), [(3,), (3,)])
    with pytest.raises(graph.GraphError, match="nn.LookupTable: nIndex must be an integer"):
        nn.LookupTable("5", 2)
