"""The recurrent modules: saving, stock forms, weights to and from Keras, errors."""

import keras
import numpy as np
import pytest

from graph import GraphError, Input, gModule, nn
from graph.nn.torch_fields import UnsupportedTorch
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.linspace(-1, 1, 24, dtype="float32").reshape(2, 4, 3)
MAKE = {
    "FastLSTM": lambda: nn.FastLSTM(3, 5),
    "LSTM": lambda: nn.LSTM(3, 5),
    "GRU": lambda: nn.GRU(3, 5),
    "SeqLSTM": lambda: nn.SeqLSTM(3, 5),
    "SeqGRU": lambda: nn.SeqGRU(3, 5),
    "Sequencer": lambda: nn.Sequencer(nn.Sequential(nn.Recursor(nn.Linear(3, 4)), nn.GRU(4, 5))),
    "BiSequencer": lambda: nn.BiSequencer(nn.FastLSTM(3, 5), nn.FastLSTM(3, 5)),
    "Recurrent": lambda: nn.Recurrent(nn.Add(5), nn.Linear(3, 5), nn.Linear(5, 5), nn.Tanh()),
    "Recurrence": lambda: nn.Recurrence(
        nn.Sequential(nn.ParallelTable(nn.Linear(3, 5), nn.Linear(5, 5)), nn.CAddTable()), 5
    ),
}


def model_of(module):
    x = Input((4, 3))
    return gModule([x], [module(x)])


@pytest.mark.parametrize("name", MAKE)
def test_saved_and_stock(name, tmp_path):
    model = model_of(MAKE[name]())
    y = model.predict(X, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), y, rtol=1e-5, atol=1e-6)
    model.to_keras().save(tmp_path / "k.keras")
    stock = keras.saving.load_model(tmp_path / "k.keras")
    np.testing.assert_allclose(stock.predict(X, verbose=0), y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "module",
    [nn.FastLSTM(3, 5), nn.LSTM(3, 5, cell2gate=False), nn.SeqLSTM(3, 5), nn.GRU(3, 5)]
    + [nn.SeqGRU(3, 5)],
    ids=lambda m: m.torch_name,
)
def test_weights_to_and_from_keras(module):
    kind = keras.layers.LSTM if "LSTM" in module.torch_name else keras.layers.GRU
    extra = {} if kind is keras.layers.LSTM else {"reset_after": False}
    layer = kind(5, return_sequences=True, bias_initializer="random_normal", **extra)
    expected = layer(X)
    module.from_stock(layer.get_weights())
    np.testing.assert_allclose(
        model_of(module).predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6
    )
    for a, b in zip(module.to_stock(), layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_peepholes_have_no_stock_layer():
    with pytest.raises(GraphError, match="no layer of nn.LSTM"):
        nn.LSTM(3, 5).to_stock()


@pytest.mark.parametrize("name", MAKE)
def test_number_of_steps_left_open(name, tmp_path):
    module = MAKE[name]()
    x = Input((None, 3))
    model = gModule([x], [module(x)])
    known = model_of(module)
    np.testing.assert_allclose(model(X), known(X), rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    for steps in (1, 3):
        expected = known(np.pad(X[:, :steps], ((0, 0), (0, 4 - steps), (0, 0))))[:, :steps]
        if name != "BiSequencer":
            np.testing.assert_allclose(model(X[:, :steps]), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(again(X[:, :steps]), model(X[:, :steps]), rtol=1e-5, atol=1e-6)
    if name in ("GRU", "LSTM", "SeqLSTM", "SeqGRU", "Recurrent", "Recurrence"):
        with pytest.raises(GraphError, match="number of steps"):
            model.to_keras()


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"maskzero": True}, "masks zeros"),
        ({"p": 0.5}, "drops out"),
        ({"_remember": "both"}, "remember"),
        ({"modules": [TorchObject("nn.MaskZero", {"modules": []})]}, "nn.MaskZero in its step"),
        ({"modules": []}, "holds 0 parameters"),
    ],
)
def test_what_is_not_done_is_refused(extra, message):
    with pytest.raises(UnsupportedTorch, match=message):
        to_module(TorchObject("nn.FastLSTM", {"inputSize": 3, "outputSize": 5, **extra}))


def test_a_state_inside_another_container_is_refused():
    x = Input((4, 3))
    step = nn.ConcatTable(nn.GRU(3, 5), nn.Linear(3, 5))
    with pytest.raises(GraphError, match="a module with state stands in it"):
        gModule([x], [nn.Sequencer(step)(x)])


def test_weights_of_another_size_are_refused_before_any_is_written():
    module = nn.GRU(3, 5)
    before = module.values()
    layer = keras.layers.GRU(5, reset_after=False)
    layer.build((None, 4, 7))
    with pytest.raises(GraphError, match="takes a weight of shape"):
        module.from_stock(layer.get_weights())
    for a, b in zip(before, module.values(), strict=True):
        np.testing.assert_array_equal(a, b)
