"""Activations of any kind of data, and HDF5 files that survive kills and full disks."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from graph import activations

L = keras.layers
ROOT = Path(__file__).parents[2]


def data(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def net(name="net"):
    keras.utils.set_random_seed(3)
    x = keras.Input((8, 6, 3), name="image")
    y = L.Conv2D(4, 3, activation="relu", name="conv1")(x)
    y = L.LSTM(3, name="lstm")(L.Reshape((6, 16), name="rows")(y))
    return keras.Model(x, L.Dense(2, name="fc")(y), name=name)


def read(path):
    with h5py.File(path) as file:
        return {file[k].attrs["layer"]: file[k][:] for k in file}


class Pieces(keras.utils.PyDataset):
    def __init__(self, x, size):
        super().__init__()
        self.x, self.size = x, size

    def __len__(self):
        return -(-len(self.x) // self.size)

    def __getitem__(self, i):
        return self.x[i * self.size : (i + 1) * self.size], np.zeros(self.size)


def kinds(x, tmp_path):
    import tensorflow as tf

    np.save(tmp_path / "x.npy", x)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["x"] = x
    return {
        "tf.data": tf.data.Dataset.from_tensor_slices(x).batch(4),
        "labelled": tf.data.Dataset.from_tensor_slices((x, np.zeros(len(x)))).batch(5),
        "PyDataset": Pieces(x, 3),
        "generator": (x[i : i + 4] for i in range(0, len(x), 4)),
        "dicts": ({"image": x[i : i + 4]} for i in range(0, len(x), 4)),
        "mapped": np.load(tmp_path / "x.npy", mmap_mode="r"),
        "h5py": h5py.File(tmp_path / "x.h5")["x"],
        "float64": x.astype("float64"),
        "batches": map(np.asarray, [x[:7], x[7:]]),
    }


def test_data_of_any_kind(tmp_path):
    model, x = net(), data(11, 8, 6, 3)
    expected = activations(model, x, ["conv1", "fc"])
    for kind, given in kinds(x, tmp_path).items():
        got = activations(model, given, ["conv1", "fc"], batch_size=4)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=1e-5, atol=1e-6, err_msg=kind)
    endless = (x[:4] for _ in iter(int, 1))
    assert activations(model, endless, "fc", steps=2)["fc"].shape == (8, 2)
    with pytest.raises(ValueError, match="there is no batch"):
        activations(model, iter([]), "fc")
    with pytest.raises(ValueError, match="batch_size must be .* received 0"):
        activations(model, x, batch_size=0)


def folder(path, count=5):
    (path / "sub").mkdir(parents=True)
    (path / ".hidden").write_text("no image")
    images = np.random.default_rng(0).integers(0, 256, (count, 10, 7, 3)).astype("uint8")
    for i, image in enumerate(images):
        name = f"sub/{i}.png" if i == 3 else f"{i}.png"
        keras.utils.save_img(path / name, image, scale=False)
    return path


def test_a_folder_of_images(tmp_path):
    model, path = net(), folder(tmp_path / "images")
    order = ["0.png", "1.png", "2.png", "4.png", "sub/3.png"]
    pixels = [keras.utils.load_img(path / name, target_size=(8, 6)) for name in order]
    x = np.stack([keras.utils.img_to_array(p) for p in pixels])
    expected = activations(model, x, "conv1")["conv1"]
    for given in (path, str(path)):
        np.testing.assert_allclose(
            activations(model, given, "conv1", batch_size=2)["conv1"], expected, rtol=1e-5
        )
    scaled = activations(model, path, "conv1", preprocess=lambda v: v / 255)["conv1"]
    np.testing.assert_allclose(scaled, activations(model, x / 255, "conv1")["conv1"], rtol=1e-4)
    (path / "2.png").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"images/2\.png is not an image that can be read"):
        activations(model, path, "conv1", batch_size=2)
    with pytest.raises(NotADirectoryError, match="there is no folder of images"):
        activations(model, tmp_path / "none", "conv1")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="there is no image in"):
        activations(model, tmp_path / "empty", "conv1")
    with pytest.raises(TypeError, match="preprocess is for a folder"):
        activations(model, x, preprocess=np.abs)
    flat = keras.Sequential([keras.Input((3,)), L.Dense(1)])
    with pytest.raises(ValueError, match=r"takes \(height, width, channels\).*takes \(3,\)"):
        activations(flat, path)


def test_reduce():
    model, x = net(), data(5, 8, 6, 3)
    full = activations(model, x)
    mean = activations(model, x, reduce="mean", batch_size=2)
    np.testing.assert_allclose(mean["conv1"], full["conv1"].mean((1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mean["fc"], full["fc"], rtol=1e-5)
    largest = activations(model, x, reduce="max")
    np.testing.assert_allclose(largest["rows"], full["rows"].max(1), rtol=1e-5)
    own = activations(model, x, "conv1", reduce=lambda t: keras.ops.sum(t[..., :2], axis=1))
    np.testing.assert_allclose(own["conv1"], full["conv1"][..., :2].sum(1), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="reduce is 'mean', 'max'.*received 'sum'"):
        activations(model, x, reduce="sum")


@pytest.mark.parametrize(
    "make",
    [
        lambda **o: L.LSTM(3, **o),
        lambda **o: L.GRU(3, go_backwards=True, **o),
        lambda **o: L.SimpleRNN(3, **o),
        lambda **o: L.RNN([L.LSTMCell(4), L.GRUCell(3)], **o),
        lambda **o: L.Bidirectional(L.LSTM(3, return_sequences=o.get("return_sequences", False))),
    ],
)
def test_per_step(make):
    x = keras.Input((None, 4), name="x")
    masked = L.Masking(name="mask")(x)
    last, every = make(), make(return_sequences=True)
    model = keras.Model(x, L.Dense(2, name="fc")(last(masked)))
    oracle = keras.Model(x, every(masked))
    every.set_weights(last.get_weights())
    v = data(3, 5, 4)
    v[1, 3:] = 0
    got = activations(model, v, [last, "fc"], per_step=True)
    wanted = oracle.predict(v, verbose=0)
    np.testing.assert_allclose(got[last.name], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got["fc"], model.predict(v, verbose=0), rtol=1e-5, atol=1e-6)
    assert not last.return_sequences
    assert activations(model, v, last)[last.name].shape == (3, wanted.shape[-1])


def test_a_file_holds_what_memory_would(tmp_path, monkeypatch):
    monkeypatch.setattr("graph.activation_file._PIECE_ROWS", 8)
    model, x, path = net(), data(45, 8, 6, 3), tmp_path / "new" / "acts.h5"
    assert activations(model, x, batch_size=7, to=path) == path
    expected = activations(model, x, batch_size=7)
    got = read(path)
    assert set(got) == set(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(got[name], value)
    with h5py.File(path) as file:
        assert file["conv1"].compression == "gzip" and file["conv1"].chunks[0] <= 8
    assert os.listdir(path.parent) == ["acts.h5"]
    stamp = path.stat().st_mtime_ns
    activations(model, x, batch_size=7, to=path)  # all there: nothing is computed or written
    assert path.stat().st_mtime_ns == stamp


def test_several_outputs_and_nested_names(tmp_path):
    x = keras.Input((4, 3))
    inner = keras.Model(x, L.LSTM(2, return_state=True, name="lstm")(x), name="inner")
    model = keras.Model(x, inner(x)[0] * 2.0)
    v = data(3, 4, 3)
    activations(model, v, "inner/lstm", to=tmp_path / "a.h5")
    wanted = activations(model, v, "inner/lstm")["inner/lstm"]
    with h5py.File(tmp_path / "a.h5") as file:
        for i in range(3):
            np.testing.assert_array_equal(file[f"inner|lstm.{i}"][:], wanted[i])


def test_a_file_of_something_else_is_refused_and_untouched(tmp_path):
    path, x = tmp_path / "a.h5", data(9, 8, 6, 3)
    model = net()
    activations(model, x, "fc", to=path)
    before = path.read_bytes()

    def refused(message, model=model, x=x, layers="fc", **options):
        with pytest.raises(ValueError, match=message):
            activations(model, x, layers, to=path, **options)
        assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.h5"]

    refused(r"a\.h5 holds activations of another layers: \['fc'\], not \['conv1'\]", layers="conv1")
    refused("of another reduce", reduce="mean")
    refused("of another data", x=x * 2)
    other = net()
    other.get_layer("fc").set_weights([w + 1 for w in other.get_layer("fc").get_weights()])
    refused("of another model", model=other)
    activations(other, x, "fc", to=path, overwrite=True)
    assert path.read_bytes() != before
    path.write_bytes(b"something else")
    before = path.read_bytes()
    refused("holds no activations of this package")
    with pytest.raises(IsADirectoryError):
        activations(model, x, "fc", to=tmp_path)


def test_an_unfinished_file_of_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("graph.activation_file._PIECE_ROWS", 4)
    model, x, path = net(), data(16, 8, 6, 3), tmp_path / "a.h5"

    def breaks():
        yield x[:8]
        raise RuntimeError("the cable")

    with pytest.raises(RuntimeError, match="the cable"):
        activations(model, breaks(), "fc", to=path)
    with pytest.raises(ValueError, match=r"a\.h5\.partial holds activations of another layers"):
        activations(model, breaks(), "conv1", to=path)
    whole = (x[i : i + 8] for i in range(0, 16, 8))
    activations(model, whole, "fc", to=path)
    np.testing.assert_allclose(read(path)["fc"], activations(model, x, "fc")["fc"], rtol=1e-5)


def test_a_kill_before_the_first_piece_leaves_nothing_in_the_way(tmp_path):
    partial = tmp_path / "a.h5.partial"
    partial.mkdir()
    (partial / ".identity.0123.tmp.json").write_text("{")
    (partial / ".000000000000-000000000016.0123.tmp.h5").write_bytes(b"half")
    model, x = net(), data(9, 8, 6, 3)
    activations(model, x, "fc", to=tmp_path / "a.h5")
    np.testing.assert_array_equal(read(tmp_path / "a.h5")["fc"], activations(model, x, "fc")["fc"])
    assert os.listdir(tmp_path) == ["a.h5"]


JOB = """
import resource, sys, keras, numpy as np
sys.path[:0] = sys.argv[4:]
import graph, graph.activation_file as f
from test_activation_file import net, data
f._PIECE_ROWS = 16
if int(sys.argv[2]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))
pause = float(sys.argv[3])
def batches():
    import time
    for i in range(0, 400, 10):
        time.sleep(pause)
        yield data(400, 8, 6, 3)[i : i + 10]
print("ready", flush=True)
try:
    graph.activations(net(), batches(), to=sys.argv[1])
except OSError as error:
    print("OSError", error)
"""


def job(path, limit=0, pause=0.0, **options):
    command = [sys.executable, "-c", JOB, path, str(limit), str(pause), ROOT, Path(__file__).parent]
    return subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
def test_killed_ten_times_the_file_is_the_same(tmp_path):
    first = job(tmp_path / "whole.h5")
    assert first.wait(120) == 0, first.stderr.read()
    expected = (tmp_path / "whole.h5").read_bytes()
    partial = tmp_path / "a.h5.partial"
    kept, chance = [], random.Random(5)
    for _ in range(10):
        process = job(tmp_path / "a.h5", pause=0.15)
        process.stdout.readline()
        before = len(list(partial.glob("[0-9]*-*.h5"))) if partial.exists() else 0
        # Killed a random while after it has gone on by a piece, so that all ten see some rows.
        end = time.monotonic() + 60
        while time.monotonic() < end and process.poll() is None:
            if partial.exists() and len(list(partial.glob("[0-9]*-*.h5"))) > before:
                break
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        kept.append(len(list(partial.glob("[0-9]*-*.h5"))))
    assert kept == sorted(kept) and kept[0] >= 1 and not (tmp_path / "a.h5").exists()
    last = job(tmp_path / "a.h5")
    assert last.wait(120) == 0, last.stderr.read()
    assert (tmp_path / "a.h5").read_bytes() == expected
    assert not partial.exists()


def test_a_full_disk(tmp_path):
    path = tmp_path / "a.h5"
    path_rows = tmp_path / "a.h5.partial"
    # Pieces fit under the limit, the joined file does not.
    process = job(path, limit=60_000)
    out, err = process.communicate(timeout=120)
    assert "OSError" in out and "cannot write: File too large" in out and "a.h5" in out, err
    assert not path.exists() and list(path_rows.glob("[0-9]*-*.h5"))
    again = job(path)
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0 and "OSError" not in out, err
    assert len(read(path)["fc"]) == 400


def test_a_full_disk_on_the_first_piece(tmp_path):
    out, _ = job(tmp_path / "a.h5", limit=3_000).communicate(timeout=120)
    assert "OSError" in out and "cannot write: File too large" in out
    assert not (tmp_path / "a.h5").exists()


def test_progress(tmp_path, capsys):
    activations(net(), data(9, 8, 6, 3), "fc", to=tmp_path / "a.h5", progress=True, batch_size=4)
    assert "] 9/9 rows" in capsys.readouterr().err
    activations(net(), data(9, 8, 6, 3), "fc", to=tmp_path / "b.h5", batch_size=4)
    assert capsys.readouterr().err == ""
