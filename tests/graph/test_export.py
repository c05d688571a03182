import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from graph import gModule, nn
from graph.activations import activations
from graph.export import _signature_names, export

L = keras.layers
ENV = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
ROOT = Path(__file__).resolve().parents[2]


def data(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def two_in_two_out():
    """Nested input lists, a nested model, a shared layer, open axes, names that need mending."""
    inner_x = keras.Input((None, None, 2), name="pixels")
    y = L.Conv2D(3, 2, activation="relu", name="conv1")(inner_x)
    embedding = keras.Model(inner_x, L.GlobalMaxPooling2D(name="pool")(y), name="embedding")
    left, right = keras.Input((None, None, 2), name="Left-image"), keras.Input((2,), name="right")
    e = L.Dropout(0.5, name="drop")(embedding(left))
    shared = L.Dense(2, name="shared")
    cat = L.Concatenate(name="cat")([shared(e), right])
    outputs = [L.Dense(4, name="scores")(cat), [L.Dense(1, name="1x1")(cat)]]
    return keras.Model([[left], right], outputs, name="net")


def run(code, *args, check=True):
    """Python that knows TensorFlow and nothing of this project."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        env=ENV,
        cwd="/",
        check=check,
        capture_output=True,
        text=True,
        timeout=300,
    )


def command_line(*args):
    tool = Path(sys.executable).with_name("saved_model_cli")
    start = [str(tool)] if tool.exists() else [sys.executable, "-m", SAVED_MODEL_CLI]
    done = subprocess.run(
        [*start, *map(str, args)], env=ENV, cwd="/", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


SAVED_MODEL_CLI = "tensorflow.python.tools.saved_model_cli"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = two_in_two_out()
    place = tmp_path_factory.mktemp("export") / "some" / "where"
    layers = ["embedding/conv1", "shared", "embedding"]
    assert export(model, place, activations=layers) == place
    assert os.listdir(place.parent) == ["where"]
    inputs = [[data(3, 6, 5, 2)], data(3, 2)]
    return model, place, inputs, layers


@pytest.mark.slow
def test_saved_model_cli_show(saved):
    _, place, _, _ = saved
    text = command_line("show", "--dir", place, "--all").split("Concrete Functions:")[0]
    signatures = {part.split("']")[0]: part for part in text.split("signature_def['")[1:]}
    assert {"serving_default", "activations"} <= set(signatures)
    for signature, outputs in {
        "serving_default": {"scores": "(-1, 4)", "layer_1x1": "(-1, 1)"},
        "activations": {
            "embedding": "(-1, 3)",
            "embedding_conv1": "(-1, -1, -1, 3)",
            "shared": "(-1, 2)",
        },
    }.items():
        given, made = signatures[signature].split("outputs[", 1)
        assert shapes_of(given, "inputs") == {
            "Left_image": "(-1, -1, -1, 2)",
            "right": "(-1, 2)",
        }
        assert shapes_of("outputs[" + made, "outputs") == outputs


def shapes_of(text, kind):
    found = {}
    for part in text.split(f"{kind}['")[1:]:
        found[part.split("']")[0]] = part.split("shape: ")[1].split("\n")[0]
    return found


@pytest.mark.slow
def test_saved_model_cli_run(saved, tmp_path):
    model, place, inputs, _ = saved
    [[left], right] = inputs
    np.savez(tmp_path / "in.npz", left=left, right=right)
    command_line(
        *("run", "--dir", place, "--tag_set", "serve", "--signature_def", "serving_default"),
        "--inputs",
        f"Left_image={tmp_path}/in.npz[left];right={tmp_path}/in.npz[right]",
        *("--outdir", tmp_path / "out"),
    )
    scores, [one] = model.predict(inputs, verbose=0)
    for name, expected in {"scores": scores, "layer_1x1": one}.items():
        got = np.load(tmp_path / "out" / f"{name}.npy")
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


LOAD = """
    import sys, numpy, tensorflow
    _, place, given, result = sys.argv
    loaded = tensorflow.saved_model.load(place)
    given = dict(numpy.load(given))
    out = {}
    for key, function in loaded.signatures.items():
        for name, value in function(**given).items():
            out[key + "." + name] = value.numpy()
    numpy.savez(result, **out)
    assert not {"graph", "zoo"} & set(sys.modules), "loaded with this project"
"""


@pytest.mark.slow
def test_plain_load(saved, tmp_path):
    model, place, inputs, layers = saved
    [[left], right] = inputs
    np.savez(tmp_path / "in.npz", Left_image=left, right=right)
    run(LOAD, place, tmp_path / "in.npz", tmp_path / "out.npz")
    got = np.load(tmp_path / "out.npz")
    scores, [one] = model.predict(inputs, verbose=0)
    expected = {"serving_default.scores": scores, "serving_default.layer_1x1": one}
    for name, value in activations(model, inputs, layers).items():
        expected["activations." + name.replace("/", "_")] = value
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-5)


KILLED = """
    import os, signal, sys
    import numpy as np
    import keras
    from graph import atomic
    from graph.export import export
    _, place = sys.argv
    x = keras.Input((2,), name="x")
    def net(value):
        ones = keras.initializers.Constant(value)
        return keras.Model(x, keras.layers.Dense(1, kernel_initializer=ones, name="y")(x))
    export(net(1.0), place)
    atomic._put = lambda draft, target: os.kill(os.getpid(), signal.SIGKILL)
    export(net(2.0), place, overwrite=True)
"""


@pytest.mark.slow
def test_killed_in_the_middle_of_an_overwrite(tmp_path):
    place = tmp_path / "net"
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + textwrap.dedent(KILLED)
    done = run(code, place, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr[-3000:]
    assert len(os.listdir(tmp_path)) == 2  # the old one, and the one that was not finished
    assert call(place, x=np.ones((1, 2), "float32"))["y"] == pytest.approx(2.0)
    export(keras.Sequential([keras.Input((2,), name="z"), L.Dense(1)]), place, overwrite=True)
    assert call(place, z=np.ones((1, 2), "float32"))


def call(place, signature="serving_default", **inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(place))
    function = loaded.signatures[signature]
    return {
        k: v.numpy() for k, v in function(**{k: tf.constant(v) for k, v in inputs.items()}).items()
    }


def test_sequential_and_overwrite(tmp_path):
    model = keras.Sequential([keras.Input((3,), name="x"), L.BatchNormalization(), L.Dense(2)])
    place = tmp_path / "net"
    export(model, str(place))
    with pytest.raises(FileExistsError, match="overwrite=True .*net"):
        export(model, place)
    model.set_weights([w + 1 for w in model.get_weights()])
    export(model, place, overwrite=True, activations=L.BatchNormalization)
    assert os.listdir(tmp_path) == ["net"]
    v = data(4, 3)
    name = model.layers[-1].name
    np.testing.assert_allclose(call(place, x=v)[name], model.predict(v, verbose=0), 1e-5, 1e-5)
    first = model.layers[0].name
    got = call(place, "activations", x=v)[first]
    np.testing.assert_allclose(got, activations(model, v, first)[first], 1e-5, 1e-5)


def test_same_output_twice_shared_layer_and_state(tmp_path):
    a, b = keras.Input((4, 3), name="a"), keras.Input((4, 3), name="a-")
    lstm = L.LSTM(2, return_state=True, name="lstm")
    outputs = [*lstm(a), lstm(b)[0], L.Add(name="add")([a, b])]
    model = keras.Model({"a": a, "a-": b}, [*outputs, outputs[-1]])
    export(model, tmp_path / "net", activations="lstm")
    va, vb = data(2, 4, 3), 2 * data(2, 4, 3)
    got = call(tmp_path / "net", **{"a": va, "a_": vb})
    expected = model.predict({"a": va, "a-": vb}, verbose=0)
    names = ["lstm", "lstm_1", "lstm_2", "lstm_3", "add", "add_1"]
    assert set(got) == set(names)
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(got[name], value, 1e-5, 1e-5)
    got = call(tmp_path / "net", "activations", **{"a": va, "a_": vb})
    assert set(got) == {f"lstm_{i}{j}" for i in (0, 1) for j in ("", "_1", "_2")}
    np.testing.assert_allclose(got["lstm_1"], expected[3], 1e-5, 1e-5)


def test_compile_state_and_open_model_stay(tmp_path):
    model = keras.Sequential([keras.Input((3,), name="x"), L.Dense(2, name="y")])
    model.compile("adam", "mse")
    optimizer = model.optimizer
    export(model, tmp_path / "net", "y")
    assert model.optimizer is optimizer
    model.fit(data(4, 3), data(4, 2), verbose=0)


def test_fixed_batch_becomes_open(tmp_path):
    x = keras.Input(batch_shape=(2, 3), name="x")
    export(keras.Model(x, L.Dense(1, name="y")(x)), tmp_path / "net")
    assert call(tmp_path / "net", x=data(5, 3))["y"].shape == (5, 1)
    import tensorflow as tf

    # A loaded signature does not check shapes; what it says of itself counts.
    function = tf.saved_model.load(str(tmp_path / "net")).signatures["serving_default"]
    assert function.structured_input_signature[1]["x"].shape.as_list() == [None, 3]
    assert function.structured_outputs["y"].shape.as_list() == [None, 1]


def test_lookup_table_is_carried_along(tmp_path):
    x = keras.Input((), dtype="string", name="text")
    model = keras.Model(x, L.StringLookup(vocabulary=["a", "b"], name="look")(x))
    export(model, tmp_path / "net")
    np.testing.assert_array_equal(call(tmp_path / "net", text=["b", "?"])["look"], [2, 0])


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["a", "a", "a_1", "a"], ["a", "a_2", "a_1", "a_3"]),
        (["embedding/conv1", "embedding_conv1", "shared:0"], None),
        (
            ["1x1", "_x", "class", "größe", "a b.c"],
            ["layer_1x1", "layer_x", "class_", "gr__e", "a_b_c"],
        ),
        (["Dense", "dense"], ["Dense", "dense"]),
    ],
)
def test_signature_names(names, keys):
    got = _signature_names(names)
    assert got == (keys or ["embedding_conv1", "embedding_conv1_1", "shared_0"])
    assert len(set(got)) == len(got)


def not_traced(*args, **kwargs):
    pytest.fail("the model was traced")


def test_mistakes_are_told_before_any_work(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2, name="y")])
    monkeypatch.setattr(keras.export, "ExportArchive", not_traced)
    with pytest.raises(ValueError, match="has not been built"):
        export(keras.Sequential([L.Dense(2)]), tmp_path / "net")
    with pytest.raises(TypeError, match="expected a keras.Model, got str"):
        export("model", tmp_path / "net")
    with pytest.raises(ValueError, match="no layer matches 'z'.*its layers|closest"):
        export(model, tmp_path / "net", ["y", "z"])
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="there is a file already.*file"):
        export(model, tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="file/net"):
        export(model, tmp_path / "file" / "net", overwrite=True)
    assert os.listdir(tmp_path) == ["file"]


def test_failure_while_writing_leaves_nothing(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((3,), name="x"), L.Dense(2, name="y")])
    export(model, tmp_path / "old")
    before = call(tmp_path / "old", x=data(1, 3))["y"]
    import tensorflow as tf

    def failing(trackable, path, **options):
        (Path(path) / "half").write_text("")
        raise OSError("no space left")

    monkeypatch.setattr(tf.saved_model, "save", failing)
    for place in ("new", "deep/er/new", "old"):
        with pytest.raises(OSError, match="no space left"):
            export(model, tmp_path / place, overwrite=True)
    assert os.listdir(tmp_path) == ["old"]
    np.testing.assert_array_equal(call(tmp_path / "old", x=data(1, 3))["y"], before)


def test_other_backend(tmp_path, monkeypatch):
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="the Keras backend is 'jax': set KERAS_BACKEND"):
        export(model, tmp_path / "net")
    assert os.listdir(tmp_path) == []


def test_gmodule(tmp_path):
    x = nn.Linear(4, 3)()
    h = x - nn.Tanh()
    model = gModule([x], [h - nn.Linear(3, 2), h])
    export(model, tmp_path / "net", activations=None)
    v = data(5, 4)
    got = call(tmp_path / "net", **{_signature_names(model.input_names)[0]: v})
    assert len(got) == 2
    for name, value in zip(
        _signature_names(model.output_names), model.predict(v, verbose=0), strict=True
    ):
        np.testing.assert_allclose(got[name], value, 1e-5, 1e-5)
