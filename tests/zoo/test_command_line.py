"""`python -m zoo`: what it writes and prints, and its exit status."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from golden_torch7 import TOLERANCE, Case, assert_close
from torch7_cases import file_of

from graph.torch7 import TorchFunction, TorchObject, load, save
from zoo import converting
from zoo.__main__ import main
from zoo.progress import Progress

ROOT = Path(__file__).parents[2]


@pytest.fixture
def lenet(tmp_path):
    return file_of(Case("models", "lenet"), tmp_path)


@pytest.fixture
def unknown(tmp_path):
    modules = [TorchObject("nn.Tanh"), TorchObject("nn.MyLayer")]
    path = tmp_path / "unknown.t7"
    save(path, TorchObject("nn.Sequential", {"modules": modules}))
    return path


def run(*words):
    return main([str(word) for word in words])


def left_over(folder):
    return sorted(p.name for p in folder.rglob("*") if ".tmp" in p.name)


def test_a_keras_file(lenet, tmp_path, capsys):
    case = Case("models", "lenet")
    status = run("convert", lenet, tmp_path / "out", "--to", "keras", "--input-shape", "1,32,32")
    assert status == 0
    place = tmp_path / "out" / "model.keras"
    text = capsys.readouterr().out
    assert text.startswith(f"{place}: input (None, 1, 32, 32) -> ") and "(None, 10)" in text
    model = keras.saving.load_model(place)
    assert type(model) is keras.Model or type(model).__module__.startswith("keras.")
    y = model.predict(case.arrays("input"), verbose=0)
    assert_close(y, case.arrays("output"), TOLERANCE["float32"], "output")
    assert not left_over(tmp_path)


def test_a_file_with_its_name(lenet, tmp_path):
    out = tmp_path / "deep" / "net.keras"
    words = ("--to", "keras", "--layout", "keras", "--input-shape", "32,32,1")
    assert run("convert", lenet, out, *words) == 0
    assert keras.saving.load_model(out).input_shape == (None, 32, 32, 1)


def test_a_saved_model_by_the_command_itself(lenet, tmp_path):
    import tensorflow as tf

    case = Case("models", "lenet")
    out = tmp_path / "out"
    words = [sys.executable, "-m", "zoo", "convert", str(lenet), str(out), "--to", "saved_model"]
    words += ["--input-shape", "3,32,32"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "error: " in done.stderr and not out.exists()
    words[-1] = "1,32,32"
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
    serve = tf.saved_model.load(str(out)).signatures["serving_default"]
    (y,) = serve(input=tf.constant(case.arrays("input"))).values()
    assert_close(y.numpy(), case.arrays("output"), TOLERANCE["float32"], "output")


def test_several_inputs(tmp_path, capsys):
    path = file_of(Case("models", "nested_table_input"), tmp_path)
    shape = "[3],[[3],[3]]"
    words = ("--to", "keras", "--input-shape", shape)
    assert run("convert", path, tmp_path / "out", *words) == 0
    assert capsys.readouterr().out.count("(None, 3)") == 4


def test_what_is_there_is_replaced_only_on_request(lenet, tmp_path, capsys):
    for to, out in (("keras", tmp_path / "a.keras"), ("saved_model", tmp_path / "b")):
        words = ["convert", lenet, out, "--to", to, "--input-shape", "1,32,32"]
        assert run(*words) == 0
        before = out.stat().st_ino
        assert run(*words) == 2
        assert "exists already\n  fix: --overwrite" in capsys.readouterr().err
        assert out.stat().st_ino == before
        assert run(*words, "--overwrite") == 0
        assert out.stat().st_ino != before
    assert not left_over(tmp_path)


def test_other_things_are_never_replaced(lenet, tmp_path, capsys):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    words = ["--input-shape", "1,32,32", "--overwrite"]
    assert run("convert", lenet, mine, "--to", "saved_model", *words) == 2
    assert "is no SavedModel" in capsys.readouterr().err
    assert run("convert", lenet, mine, "--to", "keras", *words) == 0
    assert run("convert", lenet, mine / "thesis.tex", "--to", "keras", *words) == 2
    assert (mine / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("to", list(converting.FORMATS))
def test_nothing_is_left_of_a_failure(to, lenet, tmp_path, capsys, monkeypatch):
    def fail(self, path, *args, **kwargs):
        Path(path).write_text("half")
        raise RuntimeError("the disk is full of\n ants")

    def fail_to_write_out(self, path, *args, **kwargs):
        (Path(path) / "half").write_text("half")
        raise RuntimeError("the disk is full of\n ants")

    monkeypatch.setattr("zoo.__main__.check_tools", lambda format: None)
    monkeypatch.setattr(keras.Model, "save", fail)
    monkeypatch.setattr(keras.Model, "export", fail)
    monkeypatch.setattr(type(keras.export.ExportArchive()), "write_out", fail_to_write_out)
    out = tmp_path / "new" / "out"
    assert run("convert", lenet, out, "--to", to, "--input-shape", "1,32,32") == 1
    assert f"cannot write it as {to}: RuntimeError: the disk is full of ants" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "new").exists()


def test_litert(lenet, tmp_path):
    if importlib.util.find_spec("keras.src.export.litert") is None:
        pytest.skip("this Keras has no LiteRT")
    import tensorflow as tf

    case = Case("models", "lenet")
    words = ("--to", "litert", "--input-shape", "1,32,32")
    assert run("convert", lenet, tmp_path / "out", *words) == 0
    interpreter = tf.lite.Interpreter(str(tmp_path / "out" / "model.tflite"))
    runner = interpreter.get_signature_runner()
    (name,) = runner.get_input_details()
    (y,) = runner(**{name: case.arrays("input")}).values()
    np.testing.assert_allclose(y, case.arrays("output"), rtol=1e-4, atol=1e-5)


def test_onnx(lenet, tmp_path, capsys):
    words = ("convert", lenet, tmp_path / "out", "--to", "onnx", "--input-shape", "1,32,32")
    try:
        converting.check_tools("onnx")
    except converting.ConversionError:
        assert run(*words) == 1
        assert "fix: pip install 'nngraph-keras[onnx]'" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()
        return
    case = Case("models", "lenet")
    assert run(*words) == 0
    import onnxruntime

    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "model.onnx"))
    (x,) = session.get_inputs()
    assert x.name == "input"
    assert [y.name for y in session.get_outputs()] == ["sequential_13_log_soft_max"]
    (y,) = session.run(None, {x.name: case.arrays("input")})
    np.testing.assert_allclose(y, case.arrays("output"), rtol=1e-4, atol=1e-5)


def test_open_sizes_are_not_for_onnx_and_litert(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("zoo.__main__.check_tools", lambda format: None)
    path = file_of(Case("layers", "SpatialConvolution"), tmp_path)
    assert run("convert", path, tmp_path / "o", "--to", "onnx", "--input-shape", "3,?,?") == 1
    assert "needs every size of the inputs, got (None, 3, None, None)" in capsys.readouterr().err


def test_unknown_modules(unknown, tmp_path, capsys):
    assert run("convert", unknown, tmp_path / "out", "--to", "keras") == 1
    err = capsys.readouterr().err
    assert f"error: {unknown} has a module" in err and "modules[2] (nn.MyLayer)" in err
    assert not (tmp_path / "out").exists()
    assert run("inspect", unknown) == 1
    told = capsys.readouterr()
    assert "modules[2]  nn.MyLayer  UNKNOWN" in told.out
    assert "1 unknown module:\n  modules[2] (nn.MyLayer)" in told.out
    assert "has unknown modules" in told.err


@pytest.mark.parametrize("command", [["inspect"], ["convert", "--to", "keras"]])
def test_files_that_cannot_be_read(command, tmp_path, capsys):
    name, *more = command
    out = [tmp_path / "out"] if more else []
    assert run(name, tmp_path / "none.t7", *out, *more) == 2
    (tmp_path / "cut.t7").write_bytes(b"\x04\0\0\0\x01\0\0\0")
    assert run(name, tmp_path / "cut.t7", *out, *more) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2 and all(line.startswith("error: ") for line in lines)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["convert", "model.t7", "out"],
        ["convert", "model.t7", "out", "--to", "caffe"],
        ["convert", "model.t7", "out", "--to", "keras", "--input-shape", "3x224"],
    ],
)
def test_usage(words, capsys):
    with pytest.raises(SystemExit) as caught:
        run(*words)
    assert caught.value.code == 2
    assert "usage: python -m zoo" in capsys.readouterr().err


def test_a_shape_is_missing_or_of_another_number_of_inputs(lenet, tmp_path, capsys):
    assert run("convert", lenet, tmp_path / "out", "--to", "keras") == 2
    assert "fix: --input-shape 3,224,224" in capsys.readouterr().err
    path = file_of(Case("models", "two_in_two_out"), tmp_path)
    assert run("convert", path, tmp_path / "out", "--to", "keras", "--input-shape", "20") == 2
    assert "expected a list of 2 shapes" in capsys.readouterr().err


def test_single_samples_come_with_a_warning(tmp_path, capsys):
    path = file_of(Case("models", "containers"), tmp_path)
    words = ["convert", path, tmp_path / "out", "--to", "keras", "--input-shape", "2,10"]
    assert run(*words) == 0
    assert f"warning: {path} cannot have been fed batches" in capsys.readouterr().err
    assert run(*words, "--batched", "yes") == 2  # The file is there.
    assert run(*words, "--batched", "yes", "--overwrite") == 1
    assert run(*words, "--batched", "no", "--overwrite") == 0
    assert "warning" not in capsys.readouterr().err.splitlines()[-1]


def test_inspect_shows_the_tree_and_what_is_shared(tmp_path, capsys):
    path = file_of(Case("models", "siamese_paralleltable"), tmp_path)
    assert run("inspect", path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: nn.Sequential, 11 modules, evaluating"
    assert lines[1] == "282 parameters (0.0 MB) in 4 tensors over 4 storages"
    assert lines[3] == ".  nn.Sequential"
    assert [s for s in lines if "weight 12x16 float32, bias 12 float32" in s]
    shared = [s for s in lines if "(shared with modules[1].modules[1].modules[3].bias)" in s]
    assert len(shared) == 1 and "bias 6 float32" in shared[0]


def test_inspect_shows_nodes_repeats_and_functions(tmp_path, capsys):
    path = file_of(Case("models", "shared_linear"), tmp_path)
    assert run("inspect", path) == 0
    assert "forwardnodes[" in capsys.readouterr().out
    tanh = TorchObject("nn.Tanh", {"updateOutput": TorchFunction(b"\x1bLJ", [])})
    save(tmp_path / "twice.t7", TorchObject("nn.Sequential", {"modules": [tanh, tanh]}))
    assert load(tmp_path / "twice.t7", functions="opaque").class_name == "nn.Sequential"
    assert run("inspect", tmp_path / "twice.t7") == 0
    text = capsys.readouterr().out
    assert "modules[2]  nn.Tanh  the same as modules[1]" in text
    assert "never run:\n  modules[1]: updateOutput" in text


def test_a_reader_that_has_seen_enough(lenet):
    words = f"{sys.executable} -m zoo inspect {lenet} | head -1; exit ${{PIPESTATUS[0]}}"
    env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        ["bash", "-c", words], cwd=ROOT, capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr


class Screen:
    def __init__(self, tty):
        self.tty, self.text = tty, ""

    def isatty(self):
        return self.tty

    def write(self, text):
        self.text += text

    def flush(self):
        pass


@pytest.mark.parametrize("tty", [True, False])
def test_progress_of_long_work(tty):
    screen = Screen(tty)
    progress = Progress(screen, "modules", after=0)
    for i in range(1, 101):
        progress(i, 100)
    progress.end()
    assert screen.text.endswith("100 of 100 modules\n")
    assert screen.text.count("modules") <= 11
    assert ("\r" in screen.text) == tty
    quick = Screen(tty)
    Progress(quick, "modules", after=60)(1, 1)
    assert quick.text == ""
