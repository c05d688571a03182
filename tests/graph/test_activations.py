import gc
import sys
import threading
import weakref

import keras
import numpy as np
import pytest

from graph import gModule, nn
from graph.activations import Taps, activations
from graph.recursion import deep_recursion

L = keras.layers


def data(*shape):
    """Asymmetric values, so that a transposition or a swap shows."""
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def small():
    x = keras.Input((8, 6, 3), name="image")
    y = L.Conv2D(4, 3, activation="relu", name="conv1")(x)
    y = L.Conv2D(5, 3, name="conv2")(y)
    y = L.Flatten(name="flat")(y)
    y = L.Dropout(0.5, name="drop")(y)
    return keras.Model(x, L.Dense(2, name="fc")(y), name="small")


def by_hand(model, names, x):
    """The oracle: Keras's own multi-output model over tensors that are unambiguous here."""
    outputs = [model.get_layer(name).output for name in names]
    values = keras.Model(model.inputs, outputs).predict(x, verbose=0)
    return values if len(names) > 1 else [values] if isinstance(values, np.ndarray) else values


def assert_same(got, expected, tolerance=1e-6):
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("layers", "names"),
    [
        (None, ["conv1", "conv2", "flat", "drop", "fc"]),
        ("conv1", ["conv1"]),
        (["fc", "conv1"], ["conv1", "fc"]),
        (("conv*", "fc", "conv1"), ["conv1", "conv2", "fc"]),
        (L.Conv2D, ["conv1", "conv2"]),
        (L.Layer, ["conv1", "conv2", "flat", "drop", "fc"]),
        (L.InputLayer, ["image"]),
        ("image", ["image"]),
        ("*", ["conv1", "conv2", "flat", "drop", "fc"]),
        (0, ["image"]),
        (-1, ["fc"]),
        ([-2, L.Flatten, "c?nv2"], ["conv2", "flat", "drop"]),
    ],
)
def test_selection_and_values(layers, names):
    model, x = small(), data(5, 8, 6, 3)
    got = activations(model, x, layers, batch_size=2)
    assert list(got) == names
    expected = by_hand(model, names, x)
    for value, wanted in zip(got.values(), expected, strict=True):
        assert isinstance(value, np.ndarray)
        assert_same(value, wanted)


def test_a_layer_itself():
    model = small()
    assert list(activations(model, data(1, 8, 6, 3), model.get_layer("conv2"))) == ["conv2"]
    with pytest.raises(ValueError, match="'stranger' is not called in model 'small'"):
        activations(model, data(1, 8, 6, 3), L.Dense(1, name="stranger"))


def test_mobilenet():
    model = keras.applications.MobileNetV2((32, 32, 3), weights=None, classes=7)
    x = data(2, 32, 32, 3)
    got = activations(model, x)
    names = [layer.name for layer in model.layers[1:]]
    assert list(got) == names
    for name, expected in zip(names, by_hand(model, names, x), strict=True):
        assert_same(got[name], expected, 1e-5)
    assert_same(got["predictions"], model.predict(x, verbose=0))


def test_sequential():
    model = keras.Sequential([L.Dense(3, name="a"), L.Dropout(0.9), L.Dense(2, name="b")])
    with pytest.raises(ValueError, match="has not been built.*model.build"):
        activations(model, data(2, 4))
    model.build((None, 4))
    x = data(3, 4)
    got = activations(model, x, ["a", -1])
    assert_same(got["b"], model.predict(x, verbose=0))
    assert_same(got["a"], x @ model.layers[0].kernel.numpy())
    model.add(L.Dense(1, name="c"))
    assert list(activations(model, x, "?")) == ["a", "b", "c"]
    assert activations(model, x, -1)["c"].shape == (3, 1)


def test_compile_state_layers_and_weights_are_left_alone():
    model = small()
    model.compile("sgd", "mse", metrics=["mae"])
    x = data(4, 8, 6, 3)
    optimizer, loss = model.optimizer, model.loss
    nodes = {layer.name: len(layer._inbound_nodes) for layer in model.layers}
    before = activations(model, x, "fc")["fc"]
    assert model.optimizer is optimizer and model.loss is loss
    assert nodes == {layer.name: len(layer._inbound_nodes) for layer in model.layers}
    model.fit(x, data(4, 2), verbose=0)
    after = activations(model, x, "fc")["fc"]
    assert not np.allclose(before, after)
    assert_same(after, model.predict(x, verbose=0))


def test_second_call_neither_rebuilds_nor_retraces():
    class Counting(L.Layer):
        traces = 0

        def call(self, x):
            type(self).traces += 1
            return x * 2.0

    x = keras.Input((4,))
    model = keras.Model(x, Counting(name="count")(x))
    Counting.traces = 0
    activations(model, data(5, 4), "count", batch_size=2)
    first = Counting.traces
    activations(model, data(5, 4), "count", batch_size=2)
    activations(model, data(5, 4).astype("float64"), "c*", batch_size=2)
    activations(model, data(7, 4), L.Layer, batch_size=3)
    assert Counting.traces == first >= 1


def test_cache_does_not_keep_the_model_alive():
    model = small()
    activations(model, data(1, 8, 6, 3), "fc")
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_shared_layer_gives_one_entry_a_call_in_order():
    shared = L.Dense(3, name="shared")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    ya, yb = shared(a), shared(b)
    model = keras.Model([a, b], L.Subtract(name="sub")([ya, shared(b)]) + yb)
    xa, xb = data(2, 4), data(2, 4)[::-1] * 3
    got = activations(model, [xa, xb])
    # Numbered as called, listed as the graph runs: shared:1 is needed last.
    assert list(got) == ["shared:0", "shared:2", "shared:1", "sub"]
    kernel = shared.kernel.numpy()
    assert_same(got["shared:0"], xa @ kernel)
    assert_same(got["shared:1"], xb @ kernel)
    assert_same(got["sub"], got["shared:0"] - got["shared:2"])
    assert list(activations(model, [xa, xb], "shared")) == ["shared:0", "shared:2", "shared:1"]
    assert list(activations(model, [xa, xb], "shared:1")) == ["shared:1"]
    assert_same(activations(model, {"b": xb, "a": xa}, "sub")["sub"], got["sub"])


def test_layer_called_on_its_own_output():
    shared = L.Dense(4, name="shared")
    x = keras.Input((4,))
    model = keras.Model(x, shared(shared(x)))
    got = activations(model, data(2, 4))
    once = data(2, 4) @ shared.kernel.numpy()
    assert_same(got["shared:0"], once)
    assert_same(got["shared:1"], once @ shared.kernel.numpy())


def test_layer_shared_with_another_model_shows_only_its_own_call():
    shared = L.Dense(3, name="shared")
    other_in, x = keras.Input((4,)), keras.Input((4,))
    other = keras.Model(other_in, shared(other_in * 100.0))
    model = keras.Model(x, L.ReLU(name="relu")(shared(x)))
    v = data(2, 4)
    assert_same(activations(model, v, "shared")["shared"], v @ shared.kernel.numpy())
    assert_same(activations(other, v, "shared")["shared"], 100 * v @ shared.kernel.numpy(), 1e-5)


def siamese():
    inner_x = keras.Input((8, 6, 1), name="pixels")
    core = keras.Sequential([keras.Input((6, 4, 2)), L.Conv2D(3, 2, name="deep")], name="core")
    y = core(L.Conv2D(2, 3, name="conv1")(inner_x))
    embedding = keras.Model(inner_x, L.Flatten(name="flat")(y), name="embedding")
    a, b = keras.Input((8, 6, 1), name="a"), keras.Input((8, 6, 1), name="b")
    model = keras.Model([a, b], L.Subtract(name="sub")([embedding(a), embedding(b)]))
    return model, embedding


def test_nested():
    x = keras.Input((8, 6, 1))
    _, embedding = siamese()
    model = keras.Model(x, L.Dense(2, name="fc")(embedding(x)))
    v = data(3, 8, 6, 1)
    nodes = len(embedding.get_layer("conv1")._inbound_nodes)
    assert list(activations(model, v)) == ["embedding", "fc"]
    got = activations(model, v, ["embedding", "embedding/*", "embedding/core/deep", "fc"])
    assert list(got) == [
        "embedding",
        "embedding/conv1",
        "embedding/core",
        "embedding/core/deep",
        "embedding/flat",
        "fc",
    ]
    expected = by_hand(embedding, ["conv1", "core", "flat"], v)
    for name, value in zip(["conv1", "core", "flat"], expected, strict=True):
        assert_same(got[f"embedding/{name}"], value)
    assert_same(got["embedding/core/deep"], got["embedding/core"])
    assert_same(got["embedding"], got["embedding/flat"])
    assert_same(got["fc"], model.predict(v, verbose=0))
    assert list(activations(model, v, L.Conv2D)) == ["embedding/conv1", "embedding/core/deep"]
    assert_same(activations(model, v, "embedding/pixels")["embedding/pixels"], v)
    assert nodes == len(embedding.get_layer("conv1")._inbound_nodes)


def test_nested_and_shared():
    model, embedding = siamese()
    a, b = data(2, 8, 6, 1), data(2, 8, 6, 1)[:, ::-1] * 2
    got = activations(model, [a, b], "embedding/conv1")
    assert list(got) == ["embedding:0/conv1", "embedding:1/conv1"]
    assert_same(got["embedding:0/conv1"], by_hand(embedding, ["conv1"], a)[0])
    assert_same(got["embedding:1/conv1"], by_hand(embedding, ["conv1"], b)[0])
    assert list(activations(model, [a, b])) == ["embedding:0", "embedding:1", "sub"]
    assert list(activations(model, [a, b], "embedding:1/*")) == [
        f"embedding:1/{n}" for n in ("conv1", "core", "flat")
    ]


def test_nested_mask_passes_on():
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    inner_x = keras.Input((5, 3))
    inner = keras.Model(inner_x, L.Dense(4, name="d")(inner_x), name="inner")
    y = inner(L.Embedding(9, 3, mask_zero=True, name="embed")(tokens))
    model = keras.Model(tokens, L.LSTM(2, name="lstm")(y))
    x = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]])
    got = activations(model, x, ["lstm", "inner/d"])
    assert_same(got["lstm"], model.predict(x, verbose=0))
    assert got["inner/d"].shape == (2, 5, 4)


def test_nested_model_with_its_own_call():
    class Doubling(keras.Model):
        def call(self, inputs, training=None, mask=None):
            return 2 * super().call(inputs, training=training, mask=mask)

    inner_x, x = keras.Input((3,)), keras.Input((3,))
    inner = Doubling(inner_x, L.Dense(2, name="d")(inner_x), name="inner")
    model = keras.Model(x, L.ReLU(name="relu")(inner(x)))
    got = activations(model, data(2, 3), ["inner/d", "inner", "relu"])
    assert_same(got["inner"], 2 * got["inner/d"])
    assert_same(got["relu"], model.predict(data(2, 3), verbose=0))


def test_several_outputs_nested_inputs_and_bare_operations():
    a, b = keras.Input((4, 3), name="a"), keras.Input((3,), name="b")
    whole, h, c = L.LSTM(2, return_sequences=True, return_state=True, name="lstm")(a)
    y = keras.ops.concatenate([h + c, b], axis=-1)
    model = keras.Model([[a], [b]], [L.Dense(1, name="fc")(y), whole])
    va, vb = data(2, 4, 3), data(2, 3)
    got = activations(model, [[va], [vb]])
    assert list(got) == ["lstm", "fc"]
    assert [v.shape for v in got["lstm"]] == [(2, 4, 2), (2, 2), (2, 2)]
    assert_same(got["fc"], model.predict([[va], [vb]], verbose=0)[0])
    assert_same(activations(model, [va, vb], "fc")["fc"], got["fc"])


def test_recorded_training_flag_is_off_as_in_predict():
    x = keras.Input((50,))
    model = keras.Model(x, L.Dropout(0.9, name="drop")(x, training=True))
    v = data(2, 50)
    assert_same(activations(model, v)["drop"], model.predict(v, verbose=0))


def test_dict_inputs():
    inputs = {"right": keras.Input((2,), name="right"), "left": keras.Input((3,), name="left")}
    y = L.Concatenate(name="cat")([inputs["left"], inputs["right"]])
    model = keras.Model(inputs, y)
    right, left = data(2, 2), data(2, 3)
    got = activations(model, {"left": left, "right": right}, "cat")["cat"]
    assert_same(got, np.concatenate([left, right], axis=-1))


def test_two_thousand_layers():
    y = x = keras.Input((2,))
    for i in range(2000):
        y = L.Activation("linear" if i % 100 else "softsign", name=f"l{i}")(y)
    with deep_recursion(2000):
        model = keras.Model(x, y)
    v = data(3, 2)
    got = activations(model, v)
    assert len(got) == 2000
    assert_same(got["l0"], v / (1 + abs(v)))
    expected = v
    for _ in range(20):
        expected = expected / (1 + abs(expected))
    assert_same(got["l1999"], expected)
    assert list(activations(model, v, "l1500")) == ["l1500"]


def test_loaded_model(tmp_path):
    model, _ = siamese()
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras")
    a, b = data(2, 8, 6, 1), data(2, 8, 6, 1) * 3
    layers = ["embedding/conv1", "sub"]
    got, expected = activations(loaded, [a, b], layers), activations(model, [a, b], layers)
    assert list(got) == list(expected)
    for name, value in expected.items():
        assert_same(got[name], value)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            data(2, 8, 6),
            r"input 'image' of model 'small': expected shape \(None, 8, 6, 3\), rec.*2, 8",
        ),
        (data(2, 6, 8, 3), r"expected shape \(None, 8, 6, 3\), received \(2, 6, 8, 3\)$"),
        (data(8, 6, 3), r"received \(8, 6, 3\); one sample needs a batch axis"),
        (data(0, 8, 6, 3), "at least one sample"),
        ([data(2, 8, 6, 3), data(2, 8, 6, 3)], r"expected shape .* received \(2, 2, 8, 6, 3\)"),
        ({"picture": data(2, 8, 6, 3)}, r"takes the inputs \['image'\], received \['picture'\]"),
        ("text", "expected an array of float32"),
        ([[1], [1, 2]], "expected an array of float32"),
    ],
)
def test_wrong_input(x, message):
    with pytest.raises(ValueError, match=message):
        activations(small(), x)


def test_wrong_inputs():
    model, _ = siamese()
    a = data(2, 8, 6, 1)
    with pytest.raises(ValueError, match=r"takes 2 inputs: expected 'a' \(None, 8, 6, 1\), 'b'"):
        activations(model, [a])
    with pytest.raises(ValueError, match=r"input 'b' of model .*received \(2, 8, 6\)"):
        activations(model, [a, a[..., 0]])
    with pytest.raises(ValueError, match="numbers of samples: 'a' 2, 'b' 1"):
        activations(model, [a, a[:1]])


def test_shape_that_only_a_deep_layer_refuses():
    x = keras.Input((None, None, 1))
    y = L.Flatten()(L.Conv2D(2, 3, name="conv")(x))
    model = keras.Model(x, y, name="net")
    with pytest.raises(ValueError, match=r"model 'net' cannot compute .*\(1, 2, 2, 1\)"):
        activations(model, data(1, 2, 2, 1))


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ("conv3", ValueError, "no layer matches 'conv3' in model 'small'; closest names: conv"),
        ("pool*", ValueError, "no layer matches 'pool"),
        (["conv1", "zzz"], ValueError, "'zzz' in model 'small'; its layers: image, conv1"),
        (L.LSTM, ValueError, "no LSTM in model 'small', which is made of: InputLayer, Conv2D"),
        (6, ValueError, "no layer 6 in model 'small': it has 6 layers"),
        (-7, ValueError, "no layer -7"),
        (1.5, TypeError, "layers takes names.*got 1.5"),
        (True, TypeError, "got True"),
    ],
)
def test_nothing_matches(layers, error, message):
    with pytest.raises(error, match=message):
        activations(small(), data(1, 8, 6, 3), layers)


def test_models_without_a_graph():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Own 'own' has not been built"):
        activations(Own(name="own"), data(1, 2))
    own = Own(name="own")
    own(data(1, 2))
    assert activations(own, data(1, 2)) == {}
    with pytest.raises(ValueError, match="no layer matches 'd' in model 'own'"):
        activations(own, data(1, 2), "d")
    with pytest.raises(TypeError, match="expected a keras.Model, got Dense"):
        activations(L.Dense(1), data(1, 2))


def test_mixed_precision():
    policy = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        x = keras.Input((3,))
        model = keras.Model(x, L.Dense(2, name="half")(x))
        got = activations(model, data(2, 3))["half"]
        assert got.dtype == np.float16
        np.testing.assert_array_equal(got, model.predict(data(2, 3), verbose=0))
    finally:
        keras.mixed_precision.set_dtype_policy(policy)


def test_text_input():
    x = keras.Input((), dtype="string", name="text")
    model = keras.Model(x, L.StringLookup(vocabulary=["a", "b"], name="look")(x))
    got = activations(model, keras.ops.convert_to_tensor(["b", "a", "?"]), "look")["look"]
    np.testing.assert_array_equal(got, [2, 1, 0])
    got = activations(model, np.array(["b", "a", "?"]))["look"]
    np.testing.assert_array_equal(got, [2, 1, 0])


def test_taps_share_weights():
    model = small()
    taps = Taps(model, ["conv1"])
    assert {id(w) for w in taps.weights} <= {id(w) for w in model.weights}
    assert len(taps.weights) == 2  # only what conv1 needs


def test_deep_recursion_nests_overlaps_and_restores():
    before = sys.getrecursionlimit()
    with pytest.raises(KeyError), deep_recursion(3000):
        raise KeyError
    assert sys.getrecursionlimit() == before
    with deep_recursion(1000):
        outer = sys.getrecursionlimit()
        with deep_recursion(1000):
            assert sys.getrecursionlimit() > outer
        assert sys.getrecursionlimit() == outer
        entered, leave = threading.Event(), threading.Event()

        def other():
            with deep_recursion(5000):
                entered.set()
                leave.wait()

        thread = threading.Thread(target=other)
        thread.start()
        entered.wait()
    assert sys.getrecursionlimit() >= before + 5000
    leave.set()
    thread.join()
    assert sys.getrecursionlimit() == before
    with pytest.raises(ValueError, match="got -1"), deep_recursion(-1):
        pass


def test_gmodule():
    x = nn.Linear(4, 3)()
    y = x - nn.Tanh()
    late = nn.Identity()()
    z = nn.CAddTable()([y, late])
    model = gModule([x, late], [z - nn.Linear(3, 2)])
    vx, vy = data(2, 4), data(2, 3)
    with pytest.raises(ValueError, match="has not been built.*once on a batch"):
        activations(model, [vx, vy])
    expected = model.predict([vx, vy], verbose=0)
    got = activations(model, [vx, vy])
    assert len(got) == len(model.layers) - 2
    assert_same(list(got.values())[-1], expected)
    outer_x = keras.Input((4,))
    outer = keras.Model([outer_x, late_x := keras.Input((3,))], model([outer_x, late_x]))
    inner = activations(outer, [vx, vy], f"{model.name}/*")
    assert list(inner) == [f"{model.name}/{name}" for name in got]
    for a, b in zip(inner.values(), got.values(), strict=True):
        assert_same(a, b)


def test_results_share_no_memory_with_the_input_or_with_each_other():
    x = keras.Input((64,), name="x")
    y = keras.layers.Reshape((8, 8), name="shaped")(x)
    y = keras.layers.Dropout(0.5, name="drop")(keras.layers.Identity(name="same")(y))
    model = keras.Model(x, y)
    given = np.ones((16, 64), "float32")
    for size in (16, 4):
        got = activations(model, given, ["x", "shaped", "same", "drop"], batch_size=size)
        for value in got.values():
            value += 1
        assert (given == 1).all()
        for name, value in got.items():
            assert (value == 2).all(), name
