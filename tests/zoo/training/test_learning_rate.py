"""That stock Keras decays a learning rate as Torch's optim.sgd does, as docs/training.md says."""

import keras
import numpy as np
import pytest
from keras.optimizers.schedules import InverseTimeDecay


def optim_sgd(w, gradient, steps, lr, decay, momentum):
    """optim.sgd of Torch with dampening 0: lr / (1 + evalCounter * learningRateDecay)."""
    velocity, path = np.zeros_like(w), []
    for counter in range(steps):
        rate = lr / (1 + counter * decay)
        velocity = momentum * velocity + gradient(w)
        w = w - rate * velocity
        path.append(w)
    return path


@pytest.mark.parametrize(("momentum", "decay"), [(0.0, 1e-4), (0.0, 0.3), (0.9, 0.0)])
def test_inverse_time_decay_is_optim_sgds(momentum, decay):
    slope = np.array([1.0, 3.0, 0.5], "float32")
    w = keras.Variable(np.array([1.0, -2.0, 4.0], "float32"))
    expected = optim_sgd(np.asarray(w, "float64"), lambda w: slope * w, 30, 0.1, decay, momentum)
    optimizer = keras.optimizers.SGD(InverseTimeDecay(0.1, 1, decay), momentum=momentum)
    optimizer.build([w])
    for step in range(30):
        optimizer.apply([keras.ops.convert_to_tensor(slope * np.asarray(w))])
        np.testing.assert_allclose(w, expected[step], rtol=2e-5, atol=1e-6)
