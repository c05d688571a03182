"""`from_darknet` against the outputs of Darknet itself, layer by layer."""

import keras
import numpy as np
import pytest
from darknet_cases import TOLERANCE, Case, assert_close, darknet_order, oracle, section_outputs
from darknet_naive import cfg_text, forward, networks, random_weights, write_weights
from hypothesis import HealthCheck, given, settings

from zoo import from_darknet

CASES = [
    "activations",
    "darknet_reference_quarter",
    "layers",
    "lenet_28",
    "sections",
    "slim_alex_grouped",
    "slim_mix",
]


def loaded(case):
    return from_darknet(case.cfg, case.weights)


@pytest.mark.parametrize("name", CASES)
def test_every_layer_is_darknets(name):
    case = Case(name)
    outputs = section_outputs(loaded(case), case.input)
    assert len(case.layers) >= 6
    for index in case.layers:
        what = f"layer {index} of {name}"
        assert_close(case.kept(index, outputs[index]), case.expected(index), what)


def test_the_old_header():
    case = Case("layers")
    new = loaded(case)
    old = from_darknet(case.cfg, oracle() / "old_header" / "layers_old_header.weights")
    for a, b in zip(new.get_weights(), old.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["slim_mix", "sections", "activations"])
def test_saved_and_plain_copies_are_equal(name, tmp_path):
    case = Case(name)
    model = loaded(case)
    expected = case.expected(case.layers[-1])
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    plain = again.to_keras()
    assert type(plain) is not type(model)
    ours = [type(layer).__name__ for layer in plain.layers if "nngraph" in str(type(layer))]
    assert not ours, ours
    for other in (again, plain):
        y = darknet_order(other.predict(case.input, verbose=0))
        assert_close(y.reshape(expected.shape), expected, name)


def test_a_saved_model_takes_other_weights_in_the_order_of_the_file(tmp_path):
    from zoo.weights import load_weights

    case = Case("slim_mix")
    model = from_darknet(case.cfg)
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    load_weights(again, case.weights)
    y = again.predict(case.input, verbose=0)
    assert_close(y, case.expected(14), "slim_mix")


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(networks())
def test_random_networks_are_those_of_plain_loops(tmp_path_factory, network):
    folder = tmp_path_factory.mktemp("network")
    (folder / "net.cfg").write_text(cfg_text(network))
    every = random_weights(network, seed=3)
    write_weights(folder / "net.weights", every, version=(0, 1, 0))
    net = network[0][1]
    size = (2, net["channels"], net["height"], net["width"])
    x = np.random.default_rng(1).uniform(0, 1, size).astype("float32")
    with np.errstate(invalid="ignore"):  # l2norm of a pixel that is 0 everywhere.
        expected = forward(network, every, x)
    model = from_darknet(folder / "net.cfg", folder / "net.weights")
    outputs = section_outputs(model, np.moveaxis(x, 1, -1))
    for index, y in enumerate(expected):
        if not np.isfinite(y).all() or np.abs(y).max() > 1e6:
            break
        assert_close(outputs[index], y, f"section {index}")


def test_weights_lie_in_the_order_of_the_file_not_of_running(tmp_path):
    one = ("convolutional", {"filters": 2, "size": 3, "pad": 1, "activation": "linear"})
    network = [
        ("net", {"height": 3, "width": 4, "channels": 2}),
        one,
        one,
        ("route", {"layers": "0"}),
        one,
        ("route", {"layers": "3,1"}),  # So that layer 3 runs before layer 1.
    ]
    (tmp_path / "net.cfg").write_text(cfg_text(network))
    every = random_weights(network, seed=5)
    write_weights(tmp_path / "net.weights", every)
    model = from_darknet(tmp_path / "net.cfg", tmp_path / "net.weights")
    names = [node.name for node in model.forwardnodes]
    assert names.index("conv3") < names.index("conv2")
    x = np.random.default_rng(1).normal(size=(2, 2, 3, 4)).astype("float32")
    (*_, expected) = forward(network, every, x)
    y = darknet_order(model.predict(np.moveaxis(x, 1, -1), verbose=0))
    assert_close(y, expected, "route")


def test_the_loops_are_darknets():
    """What the random networks are compared with, compared with Darknet."""
    case = Case("lenet_28")
    names = ("biases", "weights")
    numbers = iter(np.split(np.fromfile(case.weights, "<f4", offset=20), _LENET_ENDS))
    every = [{n: next(numbers).reshape(s[n]) for n in names if s} for s in _LENET]
    outputs = forward(_LENET_SECTIONS, every, case.arrays["input"])
    for index in case.layers:
        assert_close(case.kept(index, outputs[index]), case.expected(index), f"layer {index}")


_LENET = [
    {"biases": (6,), "weights": (6, 1, 5, 5)},
    {},
    {"biases": (16,), "weights": (16, 6, 5, 5)},
    {},
    {"biases": (120,), "weights": (120, 400)},
    {"biases": (84,), "weights": (84, 120)},
    {"biases": (10,), "weights": (10, 84)},
    {},
]
_LENET_ENDS = np.cumsum([int(np.prod(s)) for shapes in _LENET for s in shapes.values()])[:-1]
_POOL = ("maxpool", {"size": 2, "stride": 2, "padding": 0})
_LENET_SECTIONS = [
    ("net", {"channels": 1, "height": 28, "width": 28}),
    ("convolutional", {"filters": 6, "size": 5, "pad": 1, "activation": "tanh"}),
    _POOL,
    ("convolutional", {"filters": 16, "size": 5, "activation": "tanh"}),
    _POOL,
    ("connected", {"output": 120, "activation": "tanh"}),
    ("connected", {"output": 84, "activation": "tanh"}),
    ("connected", {"output": 10, "activation": "linear"}),
    ("softmax", {}),
]


def test_another_size_of_input():
    case = Case("darknet_reference_quarter")
    model = from_darknet(case.cfg, case.weights, input_shape=(64, 96, 3), name="small")
    assert model.name == "small" and model.input_shape == (None, 64, 96, 3)
    assert model.output_shape == (None, 250)


def test_epsilon_inside_the_root_is_that_of_the_gpu():
    case = Case("slim_mix")
    outside = from_darknet(case.cfg, case.weights)
    inside = from_darknet(case.cfg, case.weights, batch_norm_epsilon="inside")
    a, b = (section_outputs(m, case.input)[0] for m in (outside, inside))
    before = outside.get_layer("conv1").output
    x = darknet_order(keras.Model(outside.inputs, before).predict(case.input, verbose=0))
    scale, bias, mean, variance = (
        w.reshape(-1, 1, 1) for w in outside.get_layer("bn1").get_weights()
    )
    y = (x - mean) / np.sqrt(variance + 1e-5) * scale + bias
    np.testing.assert_allclose(b, np.where(y > 0, y, 0.1 * y), rtol=1e-4, atol=1e-4)
    assert np.abs(a - b).max() > 100 * TOLERANCE  # The rule shows.
    plain = inside.to_keras()
    np.testing.assert_allclose(
        plain.predict(case.input, verbose=0),
        inside.predict(case.input, verbose=0),
        rtol=1e-4,
        atol=1e-6,
    )


def test_groups_of_routes(tmp_path):
    (tmp_path / "net.cfg").write_text(
        "[net]\nheight=3\nwidth=2\nchannels=6\n[dropout]\n[route]\nlayers=0\ngroups=3\ngroup_id=2\n"
    )
    model = from_darknet(tmp_path / "net.cfg")
    x = np.arange(36, dtype="float32").reshape(1, 3, 2, 6)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x[..., 4:])
