"""What cannot be widened is refused, and the message says why."""

import re

import keras
import numpy as np
import pytest

import graph
from graph import Input, gModule, net2net, nn

L = keras.layers


def functional(shape, *layers):
    x = y = keras.Input(shape, name="x")
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y, name="net")


def refused(model, layer, width, message):
    with pytest.raises(graph.GraphError, match=message):
        net2net.wider(model, layer, width)


def dense_net():
    return functional((3,), L.Dense(4, name="hidden"), L.ReLU(name="act"), L.Dense(2, name="out"))


def test_a_layer_that_is_not_there():
    with pytest.raises(ValueError, match="no layer matches 'hiden' in model 'net'.*hidden"):
        net2net.wider(dense_net(), "hiden", 5)


def test_a_name_that_several_layers_match():
    refused(dense_net(), "*", 5, r"'\*' names several layers of net: hidden, act, out")


@pytest.mark.parametrize("width", [4, 3, 0, 4.5, "6", True, None])
def test_a_width_that_is_none(width):
    refused(dense_net(), "hidden", width, "'hidden' is 4 wide: width must be more, got")


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf"), "a", True])
def test_a_noise_that_is_none(noise):
    for call in (
        lambda: net2net.wider(dense_net(), "hidden", 5, noise=noise),
        lambda: net2net.double_width(dense_net(), noise=noise),
    ):
        with pytest.raises(graph.GraphError, match="noise must be a number from 0 up, got"):
            call()


def test_a_layer_without_a_width_of_its_own():
    refused(dense_net(), "act", 5, r"'act' \(ReLU\) of net has no width of its own\n.*hidden, out")
    depth = functional((4, 4, 2), L.Conv2D(3, 2, name="c"), L.DepthwiseConv2D(2, name="d"))
    refused(depth, "d", 5, r"'d' \(DepthwiseConv2D\) of net has no width of its own\n.*: c")


def test_a_model_in_the_place_of_a_layer():
    model = keras.Sequential([keras.Input((3,)), dense_net(), L.Dense(2)])
    refused(model, "net", 5, "'net' is a model\n  fix: name a layer of it, e.g. 'net/out'")


def test_a_model_without_a_graph():
    with pytest.raises(ValueError, match="has not been built"):
        net2net.wider(keras.Sequential([L.Dense(3, name="a")]), "a", 5)
    with pytest.raises(TypeError, match=r"expected a keras\.Model"):
        net2net.wider(L.Dense(3), "a", 5)


@pytest.mark.parametrize(
    ("after", "message"),
    [
        (L.Softmax(name="s"), r"'s' \(Softmax\) normalises over them"),
        (L.UnitNormalization(name="s"), r"'s' \(UnitNormalization\) is no layer that graph"),
        (L.Activation("softmax", name="s"), "'s'.*has the activation softmax, which may mix"),
        (L.Activation(lambda x: x[::-1], name="s"), "'s'.*has the activation <lambda>, which may"),
        (L.Lambda(lambda x: 2 * x, name="s"), r"'s' \(Lambda\) is no layer that graph.net2net"),
        (L.Rescaling([1.0, 2.0, 3.0, 4.0], name="s"), "'s'.*has a scale for each channel"),
        (L.Reshape((2, 2), name="s"), r"'s' \(Reshape\) cuts or mixes them"),
        (L.Embedding(3, 2, name="s"), r"'s' \(Embedding\) looks them up"),
        (L.EinsumDense("ab,bc->ac", 4, name="s"), r"'s' \(EinsumDense\) is no layer"),
    ],
)
def test_what_stands_against_it_is_named(after, message):
    model = functional((3,), L.Dense(4, name="a"), after, L.Flatten(), L.Dense(2))
    refused(model, "a", 6, "'a' .* of net cannot be widened: " + message)
    assert re.search(message, net2net.refusals(model)["a"])


def test_its_own_activation():
    model = functional((3,), L.Dense(4, "softmax", name="a"), L.Dense(2))
    refused(model, "a", 6, r"'a' \(Dense\) has the activation softmax, which may mix channels")


def test_inputs_and_outputs_keep_their_widths():
    x = keras.Input((4,), name="x")
    a = L.Dense(4, name="a")(x)
    model = keras.Model(x, L.Dense(2, name="out")(L.Add()([a, x])))
    refused(model, "a", 5, "cannot be widened: 'x' is an input of the model")
    refused(model, "out", 5, "cannot be widened: 'out' is an output of the model")
    with pytest.raises(graph.GraphError, match="nothing in .* can be widened\n.*'x' is an input"):
        net2net.double_width(model)


def test_a_number_of_copies_that_a_normalisation_cannot_take():
    model = functional((3,), L.Dense(4, name="a"), L.LayerNormalization(name="n"), L.Dense(2))
    refused(model, "a", 6, r"'a' cannot be widened to 6: 'n' \(Layer.*\n  fix: a multiple of 4")
    net2net.wider(model, "a", 8)
    x = keras.Input((3,), name="x")
    pieces = [L.Dense(n, name=f"p{n}")(x) for n in (2, 3)]
    joined = L.LayerNormalization(name="n")(L.Concatenate()(pieces))
    model = keras.Model(x, L.Dense(2)(joined))
    refused(model, "p2", 4, "graph.net2net.double_width")
    data = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    wide = net2net.double_width(model)
    assert wide.get_layer("p3").units == 6
    np.testing.assert_allclose(wide(data), model(data), atol=1e-5)


def test_a_normalisation_over_an_input_too():
    x = keras.Input((3,), name="x")
    joined = L.Concatenate()([x, L.Dense(4, name="a")(x)])
    model = keras.Model(x, L.Dense(2)(L.LayerNormalization(name="n")(joined)))
    with pytest.raises(graph.GraphError, match="'a' .*'n'.*with others that cannot"):
        net2net.double_width(model)


def test_groups_must_divide_the_width():
    model = functional((4, 4, 4), L.Conv2D(6, 2, groups=2, name="a"), L.Conv2D(2, 1))
    refused(model, "a", 9, "goes in 2 equal groups of channels: width must be a multiple of 2")


def test_neighbouring_channels():
    x = Input((6, 6, 2), name="x")
    conv = (x - nn.SpatialConvolution(2, 4, 3, 3)).annotate(name="conv")
    norm = (conv - nn.SpatialCrossMapLRN(3)).annotate(name="norm")
    model = gModule([x], [norm - nn.SpatialConvolution(4, 2, 1, 1)])
    refused(model, "conv", 8, r"'norm' \(nn.SpatialCrossMapLRN\) sums over neighbouring channels")


def test_modules_whose_weights_are_not_known():
    x = nn.Linear(3, 4)().annotate(name="a")
    scaled = (x - nn.CMul(4)).annotate(name="scale")
    model = gModule([x], [scaled - nn.Linear(4, 2)])
    refused(model, "a", 8, r"'scale' \(nn.CMul\) has weights that graph.net2net does not widen")
    x = nn.Linear(3, 4)().annotate(name="a")
    picked = (x - nn.Narrow(1, 1, 2)).annotate(name="part")
    refused(gModule([x], [picked - nn.Linear(2, 2)]), "a", 8, "'part")


@pytest.mark.parametrize("module", [nn.Normalize(2), nn.SoftMin(), nn.SoftMax(), nn.LogSoftMax()])
def test_torch_modules_whose_values_depend_on_each_other(module):
    x = nn.Linear(3, 4)().annotate(name="a")
    mixed = (x - module).annotate(name="mixed")
    refused(gModule([x], [mixed - nn.Linear(4, 2)]), "a", 8, "'mixed'")


@pytest.mark.parametrize(
    "module",
    [
        *(nn.Abs(), nn.Exp(), nn.Square(), nn.Power(3), nn.SoftPlus(), nn.Mul(), nn.HardTanh()),
        *(nn.AddConstant(2), nn.MulConstant(2), nn.Threshold(0.1, 0.2), nn.LeakyReLU(-0.3)),
        *(nn.Clamp(-1, 1), nn.HardShrink(), nn.SoftShrink(), nn.Dropout(), nn.RReLU(), nn.Copy()),
        *(nn.ReLU6(), nn.SoftSign(), nn.LogSigmoid(), nn.TanhShrink(), nn.Sigmoid()),
    ],
    ids=repr,
)
def test_torch_modules_that_treat_every_value_alike(module):
    x = nn.Linear(3, 4)().annotate(name="a")
    model = gModule([x], [x - module - nn.Linear(4, 2)])
    data = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")
    wide = net2net.wider(model, "a", 7)
    np.testing.assert_allclose(
        wide(data, training=False), model(data, training=False), rtol=1e-5, atol=1e-5
    )


def test_a_weight_that_gives_and_takes_the_same_channels():
    x = nn.Linear(4, 4)().annotate(name="a")
    second = nn.Linear(4, 4)
    model = gModule([x], [x - nn.Tanh() - second - nn.Tanh() - second - nn.Linear(4, 2)])
    data = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    wide = net2net.wider(model, "a", 7)
    np.testing.assert_allclose(wide(data), model(data), atol=1e-5)
    assert second.outputSize == 4


def test_a_class_without_a_config():
    class Odd(L.Layer):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self.size = size

        def call(self, x):
            return x

    model = functional((3,), Odd(object(), name="odd"), L.Dense(4, name="a"), L.Dense(2))
    with pytest.raises(
        graph.GraphError, match=r"'odd' \(Odd\) cannot be made anew.*\n.*get_config"
    ):
        net2net.wider(model, "a", 6)


def test_lora_is_refused():
    model = functional((3,), L.Dense(4, name="a"), L.Dense(2))
    model.get_layer("a").enable_lora(2)
    refused(model, "a", 6, r"'a' \(Dense\) is quantised or has LoRA weights")


def test_layers_of_ones_own():
    class Scaled(L.Dense):
        def call(self, x):
            return 3 * super().call(x)

    model = functional((3,), Scaled(4, name="a"), L.Dense(2))
    with pytest.raises(graph.GraphError, match=r"'a' \(Scaled\) is no layer that graph.net2net"):
        net2net.wider(model, "a", 6)
    net2net.like(Scaled, L.Dense)
    data = np.random.default_rng(0).normal(size=(3, 3)).astype("float32")
    np.testing.assert_allclose(net2net.wider(model, "a", 6)(data), model(data), atol=1e-5)
    with pytest.raises(ValueError, match="Lambda is no layer that graph.net2net knows"):
        net2net.like(Scaled, L.Lambda)


def test_a_subclass_that_computes_as_its_base_is_known():
    class Named(L.Dense):
        pass

    model = functional((3,), Named(4, name="a"), L.Dense(2))
    assert net2net.wider(model, "a", 6).get_layer("a").units == 6


def test_a_lambda_elsewhere_does_no_harm():
    model = functional((3,), L.Lambda(lambda x: x * 2), L.Dense(4, name="a"), L.Dense(2))
    data = np.random.default_rng(0).normal(size=(3, 3)).astype("float32")
    np.testing.assert_allclose(net2net.wider(model, "a", 6)(data), model(data), atol=1e-5)
