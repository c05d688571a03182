"""Wider layers: the same function, layer class by layer class, against naive NumPy."""

import keras
import numpy as np
import pytest
from random_cnns import functional, unsettle
from same_function import assert_same, data

import graph
from graph import Input, gModule, net2net, nn

L = keras.layers


def test_weights_are_those_of_the_paper():
    model = functional((3,), L.Dense(4, "relu", name="a"), L.Dense(2, name="b"))
    wide = net2net.wider(model, "a", 7, seed=5)
    (u, b), (w, c) = model.get_layer("a").get_weights(), model.get_layer("b").get_weights()
    (U, B), (W, C) = wide.get_layer("a").get_weights(), wide.get_layer("b").get_weights()
    np.testing.assert_array_equal(U[:, :4], u)
    copied = []
    for j in range(7):
        same = [i for i in range(4) if np.array_equal(U[:, j], u[:, i])]
        assert len(same) == 1 and B[j] == b[same[0]]
        copied += same
    for j, i in enumerate(copied):
        np.testing.assert_allclose(W[j], w[i] / copied.count(i), rtol=1e-6)
    np.testing.assert_array_equal(C, c)
    assert max(copied.count(i) for i in range(4)) == 2  # as evenly as can be


def test_channels_first_flatten_and_norm():
    x = keras.Input((3, 4), name="x")
    y = L.Permute((2, 1))(L.Dense(5, name="a")(x))  # channels, steps
    y = L.BatchNormalization(axis=1)(y)
    y = L.GlobalAveragePooling1D(data_format="channels_first", keepdims=True)(y)
    model = keras.Model(x, L.Dense(2)(L.Flatten(data_format="channels_first")(y)))
    unsettle(model, 1)
    assert_same(model, net2net.wider(model, "a", 8), data(model))


def branched():
    x = keras.Input((6, 6, 2), name="x")
    a = L.Conv2D(4, 3, padding="same", name="a")(x)
    b = L.Conv2D(4, 3, padding="same", activation="relu", name="b")(a)
    c = L.Conv2D(3, 1, name="c")(a)
    joined = L.Concatenate(name="join")([L.Add(name="sum")([a, b]), c])
    y = L.Conv2D(2, 1, name="d")(L.BatchNormalization()(joined))
    model = keras.Model(x, [L.Flatten()(y), L.GlobalAveragePooling2D()(L.Conv2D(2, 1)(joined))])
    unsettle(model, 2)
    return model


@pytest.mark.parametrize(("layer", "widened"), [("a", "ab"), ("b", "ab"), ("c", "c")])
def test_branches_of_a_sum_are_widened_together(layer, widened):
    model = branched()
    wide = net2net.wider(model, layer, 9)
    for name in "abc":
        before = model.get_layer(name).filters
        assert wide.get_layer(name).filters == (9 if name in widened else before)
    assert_same(model, wide, data(model))


def test_what_must_be_as_wide_as_a_join_is_widened_with_its_pieces():
    x = keras.Input((4,), name="x")
    pieces = [L.Dense(n, "tanh", name=f"p{n}")(x) for n in (2, 3)]
    total = L.Dense(5, name="total")(x)
    model = keras.Model(x, L.Dense(2)(L.Add()([L.Concatenate()(pieces), total])))
    wide = net2net.wider(model, "p3", 7)
    assert wide.get_layer("total").units == 9
    assert_same(model, wide, data(model))
    with pytest.raises(graph.GraphError, match="several pieces.*\n.*widen p2, p3"):
        net2net.wider(model, "total", 9)
    assert_same(model, net2net.double_width(model), data(model))


def test_a_gate_of_one_channel_is_not_widened():
    x = keras.Input((4,), name="x")
    gate = L.Dense(1, "sigmoid", name="gate")(x)
    model = keras.Model(x, L.Dense(2)(L.Multiply(name="mul")([L.Dense(3, name="a")(x), gate])))
    assert_same(model, net2net.wider(model, "a", 5), data(model))
    with pytest.raises(graph.GraphError, match="'mul'.*repeats one channel"):
        net2net.wider(model, "gate", 2)


def test_a_shared_layer_is_widened_for_all_its_calls():
    shared, after = L.Dense(4, "tanh", name="shared"), L.Dense(3, name="after")
    x, z = keras.Input((3,), name="x"), keras.Input((3,), name="z")
    model = keras.Model([x, z], L.Subtract()([after(shared(x)), after(shared(z))]))
    wide = net2net.wider(model, "shared", 6)
    assert [layer.name for layer in wide.layers] == [layer.name for layer in model.layers]
    assert_same(model, wide, data(model))


def test_operations_between():
    x = keras.Input((3,), name="x")
    a = L.Dense(4, name="a")(x)
    y = keras.ops.tanh(a) * 2.0 + keras.ops.maximum(a, L.Dense(4, name="b")(x))
    model = keras.Model(x, L.Dense(2)(y))
    wide = net2net.wider(model, "b", 5)
    assert wide.get_layer("a").units == 5
    assert_same(model, wide, data(model))


def test_states_go_with_the_units():
    x = keras.Input((5, 3), name="x")
    y, h, c = L.LSTM(4, return_sequences=True, return_state=True, name="a")(x)
    z = L.LSTM(4, name="b")(y, initial_state=[h, c])
    model = keras.Model(x, [L.Dense(2)(z), L.Dense(1)(c)])
    unsettle(model, 3)
    wide = net2net.wider(model, "b", 6)
    assert wide.get_layer("a").units == 6
    assert_same(model, wide, data(model))


@pytest.mark.parametrize("kind", ["functional", "sequential", "gmodule"])
def test_nested_models(kind):
    if kind == "gmodule":
        node = nn.Linear(3, 4)().annotate(name="inner")
        trunk = gModule([node], [node - nn.Tanh()], name="trunk")
        start = nn.Identity()()
        model = gModule([start], [trunk(start) - nn.Linear(4, 2)], name="net")
        model.build((None, 3))
    else:
        layers = [L.Dense(4, "tanh", name="inner"), L.Dropout(0.5)]
        if kind == "sequential":
            trunk = keras.Sequential([keras.Input((3,)), *layers], name="trunk")
        else:
            trunk = functional((3,), *layers)
            trunk.name = "trunk"
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        model = keras.Model([a, b], L.Dense(2)(L.Concatenate()([trunk(a), trunk(b)])))
    wide = net2net.wider(model, "trunk/inner", 7)
    assert type(wide.get_layer("trunk")) is type(model.get_layer("trunk"))
    assert wide.get_layer("trunk").output_shape == (None, 7)
    assert_same(model, wide, data(model))


def test_a_nested_model_after_the_layer():
    inner = functional((4,), L.Dense(3, "elu", name="c"), L.Dense(2))
    model = functional((3,), L.Dense(4, name="a"), inner)
    wide = net2net.wider(model, "a", 9)
    assert wide.layers[-1].input_shape == (None, 9)
    assert_same(model, wide, data(model))


def small_torch():
    image = Input((8, 9, 2), name="image")
    conv = (image - nn.SpatialConvolution(2, 4, 3, 3)).annotate(name="conv")
    side = (image - nn.SpatialConvolution(2, 4, 3, 3)).annotate(name="side")
    total = nn.CAddTable()([conv - nn.PReLU(4), side - nn.ELU()])
    normal = total - nn.SpatialBatchNormalization(4) - nn.SpatialMaxPooling(2, 2)
    joined = nn.JoinTable(1)([normal, normal - nn.SpatialConvolution(4, 3, 1, 1)])
    flat = joined - nn.View(-1, 7 * 3 * 3) - nn.Dropout(0.5)
    scores = flat - nn.Sequential(nn.Linear(63, 5), nn.Tanh(), nn.Linear(5, 3))
    model = gModule([image], [scores.annotate(name="scores")], name="net")
    unsettle(model, 4)
    return model


@pytest.mark.parametrize(("layer", "width"), [("conv", 5), ("side", 9), ("spatial_convolution", 4)])
def test_a_gmodule_stays_one_with_torch_modules_of_the_new_sizes(layer, width, tmp_path):
    model = small_torch()
    model.evaluate()
    wide = net2net.wider(model, layer, width)
    assert type(wide) is graph.GModule and wide.train_mode is False
    assert [x.name for x in wide.layers] == [x.name for x in model.layers]
    assert [n.name for n in wide.forwardnodes] == [n.name for n in model.forwardnodes]
    x = data(model)
    assert_same(model, wide, x)
    graph.save_torch7(wide, tmp_path / "wide.t7")
    again = graph.load_torch7(tmp_path / "wide.t7")
    again.evaluate()
    planes_first = again.forward(np.moveaxis(x, -1, 1))
    np.testing.assert_allclose(planes_first, model.forward(x), atol=1e-5)
    wide.save(tmp_path / "wide.keras")
    assert_same(wide, keras.models.load_model(tmp_path / "wide.keras"), x, 1e-7)
    assert_same(model, wide.to_keras(), x)


def test_torch_modules_say_their_new_sizes():
    model = small_torch()
    wide = net2net.double_width(model)
    found = [repr(m) for m in wide.listModules()[1:]]
    assert "nn.SpatialConvolution(2, 8, 3, 3, padH=0)" in found
    assert "nn.SpatialConvolution(8, 6, 1, 1, padH=0)" in found
    assert {"nn.PReLU(8)", "nn.SpatialBatchNormalization(8)", "nn.View(-1, 126)"} <= set(found)
    assert {"nn.Linear(126, 10)", "nn.Linear(10, 3)"} <= set(found)
    assert_same(model, wide, data(model))


def test_settings_of_layers_are_kept():
    model = keras.Sequential(
        [
            keras.Input((4,), name="x"),
            L.Dense(
                3,
                "relu",
                kernel_regularizer=keras.regularizers.L2(0.1),
                bias_constraint="non_neg",
                dtype="float64",
                trainable=False,
                name="a",
            ),
            L.Dense(2, name="b"),
        ],
        name="net",
    )
    wide = net2net.wider(model, "a", 5)
    layer = wide.get_layer("a")
    assert type(wide) is keras.Sequential and wide.name == "net"
    assert layer.kernel_regularizer.l2 == pytest.approx(0.1) and not layer.trainable
    assert isinstance(layer.bias_constraint, keras.constraints.NonNeg)
    assert layer.dtype_policy.name == "float64" and wide.get_layer("b").trainable


def test_the_model_itself_stays_as_it_is():
    model = branched()
    config, weights = model.get_config(), model.get_weights()
    nodes = [len(layer._inbound_nodes) for layer in model.layers]
    net2net.double_width(model)
    assert model.get_config() == config
    assert [len(layer._inbound_nodes) for layer in model.layers] == nodes
    for a, b in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_noise_tells_copies_apart_and_seeds_repeat():
    model = functional((3,), L.Dense(4, "relu", name="a"), L.Dense(2))
    noisy = net2net.wider(model, "a", 8, noise=0.01, seed=3)
    kernel = noisy.get_layer("a").get_weights()[0]
    assert len(np.unique(kernel.round(7), axis=1).T) == 8
    np.testing.assert_array_equal(kernel[:, :4], model.get_layer("a").get_weights()[0])
    exact = net2net.wider(model, "a", 8, seed=3).get_layer("a").get_weights()[0]
    assert len(np.unique(exact.round(7), axis=1).T) == 4
    again = net2net.wider(model, "a", 8, noise=0.01, seed=3)
    np.testing.assert_array_equal(again.get_layer("a").get_weights()[0], kernel)
    # The noise is as large as it says, in parts of the deviation of the weights.
    many = functional((300,), L.Dense(40, name="a"), L.Dense(2))
    kernel = net2net.wider(many, "a", 80, noise=0.1, seed=0).get_layer("a").get_weights()[0]
    exact = net2net.wider(many, "a", 80, seed=0).get_layer("a").get_weights()[0]
    share = (kernel - exact)[:, 40:].std() / exact.std()
    assert share == pytest.approx(0.1, rel=0.05)


def test_half_precision_and_mixed_policies():
    policy = keras.DTypePolicy("mixed_bfloat16")
    model = functional(
        (4,), L.Dense(3, "relu", dtype=policy, name="a"), L.Dense(2, dtype="float32")
    )
    wide = net2net.wider(model, "a", 6)
    assert wide.get_layer("a").dtype_policy.name == "mixed_bfloat16"
    assert_same(model, wide, data(model), 1e-2)
    brain = functional((4,), L.Dense(3, dtype="bfloat16", name="a"), L.Dense(2, dtype="float32"))
    assert_same(brain, net2net.wider(brain, "a", 6), data(brain), 1e-2)
