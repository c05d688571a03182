"""Every network of the zoo, widened and deepened: the same outputs, or the reason why not."""

import keras
import numpy as np
import pytest
from random_cnns import unsettle
from same_function import data

import graph
from graph import net2net
from zoo import SiameseNet, TripletNet, create_model
from zoo.registry import _ENTRIES

LOGITS = {"classifier_activation": None}
SMALL = {
    "alexnet": {"input_shape": (67, 67, 3), "classes": 3, **LOGITS},
    "alexnet_paper": {"input_shape": (67, 67, 3), "classes": 3, **LOGITS},
    "alexnet_torchvision": {"input_shape": (63, 63, 3), "classes": 3, **LOGITS},
    "cnn_m_2048": {"input_shape": (59, 59, 3), "classes": 3, **LOGITS},
    "darknet_reference": {"input_shape": (32, 32, 3), "classes": 3, **LOGITS},
    "lenet5": LOGITS,
    "lenet5_classic": LOGITS,
    "lenet5_modern": LOGITS,
    "lstm": {"input_size": 5, "hidden": 4},
    "lstm_language_model": {"vocabulary": 11, "hidden": 6, "rho": 4},
    "mdnet": {},
    "tiny_darknet": {"input_shape": (32, 32, 3), "classes": 3, **LOGITS},
    "tiny_darknet_selfie": {"input_shape": (32, 32, 3)},
    "two_stream": {"classes": 3},
}
# Large ones: one convolution and one fully connected layer are widened, not all.
LARGE = {
    "alexnet": ("conv4", 390, "fc7", 4100),
    "alexnet_paper": ("conv4", 390, "fc7", 4100),
    "alexnet_torchvision": ("conv5", 260, "fc7", 4100),
}
SLOW = ("cnn_m_2048", "two_stream")
LRN = {
    "alexnet_paper": ["conv1", "conv2"],
    "cnn_m_2048": ["conv1", "conv2"],
    "mdnet": ["conv1", "conv2"],
    "two_stream": ["spatial/conv1", "spatial/conv2", "temporal/conv1"],
}
LAST = {
    **dict.fromkeys(("alexnet", "alexnet_paper", "alexnet_torchvision", "cnn_m_2048"), ["fc8"]),
    **dict.fromkeys(("lenet5", "lenet5_classic", "lenet5_modern"), ["fc5"]),
    "darknet_reference": ["conv8"],
    "lstm_language_model": ["linear"],
    "mdnet": ["fc6_1"],
    "tiny_darknet": ["conv16"],
    "tiny_darknet_selfie": ["fc"],
    "two_stream": ["fc"],
}


def assert_same(model, other, x):
    assert type(other) is type(model)
    before, after = (keras.tree.flatten(m(x, training=False)) for m in (model, other))
    for a, b in zip(before, after, strict=True):
        scale = float(np.abs(a).max())
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5 * max(scale, 1e-3))


def test_every_network_is_here():
    assert {entry.name for entry in _ENTRIES} == set(SMALL)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in SMALL
        if name not in LARGE and name != "lstm"
    ],
)
def test_the_function_is_kept(name):
    model = create_model(name, **SMALL[name])
    unsettle(model, 1)
    x = data(model, 2)
    told = net2net.refusals(model)
    assert [n for n, why in told.items() if why] == [*LRN.get(name, []), *LAST[name]]
    for layer in LRN.get(name, []):
        assert "sums over neighbouring channels" in str(told[layer])
    wide = net2net.double_width(model)
    assert wide.count_params() > 1.5 * model.count_params()
    assert_same(model, wide, x)
    layer = next(n for n, why in told.items() if why is None)
    assert_same(model, net2net.deeper(wide, layer, "prelu"), x)


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_the_function_of_large_ones_is_kept(name):
    model = create_model(name, **SMALL[name])
    unsettle(model, 1)
    x = data(model, 2)
    told = net2net.refusals(model)
    assert [n for n, why in told.items() if why] == [*LRN.get(name, []), *LAST[name]]
    conv, planes, dense, units = LARGE[name]
    assert_same(model, net2net.wider(model, conv, planes), x)
    assert_same(model, net2net.wider(model, dense, units), x)
    assert_same(model, net2net.deeper(model, conv), x)


def test_an_lstm_cell_has_its_width_from_its_inputs():
    model = create_model("lstm", **SMALL["lstm"])
    told = net2net.refusals(model)
    assert len(told) == 8
    assert all("'prev_c' is an input of the model" in why for why in told.values())
    with pytest.raises(graph.GraphError, match="nothing in lstm_cell can be widened"):
        net2net.double_width(model)
    assert_same(model, net2net.deeper(model, "in_gate_x"), data(model, 2))


def test_twins_stay_twins():
    trunk = create_model("lenet5", include_top=False, pooling="avg")
    for build in (SiameseNet, TripletNet):
        model = build(trunk)
        names = [n for n, why in net2net.refusals(model).items() if why is None]
        assert names
        x = data(model, 2)
        assert_same(model, net2net.wider(model, names[0], 9), x)
