"""A network is built, runs, learns and is saved on whichever backend Keras has been given."""

import keras
import numpy as np

import losses
from zoo import LeNet5


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
