"""Pictures and the report from the command line."""

import keras
import numpy as np
import pytest
from golden_torch7 import Case
from torch7_cases import file_of

import zoo
from zoo.__main__ import main
from zoo.alexnet import preprocess_input


@pytest.fixture
def files(tmp_path):
    x = keras.Input((8, 6, 1))
    y = keras.layers.Conv2D(3, 3, name="conv1")(x)
    y = keras.layers.Dense(4, activation="softmax", name="fc")(keras.layers.Flatten()(y))
    keras.Model(x, y).save(tmp_path / "net.keras")
    image = np.arange(130.0).reshape(13, 10, 1)
    keras.utils.save_img(tmp_path / "a.png", image, scale=False)
    np.savez(tmp_path / "data.npz", x=np.ones((5, 8, 6, 1), "float32"), y=np.arange(5) % 4)
    return tmp_path


def test_inspect_draws(files, capsys):
    words = ["inspect", f"{files}/net.keras", "--image", f"{files}/a.png", "--out", f"{files}/o"]
    assert main([*words, "--layers", "conv*"]) == 0
    names = sorted(p.name for p in (files / "o").iterdir())
    assert names == ["conv1_filters.png", "conv1_maps.png"]
    assert main([*words, "--layers", "cnv"]) == 2
    assert main([*words, "--layers", "fc"]) == 2
    assert "no layer that matches" in capsys.readouterr().err


def test_report_is_written(files, capsys):
    words = ["report", f"{files}/net.keras", "--out", f"{files}/r.html"]
    assert main([*words, "--data", f"{files}/data.npz"]) == 0
    assert "of 5 samples right" in (files / "r.html").read_text()
    np.savez(files / "data.npz", z=np.ones(3))
    assert main([*words, "--data", f"{files}/data.npz"]) == 2
    assert "must hold x and y" in capsys.readouterr().err
    assert main(["report", f"{files}/net.keras", "--out", f"{files}/bare.html"]) == 0
    assert "Confusion" not in (files / "bare.html").read_text()
    assert main(["report", f"{files}/net.h5", "--data", f"{files}/data.npz"]) == 2
    (files / "data.npz").write_text("words")
    assert main([*words, "--data", f"{files}/data.npz"]) == 2
    assert "is no .npz file" in capsys.readouterr().err
    assert main([*words, "--data", f"{files}/none.npz"]) == 2
    assert "No such file" in capsys.readouterr().err


def test_torch7_models_are_drawn_and_reported(files, tmp_path, capsys):
    model = str(file_of(Case("models", "lenet"), tmp_path))
    words = ["inspect", model, "--image", f"{files}/a.png", "--out", f"{files}/o"]
    assert main(words) == 2
    assert "does not state the shape" in capsys.readouterr().err
    assert main([*words, "--input-shape", "32,32,1", "--layers", "*conv*"]) == 0
    assert len(list((files / "o").glob("*_maps.png"))) == 2
    assert main([*words, "--input-shape", "32,32,3"]) == 1
    assert "expected" in capsys.readouterr().err
    np.savez(files / "data.npz", x=np.ones((5, 32, 32, 1), "float32"), y=np.arange(5) % 10)
    out = files / "torch.html"
    assert main(["report", model, "--data", f"{files}/data.npz", "--out", str(out)]) == 0
    assert "of 5 samples right" in out.read_text()
    (files / "bad.t7").write_bytes(b"\4")
    assert main(["report", f"{files}/bad.t7", "--data", f"{files}/data.npz"]) == 2
    assert "byte 0" in capsys.readouterr().err


def test_networks_of_the_zoo_by_name(files, capsys):
    out = files / "o"
    words = ["inspect", "lenet5", "--image", f"{files}/a.png", "--out", str(out)]
    assert main([*words, "--layers", "conv*"]) == 0
    assert sorted(p.name for p in out.iterdir()) == [
        f"conv{i}_{what}.png" for i in (1, 2) for what in ("filters", "maps")
    ]
    assert main(["inspect", "lenet5"]) == 0
    assert "conv1" in capsys.readouterr().out
    assert main(["inspect", f"{files}/net.keras"]) == 0
    assert "receptive" not in (shown := capsys.readouterr().out) and "conv1" in shown
    net = zoo.create_model("lenet5")
    net.save_weights(files / "lenet.weights.h5")
    np.savez(files / "data.npz", x=np.ones((5, 32, 32, 1), "float32"), y=np.arange(5))
    page = files / "lenet.html"
    words = ["report", "lenet5", "--weights", f"{files}/lenet.weights.h5", "--out", str(page)]
    assert main([*words, "--data", f"{files}/data.npz"]) == 0
    said = int(np.argmax(net.predict(np.ones((1, 32, 32, 1)), verbose=0)))
    assert f"{0 if said > 4 else 20:.2f}% of 5 samples right" in page.read_text()


def test_a_networks_own_preprocessing(files, monkeypatch):
    seen = []
    monkeypatch.setattr("zoo.looking.draw_maps", lambda x, maps, name, path: seen.append(x))
    words = ["--image", f"{files}/a.png", "--layers", "pool1", "--out", f"{files}/o"]
    for name, variant in (("alexnet", "single"), ("alexnet_torchvision", "torchvision")):
        assert main(["inspect", name, *words]) == 0
        shape = seen[-1].shape[:2]
        pixels = keras.utils.load_img(files / "a.png", color_mode="rgb", target_size=shape)
        want = preprocess_input(keras.utils.img_to_array(pixels)[None], variant=variant)[0]
        np.testing.assert_allclose(seen[-1], want, rtol=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect", "lenet6"], "lenet5"),
        (["inspect", "folder/net"], "a .keras or .t7 file, or a name of the zoo"),
        (["inspect", "{0}/none.keras"], "No such file"),
        (["inspect", "{0}/net.keras", "--weights", "w.npz"], "has its weights inside"),
        (["inspect", "{0}/net.keras", "--image", "{0}/data.npz"], "is not an image that can"),
        (["inspect", "{0}/net.keras", "--image", "{0}/none.png"], "No such file"),
        (["report", "lenet6"], "lenet5"),
    ],
)
def test_wrong_words(files, capsys, words, message):
    assert main([word.format(files) for word in words]) == 2
    assert message in capsys.readouterr().err
