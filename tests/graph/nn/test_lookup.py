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


def slopes(module, words, training=False):
    """The table's gradient for a gradient of the output that counts up, and that gradient."""
    given = graph.Input(words.shape[1:], dtype="int32")
    model = gModule([given], [module(given)])
    weight = module.named_parameters()["weight"]
    weight.assign(np.arange(np.prod(weight.shape)).reshape(weight.shape) / 10)
    if not training:
        model.evaluate()
    output = model.forward(words)
    g = np.arange(output.size, dtype="float32").reshape(output.shape) + 1
    model.backward(words, g)
    return model, output, model.parameters()[1][0], g


def added(words, g, rows=5):
    expected = np.zeros((rows, g.shape[-1]), "float32")
    np.add.at(expected, words - 1, g)
    return expected


def test_the_row_of_padding_gets_no_gradient():
    model, output, gradient, g = slopes(nn.LookupTable(5, 2, 4), INDICES)
    np.testing.assert_allclose(output, (np.arange(10) / 10).reshape(5, 2)[INDICES - 1], rtol=1e-6)
    expected = added(INDICES, g)
    assert expected[3].all()
    expected[3] = 0
    np.testing.assert_array_equal(gradient, expected)
    for outside in (0, 6, -1):
        gradient = slopes(nn.LookupTable(5, 2).setPadding(outside), INDICES)[2]
        np.testing.assert_array_equal(gradient, added(INDICES, g))


def test_gradients_divided_by_how_often_an_index_stands_there():
    module = nn.LookupTable(5, 2, 2).scaleGradByFreq()
    _, _, gradient, g = slopes(module, INDICES)
    often = np.bincount(INDICES.ravel() - 1, minlength=5)
    assert often.tolist() == [2, 1, 0, 3, 0]
    expected = added(INDICES, g) / np.maximum(often, 1)[:, None]
    expected[1] = 0
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("norm", [None, 1, 2, 3.5])
@pytest.mark.parametrize("training", [True, False])
def test_rows_that_are_looked_up_are_shortened_in_the_table(norm, training):
    module = nn.LookupTable(5, 2, 0, 0.5, norm)
    model, output, gradient, g = slopes(module, INDICES, training)
    table = (np.arange(10) / 10).reshape(5, 2)
    p = norm or 2
    norms = (table**p).sum(1, keepdims=True) ** (1 / p)
    short = np.where(norms > 0.5, table * 0.5 / (norms + 1e-7), table)
    short[[2, 4]] = table[[2, 4]]  # Not looked up, though too long.
    assert (norms[0] < 0.5).all() and (norms[2] > 0.5).all()
    np.testing.assert_allclose(output, short[INDICES - 1], rtol=1e-5)
    np.testing.assert_allclose(module.named_parameters()["weight"], short, rtol=1e-5)
    np.testing.assert_allclose(gradient, added(INDICES, g), rtol=1e-6)
    plain = model.to_keras()
    everything = np.array([[1, 2, 3], [4, 5, 5]])
    expected = np.where(norms > 0.5, table * 0.5 / (norms + 1e-7), table)
    np.testing.assert_allclose(plain(everything), expected[everything - 1], rtol=1e-5)


def test_training_with_a_keras_optimizer_shortens_before_each_step():
    import keras

    words = graph.Input((1,), dtype="int32")
    module = nn.LookupTable(2, 1, 0, 1)
    model = gModule([words], [module(words)])
    weight = module.named_parameters()["weight"]
    weight.assign([[4], [5]])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    model.fit(np.array([[1]]), np.array([[[3.0]]]), verbose=0)
    # 4 -> 1, whose loss slopes by 2 (1 - 3) = -4: 1 + 0.5 * 4.
    np.testing.assert_allclose(weight, [[3], [5]], rtol=1e-5)


def test_a_file_may_lack_every_option():
    from graph.torch7.convert import to_module
    from graph.torch7.types import TorchObject

    table = np.arange(6.0).reshape(3, 2)
    module = to_module(TorchObject("nn.LookupTable", {"weight": table}))
    assert repr(module) == "nn.LookupTable(3, 2)"
    options = {"paddingValue": 2, "maxNorm": 3, "normType": 1, "shouldScaleGradByFreq": True}
    module = to_module(TorchObject("nn.LookupTable", {"weight": table, **options}))
    assert module.get_config() == {"nIndex": 3, "nOutput": 2, **options}


def test_mistakes_in_options():
    with pytest.raises(graph.GraphError, match="nn.LookupTable: paddingValue must be an integer"):
        nn.LookupTable(5, 2, 0.5)
    with pytest.raises(graph.GraphError, match="nn.LookupTable: maxNorm must be a number of at le"):
        nn.LookupTable(5, 2, 0, -1)
    with pytest.raises(graph.GraphError, match="nn.LookupTable: normType must be above 0, got 0"):
        nn.LookupTable(5, 2, 0, 1, 0)
