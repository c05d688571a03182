"""Dropout: how much it drops, when, and that backward uses the mask of the forward."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

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


@pytest.mark.parametrize("lazy", [False, True])
def test_version_1_scales_in_inference(run, lazy):
    module = nn.Dropout(0.2, True, lazy=lazy)
    ran = run(module, 3 * ONES, ONES)
    np.testing.assert_allclose(ran.output, 2.4 * ONES, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, 0.8 * ONES, rtol=1e-6)
    output = ran.model.training().forward(ONES)
    np.testing.assert_allclose(np.unique(output), [0, 1], atol=1e-6)
    assert abs((output == 0).mean() - 0.2) < 0.02
    np.testing.assert_allclose(ran.model.backward(ONES, 5 * ONES), 5 * output, rtol=1e-6)


@pytest.mark.parametrize(("v1", "kept"), [(False, 1.25), (True, 1)])
def test_stochastic_inference(run, v1, kept):
    module = nn.Dropout(0.2, v1, False, True)
    ran = run(module, ONES, 2 * ONES)
    np.testing.assert_allclose(np.unique(ran.output), [0, kept], rtol=1e-6)
    assert abs((ran.output == 0).mean() - 0.2) < 0.02
    # Torch masks gradients in training only.
    np.testing.assert_allclose(ran.gradInput, ONES * (1.6 if v1 else 2), rtol=1e-6)
    output = ran.model.training().forward(ONES)
    assert (output != ran.output).any()
    np.testing.assert_allclose(ran.model.backward(ONES, 2 * ONES), 2 * output, rtol=1e-6)
    plain = np.asarray(ran.model.to_keras()(ONES))
    np.testing.assert_allclose(np.unique(plain), [0, kept], rtol=1e-6)


def test_lazy_places_of_one_model_drop_the_same():
    x = graph.Input((200,))
    module = nn.Dropout(0.4, lazy=True)
    model = graph.gModule([x], [module(x), module(nn.MulConstant(2)(x))])
    a, b = model.forward(ONES)
    np.testing.assert_allclose(b, 2 * a)
    assert 0.3 < (a == 0).mean() < 0.5
    assert (model.forward(ONES)[0] != a).any()
    busy = nn.Dropout(0.4)
    x = graph.Input((200,))
    a, b = graph.gModule([x], [busy(x), busy(nn.MulConstant(2)(x))]).forward(ONES)
    assert (b != 2 * a).any()


def test_mono_drops_the_same_of_every_sample(run):
    output = run(nn.Dropout(0.4, mono=True), ONES, training=True).output
    assert (output == output[:1]).all() and 0 < (output == 0).mean() < 1


@pytest.mark.parametrize(
    ("kind", "shape"),
    [(nn.SpatialDropout, (20, 3, 4, 50)), (nn.VolumetricDropout, (20, 2, 3, 4, 50))],
)
@pytest.mark.parametrize("stochastic", [False, True])
def test_whole_planes(run, kind, shape, stochastic):
    x = np.ones(shape, "float32")
    ran = run(kind(0.3, stochastic), x, training=True)
    planes = ran.output.reshape(20, -1, 50)
    assert (planes == planes[:, :1]).all()
    np.testing.assert_allclose(np.unique(planes), [0, 1], atol=1e-6)
    assert abs((planes == 0).mean() - 0.3) < 0.05
    np.testing.assert_allclose(ran.model.backward(x, 2 * x), 2 * ran.output)
    output = ran.model.evaluate().forward(x)
    if stochastic:
        np.testing.assert_allclose(np.unique(output), [0, 1], atol=1e-6)
    else:
        np.testing.assert_allclose(output, 0.7 * x, rtol=1e-6)


def test_a_new_probability_is_taken_over_at_rebuild(run):
    module = nn.Dropout(0.9)
    ran = run(module, ONES, training=True)
    module.setp(0.1)
    ran.model.rebuild()
    assert abs((ran.model.forward(ONES) == 0).mean() - 0.1) < 0.02
    with pytest.raises(graph.GraphError, match="nn.SpatialDropout: p must be a number of at least"):
        nn.SpatialDropout().setp(1)


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"p": 0.3}, "nn.Dropout(0.3, True)"),  # From before version 2.
        ({"p": 0.3, "v2": False, "inplace": True}, "nn.Dropout(0.3, True, True)"),
        ({"p": 0.3, "v2": True, "stochastic_inference": True}, "stochasticInference=True"),
        ({"p": 0.3, "v2": True, "lazy": True, "mono": True}, "lazy=True, mono=True"),
    ],
)
def test_files(fields, shown):
    assert shown in repr(to_module(TorchObject("nn.Dropout", fields)))
    fields = {"p": 0.3, "stochastic_inference": True}
    shown = "nn.VolumetricDropout(0.3, True)"
    assert repr(to_module(TorchObject("nn.VolumetricDropout", fields))) == shown


def test_maps_are_maps(refused):
    assert "takes images" in refused(nn.SpatialDropout(), (3, 4))
    assert "takes volumes" in refused(nn.VolumetricDropout(), (3, 4, 5))
