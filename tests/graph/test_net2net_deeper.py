"""Deeper networks: one more layer, the same function."""

import keras
import numpy as np
import pytest
from random_cnns import unsettle
from same_function import assert_same, data, outputs

import graph
from graph import Input, gModule, net2net, nn

L = keras.layers


def prelu():
    return L.PReLU("random_normal", shared_axes=[1, 2])


ACTIVATIONS = {
    "linear": lambda: L.Activation("linear"),
    "relu": lambda: L.Activation("relu"),
    "relu layer": L.ReLU,
    "relu6": lambda: L.ReLU(6.0),
    "elu": lambda: L.Activation("elu"),
    "elu layer": lambda: L.ELU(0.7),
    "celu": lambda: L.Activation("celu"),
    "selu": lambda: L.Activation("selu"),
    "hard_tanh": lambda: L.Activation("hard_tanh"),
    "prelu": prelu,
}
OTHERS = {
    "tanh": lambda: L.Activation("tanh"),
    "gelu": lambda: L.Activation("gelu"),
    "leaky_relu": lambda: L.LeakyReLU(0.1),
    "bent relu": lambda: L.ReLU(negative_slope=0.1),
    "softplus": lambda: L.Activation("softplus"),
}


def image_net(activation, own):
    x = keras.Input((6, 5, 2), name="x")
    fused = activation.activation if own else None
    y = L.Conv2D(4, (3, 2), 1, "same", activation=fused, kernel_regularizer="l2", name="a")(x)
    if not own:
        y = activation(L.BatchNormalization(name="bn")(y))
    model = keras.Model(x, L.Dense(3, name="out")(L.Flatten()(y)))
    unsettle(model, 1)
    return model


def forms(table):
    for name, make in table.items():
        yield pytest.param(make, False, id=f"{name}, after a norm")
        if isinstance(make(), L.Activation):
            yield pytest.param(make, True, id=f"{name}, its own")


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize(("activation", "own"), [*forms(ACTIVATIONS)])
def test_the_same_activation_once_more(activation, own, norm):
    model = image_net(activation(), own)
    deep = net2net.deeper(model, "a", batch_norm=norm)
    assert_same(model, deep, data(model))
    new = deep.get_layer("a_deeper")
    assert new.kernel.shape == (3, 2, 4, 4) and new.kernel_regularizer is not None
    assert [x.name for x in model.layers] == [
        x.name for x in deep.layers if not x.name.startswith("a_deeper")
    ]


@pytest.mark.parametrize(("activation", "own"), [*forms(OTHERS)])
def test_others_are_refused_with_what_works_instead(activation, own):
    model = image_net(activation(), own)
    with pytest.raises(graph.GraphError, match="would change its values.*\n.*'prelu'.*'linear'"):
        net2net.deeper(model, "a")
    for kind in ("prelu", "linear"):
        assert_same(model, net2net.deeper(model, "a", kind), data(model))


def test_the_new_layer_is_one_that_learns():
    model = image_net(L.Activation("elu"), True)
    deep = net2net.deeper(model, "a")
    deep.compile("sgd", "mse")
    before = [np.copy(w) for w in deep.get_layer("a_deeper").get_weights()]
    deep.fit(data(model, 8), np.ones((8, 3)), verbose=0)
    for old, new in zip(before, deep.get_layer("a_deeper").get_weights(), strict=True):
        assert not np.array_equal(old, new)


def test_before_the_activation():
    model = image_net(L.Activation("tanh"), True)
    deep = net2net.deeper(model, "a", "linear", kernel_size=5)
    assert deep.get_layer("a").activation is keras.activations.linear
    assert deep.get_layer("a_deeper").activation is keras.activations.tanh
    assert deep.get_layer("a_deeper").kernel_size == (5, 5)
    assert_same(model, deep, data(model))


@pytest.mark.parametrize("kind", ["same", "prelu", "linear"])
@pytest.mark.parametrize(
    ("shape", "layers", "expected"),
    [
        ((4,), [L.Dense(3, "relu", name="a"), L.Dense(2)], L.Dense),
        ((5, 4), [L.Dense(3, "relu", name="a"), L.Flatten(), L.Dense(2)], L.Dense),
        ((9, 2), [L.Conv1D(3, 4, activation="relu", name="a"), L.Conv1D(2, 2)], L.Conv1D),
        ((4, 5, 3, 2), [L.Conv3D(3, 2, activation="relu", name="a"), L.Conv3D(2, 2)], L.Conv3D),
        ((6, 6, 2), [L.Conv2DTranspose(3, 2, activation="relu", name="a")], L.Conv2D),
        ((6, 6, 4), [L.Conv2D(4, 3, groups=2, dilation_rate=2, strides=1, name="a")], L.Conv2D),
        ((6, 6, 2), [L.MaxPooling2D(name="a"), L.Flatten()], L.Conv2D),
        ((6, 3), [L.LSTM(4, return_sequences=True, name="a"), L.GRU(2)], L.Dense),
    ],
)
def test_after_layers_of_other_kinds(kind, shape, layers, expected):
    layers = [type(x).from_config(x.get_config()) for x in layers]
    model = keras.Sequential([keras.Input(shape), *layers])
    unsettle(model, 1)
    deep = net2net.deeper(model, "a", kind, name="new")
    assert type(deep) is keras.Sequential and type(deep.get_layer("new")) is expected
    assert deep.layers.index(deep.get_layer("new")) == 1
    assert_same(model, deep, data(model))


def test_channels_first():
    x = keras.Input((3, 4, 5), name="x")
    y = L.GlobalAveragePooling2D(data_format="channels_first", keepdims=True, name="a")(x)
    model = keras.Model(x, L.Flatten()(y))
    deep = net2net.deeper(model, "a", kernel_size=1)
    assert deep.get_layer("a_deeper").data_format == "channels_first"
    assert deep.get_layer("a_deeper").kernel.shape == (1, 1, 3, 3)


def test_a_shared_layer_has_a_shared_layer_after_it():
    shared = L.Dense(4, "relu", name="shared")
    x, z = keras.Input((3,), name="x"), keras.Input((3,), name="z")
    model = keras.Model([x, z], L.Dense(2)(L.Subtract()([shared(x), shared(z)])))
    deep = net2net.deeper(model, "shared")
    assert len(deep.layers) == len(model.layers) + 1
    assert len(deep.get_layer("shared_deeper")._inbound_nodes) == 2
    assert_same(model, deep, data(model))


def test_several_readers_all_read_the_new_layer():
    x = keras.Input((4,), name="x")
    y = L.Dense(4, name="a")(x)
    model = keras.Model(x, [L.Add()([L.Activation("tanh")(y), x]), L.Dense(1)(y)])
    deep = net2net.deeper(model, "a")
    deep.get_layer("a_deeper").bias.assign([0.0, 1.0, 2.0, 3.0])
    for old, new in zip(outputs(model, data(model)), outputs(deep, data(model)), strict=True):
        assert np.abs(old - new).max() > 1e-3
    assert_same(model, net2net.deeper(model, "a"), data(model))


def test_an_output_may_be_followed():
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="a")])
    deep = net2net.deeper(model, "a")
    assert deep.layers[-1].name == "a_deeper"
    assert_same(model, deep, data(model))


def torch_net(activation):
    image = Input((6, 7, 2), name="image")
    maps = (image - nn.SpatialConvolution(2, 4, 3, 3)).annotate(name="conv")
    maps = maps - nn.SpatialBatchNormalization(4) - activation - nn.SpatialMaxPooling(2, 2)
    flat = maps - nn.View(4 * 2 * 2)
    scores = flat - nn.Sequential(nn.Linear(16, 5), nn.ELU(), nn.Linear(5, 3))
    model = gModule([image], [scores], name="net")
    unsettle(model, 2)
    return model


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize(
    ("activation", "added"),
    [
        (nn.ReLU(), ["nn.ReLU()"]),
        (nn.ELU(0.5), ["nn.ELU(0.5)", "nn.AddConstant(-0.5)"]),
        (nn.PReLU(4), ["nn.PReLU(4)"]),
        (nn.PReLU(), ["nn.PReLU()"]),
    ],
)
def test_a_gmodule_gets_torch_modules(activation, added, norm, tmp_path):
    model = torch_net(activation)
    deep = net2net.deeper(model, "conv", batch_norm=norm)
    new = ["nn.SpatialConvolution(4, 4, 3, 3, padW=1, padH=1)", *added]
    if norm:
        new.insert(1, "nn.SpatialBatchNormalization(4)")
    known = [repr(m) for m in model.modules]
    assert [repr(m) for m in deep.modules] == [*known[:4], *new, *known[4:]]
    x = data(model)
    assert_same(model, deep, x)
    names = [n.name for n in deep.layers]
    assert [n for n in names if not n.startswith("conv_deeper")] == [n.name for n in model.layers]
    deep.save(tmp_path / "deep.keras")
    again = keras.models.load_model(tmp_path / "deep.keras")
    assert [n.name for n in again.layers] == names
    assert_same(deep, again, x, 1e-7)
    graph.save_torch7(deep, tmp_path / "deep.t7")
    planes = graph.load_torch7(tmp_path / "deep.t7").evaluate()
    np.testing.assert_allclose(
        planes.forward(np.moveaxis(x, -1, 1)), model.evaluate().forward(x), atol=1e-5
    )


def test_inside_an_nn_sequential():
    model = torch_net(nn.ReLU())
    deep = net2net.deeper(model, "sequential_1_linear")
    assert repr(deep.modules[-1]) == (
        "nn.Sequential(nn.Linear(16, 5), nn.ELU(), nn.Linear(5, 5), nn.ELU(), "
        "nn.AddConstant(-1.0), nn.Linear(5, 3))"
    )
    assert_same(model, deep, data(model))
    assert_same(model, net2net.deeper(deep, "sequential_1_linear"), data(model))


def test_a_keras_layer_in_a_gmodule_gets_a_keras_layer():
    image = Input((6, 6, 2), name="image")
    conv = (image - L.Conv2D(3, 2, activation="relu")).annotate(name="conv")
    model = gModule([image], [conv - L.Flatten() - nn.Linear(75, 2)])
    for kind in ("same", "linear"):
        deep = net2net.deeper(model, "conv", kind)
        assert isinstance(deep.get_layer("conv_deeper"), L.Conv2D)
        assert_same(model, deep, data(model))


def test_in_a_table_no_layer_can_follow():
    x = nn.Identity()().annotate(name="x")
    both = nn.ConcatTable(nn.Linear(3, 4), nn.Linear(3, 4))(x)
    model = gModule([x], [nn.CAddTable()(both) - nn.Linear(4, 2)])
    model.build((None, 3))
    name = next(n.name for n in model.layers if "1_linear" in n.name)
    with pytest.raises(graph.GraphError, match=r"stands in nn.ConcatTable.*\n.*fix: name a layer"):
        net2net.deeper(model, name)


def test_nested_models():
    inner = keras.Sequential([keras.Input((3,)), L.Dense(4, "relu", name="in")], name="trunk")
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    model = keras.Model([a, b], L.Dense(2)(L.Add()([inner(a), inner(b)])))
    deep = net2net.deeper(model, "trunk/in")
    assert [x.name for x in deep.get_layer("trunk").layers] == ["in", "in_deeper"]
    assert_same(model, deep, data(model))


def test_errors():
    model = image_net(L.ReLU(), False)
    with pytest.raises(graph.GraphError, match="kind must be one of same, prelu, linear, got 'x'"):
        net2net.deeper(model, "a", "x")
    with pytest.raises(ValueError, match="no layer matches 'outs'.*closest names: out"):
        net2net.deeper(model, "outs")
    with pytest.raises(graph.GraphError, match="has a layer 'bn' already"):
        net2net.deeper(model, "a", name="bn")
    with pytest.raises(graph.GraphError, match="a name is a non-empty str"):
        net2net.deeper(model, "a", name="a/b")
    with pytest.raises(graph.GraphError, match="kernel_size must be 2 positive integers, got 0"):
        net2net.deeper(model, "a", kernel_size=0)
    with pytest.raises(graph.GraphError, match="a Dense layer comes after 'out'"):
        net2net.deeper(model, "out", kernel_size=3)
    with pytest.raises(graph.GraphError, match="is an activation, and kind='linear'"):
        net2net.deeper(model, "re_lu" if "re_lu" in _names(model) else _names(model)[3], "linear")
    rows = keras.Sequential([keras.Input((4,)), L.Dense(2, activation=L.PReLU(), name="a")])
    with pytest.raises(graph.GraphError, match="PReLU for its own activation, whose slopes Keras"):
        net2net.deeper(rows, "a", "prelu")
    x = keras.Input((3, 2), name="x")
    several = keras.Model(x, L.LSTM(2, return_state=True, name="a")(x))
    with pytest.raises(graph.GraphError, match="'a' gives 3 tensors, not one"):
        net2net.deeper(several, "a")
    numbers = keras.Sequential([keras.Input((3,), dtype="int32"), L.Identity(name="i")])
    with pytest.raises(graph.GraphError, match="gives no channels that a layer could read"):
        net2net.deeper(numbers, "i")
    soft = keras.Sequential([keras.Input((3,)), L.Dense(2, "softmax", name="a")])
    with pytest.raises(graph.GraphError, match="activation softmax after 'a'"):
        net2net.deeper(soft, "a")


def _names(model):
    return [layer.name for layer in model.layers]
