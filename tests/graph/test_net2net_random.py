"""Random graphs keep their functions when they are widened and deepened."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from random_cnns import random_cnn
from random_graphs import WIDTH, build, specs

import graph
from graph import Input, gModule, net2net, nn


def outputs(model, x):
    return [np.asarray(y) for y in keras.tree.flatten(model(x, training=False))]


def assert_same(model, other, x):
    assert type(other) is type(model)
    for a, b in zip(outputs(model, x), outputs(other, x), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5 * max(1, np.abs(a).max()))


def widened(model, layer, more):
    """Wider by `more`, or by as much as the message asks for."""
    target = model.get_layer(layer.split("/")[0].split(":")[0])
    for part in layer.split("/")[1:]:
        target = target.get_layer(part.split(":")[0])
    width = getattr(target, "units", None) or target.filters
    try:
        return net2net.wider(model, layer, width + more, seed=more)
    except graph.GraphError as error:
        text = str(error)
        assert "groups of channels" in text or "equally many copies" in text
        if "joins" in text:
            return model
    try:
        return net2net.wider(model, layer, 2 * width, seed=more)
    except graph.GraphError as error:
        assert "equally many copies" in str(error)  # as what it is normalised with has not
        return model


def check_cnn(seed):
    model = random_cnn(seed)
    x = np.random.default_rng(seed).normal(size=(3, 6, 5, 3)).astype("float32")
    told = net2net.refusals(model)
    names = [name for name, why in told.items() if why is None]
    for name, why in told.items():
        # What is as wide as a join is widened with the pieces; all else can be widened.
        assert why is None or name == "scores" or "several pieces" in why
    assert_same(model, net2net.double_width(model, seed=seed), x)
    layer = names[seed % len(names)]
    wide = widened(model, layer, 1 + seed % 3)
    assert_same(model, wide, x)
    kind = ["prelu", "linear"][seed % 2]
    if not layer.startswith("gru"):
        assert_same(model, net2net.deeper(wide, layer.split(":")[0], kind), x)


def embedded(spec):
    """A random graph as a nested model, between layers that let its widths be free."""
    inner, _ = build(spec)
    sources = [Input((3,), name=f"in{i}") for i in range(spec["inputs"])]
    node = inner([x - nn.Linear(3, WIDTH) for x in sources])
    parts = node.split(len(spec["outputs"])) if len(spec["outputs"]) > 1 else [node]
    return gModule(sources, [part - nn.Linear(WIDTH, 2) for part in parts])


def check_graph(spec):
    model = embedded(spec)
    random = np.random.default_rng(len(spec["steps"]))
    x = [random.normal(size=(3, 3)).astype("float32") for _ in range(spec["inputs"])]
    x = x if len(x) > 1 else x[0]
    free = [name for name, why in net2net.refusals(model).items() if why is None]
    assert free
    assert_same(model, net2net.double_width(model), x)
    layer = free[len(spec["steps"]) % len(free)]
    assert_same(model, widened(model, layer, 3), x)
    try:
        assert_same(model, net2net.deeper(model, layer, "prelu"), x)
    except graph.GraphError as error:
        assert "stands in nn." in str(error)


@pytest.mark.parametrize("seed", range(12))
def test_random_cnns(seed):
    check_cnn(seed)


@settings(max_examples=12, deadline=None)
@given(specs(12))
def test_random_gmodules(spec):
    check_graph(spec)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_random_cnns(part):
    for seed in range(100 + 40 * part, 140 + 40 * part):
        check_cnn(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_random_gmodules(part):
    @settings(max_examples=40, deadline=None)
    @given(specs(20))
    def check(spec):
        check_graph(spec)

    check()
