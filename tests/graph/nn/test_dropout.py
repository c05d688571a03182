"""Dropout: how much it drops, when, and that backward uses the mask of the forward."""

import numpy as np
import pytest

import graph
from graph import nn

ONES = np.ones((50, 200), "float32")


def test_training_drops_the_share_p_and_scales_the_rest(run):
    output = run(nn.Dropout(0.2), ONES, training=True).output
    assert set(np.unique(output)) == {0, np.float32(1.25)}
    assert abs((output == 0).mean() - 0.2) < 0.02


def test_backward_uses_the_mask_of_the_forward(run):
    g = np.arange(1, ONES.size + 1, dtype="float32").reshape(ONES.shape)
    ran = run(nn.Dropout(0.7), ONES, g, training=True)
    np.testing.assert_allclose(ran.gradInput, ran.output * g, rtol=1e-6)
    again = ran.model.forward(ONES)
    assert (again != ran.output).any()
    np.testing.assert_allclose(ran.model.backward(ONES, g), again * g, rtol=1e-6)


def test_inference_passes_all(run):
    ran = run(nn.Dropout(0.9), ONES, 3 * ONES)
    np.testing.assert_array_equal(ran.output, ONES)
    np.testing.assert_array_equal(ran.gradInput, 3 * ONES)
    np.testing.assert_array_equal(ran.model.predict(ONES, verbose=0), ONES)
    assert (ran.model.training().forward(ONES) == 0).any()


@pytest.mark.parametrize("case", ["Dropout_eval", "Dropout_inplace_eval"])
def test_torch7s_own_numbers(like_torch, case):
    like_torch(case, nn.Dropout(0.4))


@pytest.mark.parametrize("p", [1, -0.1, "0.5", 1.5])
def test_p_is_a_probability_below_one(p):
    with pytest.raises(graph.GraphError, match=r"nn.Dropout: p must be a number of at least 0"):
        nn.Dropout(p)
