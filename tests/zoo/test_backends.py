"""A network is built, runs, learns and is saved on whichever backend Keras has been given."""

import keras
import numpy as np
import pytest

import losses
from graph import Input, gModule, nn
from zoo import LSTM, LeNet5


def test_lenet5_learns_and_is_saved(tmp_path):
    rng = np.random.default_rng(0)
    model = LeNet5()
    y = np.arange(12) % 3
    x = rng.normal(size=(3, *model.input_shape[1:]))[y] + 0.1 * rng.normal(
        size=(12, *model.input_shape[1:])
    )
    x = x.astype("float32")
    before = model.predict(x, verbose=0)
    assert before.shape == (12, 10) and np.isfinite(before).all()
    model.compile(keras.optimizers.Adam(0.01), losses.TripletHardLoss())
    history = model.fit(x, y, batch_size=12, epochs=5, verbose=0, shuffle=False).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "lenet5.keras")
    again = keras.saving.load_model(tmp_path / "lenet5.keras")
    np.testing.assert_allclose(
        again.predict(x, verbose=0), model.predict(x, verbose=0), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("steps", [6, None])
@pytest.mark.parametrize("kind", ["cell", "FastLSTM", "LSTM", "SeqLSTM", "GRU", "Recurrent"])
def test_modules_over_time_learn_and_are_saved(kind, steps, tmp_path):
    step = {
        "cell": lambda: nn.Recurrence(LSTM(4, 5), [5, 5]),
        "Recurrent": lambda: nn.Recurrent(
            nn.Add(5), nn.Linear(4, 5), nn.Linear(5, 5), nn.Sigmoid()
        ),
    }
    module = step[kind]() if kind in step else getattr(nn, kind)(4, 5)
    x = Input((steps, 4))
    y = nn.Sequencer(module)(x)
    model = gModule([x], [nn.SelectTable(2)(y) if kind == "cell" else y])
    data = np.random.default_rng(0).normal(size=(3, 6, 4)).astype("float32")
    shorter = model.predict(data[:, :4], verbose=0) if steps is None else None
    whole = model.predict(data, verbose=0)
    if shorter is not None:  # No step sees a later one.
        np.testing.assert_allclose(whole[:, :4], shorter, rtol=1e-5, atol=1e-6)
    if steps is not None:
        plain = model.to_keras().predict(data, verbose=0)
        np.testing.assert_allclose(plain, whole, rtol=1e-5, atol=1e-6)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    target = np.full(whole.shape, 0.3, "float32")
    history = model.fit(data, target, epochs=5, verbose=0, shuffle=False).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        again.predict(data, verbose=0), model.predict(data, verbose=0), rtol=1e-5, atol=1e-6
    )
