"""WhiteNoise: how much, when, and that gradients pass."""

import numpy as np
import pytest

import graph
from graph import nn

ZEROS = np.zeros((80, 200), "float32")


@pytest.mark.parametrize(("mean", "std"), [(0, 0.1), (0.5, 1), (-3, 5), (2, 0)])
def test_noise_in_training(run, mean, std):
    ran = run(nn.WhiteNoise(mean, std), ZEROS, ZEROS + 3, training=True)
    assert abs(ran.output.mean() - mean) <= 0.03 * std
    assert abs(ran.output.std() - std) <= 0.03 * std
    np.testing.assert_array_equal(ran.gradInput, ZEROS + 3)
    assert std == 0 or (ran.model.forward(ZEROS) != ran.output).all()


@pytest.mark.parametrize(("mean", "std"), [(0, 0.1), (-3, 5)])
def test_only_the_mean_in_inference(run, mean, std):
    x = np.linspace(-0.3, 7, 33, dtype="float32")[None]
    np.testing.assert_array_equal(run(nn.WhiteNoise(mean, std), x).output, x + np.float32(mean))


def test_mistakes():
    with pytest.raises(graph.GraphError, match="nn.WhiteNoise: std must be a number of at least 0"):
        nn.WhiteNoise(0, -1)
    with pytest.raises(graph.GraphError, match="nn.WhiteNoise: mean must be a number"):
        nn.WhiteNoise("0")
