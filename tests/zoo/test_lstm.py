"""zoo.LSTM and the exchange of weights, against Torch7, Keras and PyTorch."""

import keras
import numpy as np
import pytest
from golden_torch7 import TOLERANCE, Case

import graph
import zoo
from graph import nn

GOLDEN = ["lstm_cell", "lstm_cell_rect_double"]


def random_of(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.fixture
def precision(request):
    before = keras.config.floatx(), keras.config.dtype_policy()
    yield lambda dtype: (keras.config.set_floatx(dtype), keras.config.set_dtype_policy(dtype))
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.mark.parametrize("name", GOLDEN)
def test_equals_torch7_with_its_weights_in_order(name, precision, tmp_path):
    case = Case("models", name)
    precision(case.dtype)
    case.model(tmp_path)
    torchs = graph.load_torch7(tmp_path / name / case.spec["model"])
    xs = case.arrays("input")
    cell = zoo.LSTM(xs[0].shape[1], xs[1].shape[1])
    torchs.ensure_built(xs)
    for ours, theirs in zip(cell.torch_parameters(), torchs.torch_parameters(), strict=True):
        ours.assign(theirs)
    for got, expected in zip(cell.forward(xs), case.arrays("output"), strict=True):
        np.testing.assert_allclose(got, expected, **TOLERANCE[case.dtype])
    cell.zeroGradParameters()
    gradients = cell.backward(xs, case.arrays("gradOutput"))
    for got, expected in zip(gradients, case.arrays("gradInput"), strict=True):
        np.testing.assert_allclose(got, expected, **TOLERANCE[case.dtype])


def run_over(cell, x, layers, hidden):
    """The cell's last h at every step, from no state."""
    state = [np.zeros((len(x), hidden), "float32")] * (2 * layers)
    steps = []
    for t in range(x.shape[1]):
        state = [np.asarray(a) for a in cell([x[:, t], *state])]
        steps.append(state[-1])
    return np.stack(steps, 1), state


@pytest.mark.parametrize("layers", [1, 3])
def test_equals_keras_layers_over_time(layers):
    cell = zoo.LSTM(5, 4, layers)
    for seed, weight in enumerate(cell.weights):
        weight.assign(random_of(*weight.shape, seed=seed))
    x = random_of(2, 6, 5)
    got, state = run_over(cell, x, layers, 4)
    y = x
    for layer in range(1, layers + 1):
        stock = zoo.to_keras_lstm(cell, layer)
        assert type(stock) is keras.layers.LSTM
        stock.return_state = True
        y, h, c = stock(y)
        np.testing.assert_allclose(state[2 * layer - 2], c, 1e-5, 1e-5)
        np.testing.assert_allclose(state[2 * layer - 1], h, 1e-5, 1e-5)
    np.testing.assert_allclose(got, y, 1e-5, 1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
def test_takes_the_weights_of_keras_layers(use_bias):
    cell = zoo.LSTM(5, 4, layers=2)
    first = keras.layers.LSTM(4, return_sequences=True, use_bias=use_bias)
    second = keras.layers.LSTM(4, return_sequences=True, bias_initializer="random_normal")
    x = random_of(2, 6, 5)
    expected = second(first(x))
    zoo.from_keras_lstm(cell, first)
    zoo.from_keras_lstm(cell, second.get_weights(), layer=2)
    np.testing.assert_allclose(run_over(cell, x, 2, 4)[0], expected, 1e-5, 1e-5)


@pytest.mark.parametrize(
    "module", [nn.FastLSTM(5, 4), nn.SeqLSTM(5, 4), nn.LSTM(5, 4, cell2gate=False)], ids=repr
)
def test_modules_of_nn_go_there_and_back(module):
    x = graph.Input((6, 5))
    model = graph.gModule([x], [nn.Sequencer(module)(x)])
    data = random_of(2, 6, 5)
    stock = zoo.to_keras_lstm(model)
    np.testing.assert_allclose(stock(data), model.predict(data, verbose=0), 1e-5, 1e-5)
    other = keras.layers.LSTM(4, return_sequences=True, bias_initializer="random_normal")
    expected = other(data)
    zoo.from_keras_lstm(module, other)
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, 1e-5, 1e-5)


def test_equals_pytorch():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.LSTM(5, 4, num_layers=2, batch_first=True)
    cell = zoo.LSTM(5, 4, layers=2)
    for layer in (1, 2):
        w_x, w_h, b_x, b_h = (
            getattr(theirs, f"{name}_l{layer - 1}").detach().numpy()
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        zoo.from_keras_lstm(cell, [w_x.T, w_h.T, b_x + b_h], layer)
    x = random_of(2, 6, 5)
    expected, (_, last_c) = theirs(torch.from_numpy(x))
    got, state = run_over(cell, x, 2, 4)
    np.testing.assert_allclose(got, expected.detach().numpy(), 1e-5, 1e-5)
    np.testing.assert_allclose(state[0], last_c[0].detach().numpy(), 1e-5, 1e-5)


def test_names_and_shapes():
    cell = zoo.LSTM(5, 4, layers=2, dropout=0.5)
    assert cell.input_names == ["xt", "prev_c_1", "prev_h_1", "prev_c_2", "prev_h_2"]
    assert [n.name for n in cell.outputnodes] == ["next_c_1", "next_h_1", "next_c_2", "next_h_2"]
    assert cell.get_layer("dropout_2").rate == 0.5
    assert len(cell.parameters()[0]) == 32
    assert [n.name for n in zoo.LSTM(5, 4).outputnodes] == ["next_c", "next_h"]


def test_dropout_acts_between_layers_in_training_alone():
    cell = zoo.LSTM(5, 64, layers=2, dropout=0.5)
    x = [random_of(3, 5), *[random_of(3, 64, seed=s) for s in range(4)]]
    plain, first, second = (cell(x, training=t) for t in (False, True, True))
    for i in (0, 1):  # The layer below
        np.testing.assert_allclose(first[i], plain[i], 1e-6)
    assert np.abs(np.asarray(first[3]) - second[3]).max() > 1e-3


def test_saved_and_plain_copies_give_the_same(tmp_path):
    cell = zoo.LSTM(5, 4, layers=2)
    x = [random_of(3, 5), *[random_of(3, 4, seed=s) for s in range(4)]]
    expected = cell.predict(x, verbose=0)
    cell.save(tmp_path / "cell.keras")
    cell.to_keras().save(tmp_path / "plain.keras")
    for file in ("cell.keras", "plain.keras"):
        loaded = keras.saving.load_model(tmp_path / file)
        for got, wanted in zip(loaded.predict(x, verbose=0), expected, strict=True):
            np.testing.assert_allclose(got, wanted, 1e-6)
    loaded = keras.saving.load_model(tmp_path / "cell.keras")
    a, b = zoo.to_keras_lstm(loaded, 2).get_weights(), zoo.to_keras_lstm(cell, 2).get_weights()
    assert all(map(np.array_equal, a, b))


@pytest.mark.parametrize("layers", [0, True, 1.5])
def test_refuses_a_number_of_layers(layers):
    with pytest.raises(ValueError, match="at least 1 layers"):
        zoo.LSTM(5, 4, layers)


@pytest.mark.parametrize("arguments", [(0, 4), (5, 0), (5, 4, 2, 1.0)])
def test_refuses_sizes_and_dropout(arguments):
    with pytest.raises(graph.GraphError):
        zoo.LSTM(*arguments)


def built(**options):
    layer = keras.layers.LSTM(4, **options)
    layer.build((None, None, 5))
    return layer


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (lambda: keras.layers.LSTM(4), ValueError, "no weights yet"),
        (lambda: keras.layers.GRU(4), TypeError, "expected a keras.layers.LSTM"),
        (lambda: built(activation="relu"), ValueError, "another cell"),
        (lambda: built(recurrent_activation="hard_sigmoid"), ValueError, "another cell"),
        (lambda: built(go_backwards=True), ValueError, "another cell"),
        (lambda: [np.ones((5, 12)), np.ones((3, 12)), np.ones(12)], ValueError, "do not fit LSTM"),
        (lambda: [np.ones((5, 16))], ValueError, "do not fit LSTM"),
    ],
)
def test_refuses_other_sources_and_changes_nothing(source, error, message):
    cell = zoo.LSTM(5, 4)
    before = cell.get_weights()
    with pytest.raises(error, match=message):
        zoo.from_keras_lstm(cell, source())
    assert all(map(np.array_equal, before, cell.get_weights()))


@pytest.mark.parametrize("layer", [0, 3, True])
def test_refuses_a_layer_that_is_not_there(layer):
    with pytest.raises(ValueError, match="counted from 1 to 2"):
        zoo.to_keras_lstm(zoo.LSTM(5, 4, layers=2), layer)


@pytest.mark.parametrize("source", [nn.LSTM(5, 4), nn.Linear(5, 4), 3], ids=repr)
def test_refuses_what_has_no_such_lstm(source):
    with pytest.raises(TypeError, match=r"has no LSTM whose weights fit"):
        zoo.to_keras_lstm(source)
