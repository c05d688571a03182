"""`load_torch7`: modules that it does not know, that hold functions, or that are damaged."""

import keras
import numpy as np
import pytest

import graph
from graph import GraphError, UnsupportedTorch, nn
from graph.torch7 import Torch7FormatError, TorchFunction, TorchObject, save
from graph.torch7.collecting import UnsupportedModules


def module(name, **fields):
    return TorchObject(name, fields)


def linear(inputs=3, outputs=2, **fields):
    weight = np.arange(inputs * outputs, dtype="float32").reshape(outputs, inputs)
    return module("nn.Linear", weight=weight, bias=np.ones(outputs, "float32"), **fields)


def sequential(*modules, name="nn.Sequential", **fields):
    return module(name, modules=list(modules), **fields)


@pytest.fixture
def file(tmp_path):
    def write(obj):
        save(tmp_path / "model.t7", obj)
        return tmp_path / "model.t7"

    return write


def unknown_model():
    inner = sequential(linear(), module("nn.MyLayer", gain=2), name="nn.ConcatTable")
    return sequential(
        module("nn.Tanh"), inner, module("nn.Narrow"), module("my.Other"), module("nn.MyLayer")
    )


def test_every_module_that_cannot_be_loaded_is_named(file):
    path = file(unknown_model())
    with pytest.raises(UnsupportedModules) as caught:
        graph.load_torch7(path)
    found = [(p.path, p.class_name, p.unknown) for p in caught.value.problems]
    assert found == [
        ("modules[2].modules[2]", "nn.MyLayer", True),
        ("modules[3]", "nn.Narrow", False),
        ("modules[4]", "my.Other", True),
        ("modules[5]", "nn.MyLayer", True),
    ]
    lines = str(caught.value).split("\n")
    assert lines[0] == f"{path} has 4 modules that cannot be taken over"
    assert lines[1] == "  modules[2].modules[2] (nn.MyLayer): no class of graph.nn stands for it"
    assert "nn.Narrow has no field 'dimension'" in lines[2]
    assert lines[-1].startswith('  fix: custom={"my.Other": make, "nn.MyLayer": make}')
    assert isinstance(caught.value, UnsupportedTorch) and isinstance(caught.value, ValueError)


def test_unknown_modules_of_a_gmodule_are_told_by_their_node(file, tmp_path):
    source = TorchObject("nngraph.Node", {"data": {"mapindex": [], "annotations": {}}})
    first = {"mapindex": [source["data"]], "module": module("nn.Identity")}
    second = {"mapindex": [first], "module": sequential(linear(), module("nn.MyLayer"))}
    sink = TorchObject("nngraph.Node", {"data": {"mapindex": [second]}})
    nodes = [source, *(TorchObject("nngraph.Node", {"data": d}) for d in (first, second)), sink]
    model = module("nn.gModule", innode=source, outnode=sink, forwardnodes=nodes, train=True)
    path = file(sequential(module("nn.Abs"), model))
    with pytest.raises(UnsupportedModules) as caught:
        graph.load_torch7(path)
    assert [p.path for p in caught.value.problems] == ["modules[2].forwardnodes[3].modules[2]"]
    loaded = graph.load_torch7(path, custom={"nn.MyLayer": lambda obj: nn.Square()})
    expected = (np.array([[1.0, 2.0, 3.0]]) @ np.arange(6).reshape(2, 3).T + 1) ** 2
    np.testing.assert_allclose(loaded.forward(np.array([[-1.0, 2.0, -3.0]], "float32")), expected)


@keras.saving.register_keras_serializable(package="test")
class Gain(keras.layers.Layer):
    def __init__(self, gain, **kwargs):
        super().__init__(**kwargs)
        self.gain = gain

    def call(self, x):
        return x * self.gain

    def get_config(self):
        return {**super().get_config(), "gain": self.gain}


def test_custom_makes_modules_and_keras_layers(file, tmp_path):
    model = sequential(linear(), module("nn.MyLayer", gain=3), module("nn.Tanh"))
    custom = {"nn.MyLayer": lambda obj: Gain(obj["gain"]), "nn.Tanh": lambda obj: nn.Abs()}
    loaded = graph.load_torch7(file(model), custom=custom)
    x = np.array([[1, -2, 3]], "float32")
    expected = np.abs(3 * (x @ np.arange(6).reshape(2, 3).T + 1))
    np.testing.assert_allclose(loaded.forward(x), expected)
    loaded.save(tmp_path / "custom.keras")
    again = keras.saving.load_model(tmp_path / "custom.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), expected)


def test_what_custom_makes_must_be_a_module(file):
    with pytest.raises(UnsupportedModules, match=r"modules\[1\] \(nn.MyLayer\): int 3 stands"):
        graph.load_torch7(
            file(sequential(module("nn.MyLayer"))), custom={"nn.MyLayer": lambda o: 3}
        )


def test_a_root_that_is_unknown(file):
    with pytest.raises(UnsupportedModules, match=r"the model itself \(nn.MyLayer\)"):
        graph.load_torch7(file(module("nn.MyLayer")))


def test_the_lua_functions_that_a_model_needs(file):
    lua = TorchFunction(b"\x1bLJ\x01\x02", [])
    model = sequential(linear(updateOutput=lua), module("nn.Abs", accUpdateGradParameters=lua))
    with pytest.raises(UnsupportedModules, match="a Lua function stands in the place of its up"):
        graph.load_torch7(file(model))
    loaded = graph.load_torch7(file(model), functions="opaque")
    x = np.array([[1, -2, 3]], "float32")
    np.testing.assert_allclose(loaded.forward(x), np.abs(x @ np.arange(6).reshape(2, 3).T + 1))


def test_a_table_holds_a_model_somewhere(file):
    path = file({"model": linear(), "epoch": 3})
    with pytest.raises(UnsupportedTorch, match=r"(?s)'model', 'epoch', expected a module\n.*fix"):
        graph.load_torch7(path)
    table = graph.torch7.load(path)
    assert graph.load_torch7(table["model"]).output_shape == (None, 2)


def test_damaged_fields(file):
    wrong = module("nn.Linear", weight="text", bias=[1])
    no_modules = sequential(TorchObject("nn.Sequential", {"modules": 3}), wrong)
    with pytest.raises(UnsupportedModules, match=r"(?s)modules\[1\].*damaged.*modules\[2\]"):
        graph.load_torch7(file(no_modules))


def test_a_module_that_holds_itself(file):
    model = sequential(linear())
    model["modules"].append(model)
    with pytest.raises(UnsupportedModules, match="it holds itself"):
        graph.load_torch7(file(model))


def test_modules_nested_without_end():
    model = module("nn.Tanh")
    for _ in range(100_000):
        model = sequential(model)
    with pytest.raises(UnsupportedModules, match="nested too deeply"):
        graph.load_torch7(model)
    # Python itself frees such an object level by level, as deep as its stack allows.
    while isinstance(model.get("modules"), list):
        model = model["modules"].pop()


def test_modules_of_several_gpus_and_of_cudnn(file):
    copies = sequential(
        sequential(linear(), module("cudnn.ClippedReLU", ceiling=4)), name="nn.DataParallelTable"
    )
    x = np.array([[1, -2, 3]], "float32")
    y = graph.load_torch7(file(copies)).forward(x)
    np.testing.assert_allclose(y, np.clip(x @ np.arange(6).reshape(2, 3).T + 1, 0, 4))


@pytest.mark.parametrize(
    ("fields", "training"),
    [({"train": True}, True), ({"train": False}, False), ({}, False)],
)
def test_the_model_runs_in_the_mode_of_the_file(file, fields, training):
    assert graph.load_torch7(file(linear(**fields))).train_mode is training


def test_the_mode_of_a_child_where_the_model_has_none(file):
    assert graph.load_torch7(file(sequential(linear(train=True)))).train_mode is True


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layout": "nchw"}, "layout='nchw', expected 'torch' or 'keras'"),
        ({"functions": "run"}, "functions='run', expected 'refuse' or 'opaque'"),
        ({"input_shape": (0,)}, "expected the shape of one sample"),
        ({"input_shape": "3"}, "expected the shape of one sample"),
    ],
)
def test_arguments(file, options, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        graph.load_torch7(file(linear()), **options)


def test_progress_counts_every_module(file):
    seen = []
    graph.load_torch7(
        file(sequential(linear(), module("nn.Tanh"))), progress=lambda *a: seen.append(a)
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_files_that_are_none(tmp_path):
    (tmp_path / "text.t7").write_text("hello")
    with pytest.raises(Torch7FormatError, match=r"text\.t7"):
        graph.load_torch7(tmp_path / "text.t7")
    with pytest.raises(FileNotFoundError):
        graph.load_torch7(tmp_path / "none.t7")


def test_modules_that_do_not_fit_together(file):
    with pytest.raises(GraphError, match="Linear"):
        graph.load_torch7(file(sequential(linear(3, 2), linear(3, 2))))
