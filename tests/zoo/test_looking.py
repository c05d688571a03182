import keras
import numpy as np
import pytest

from zoo.__main__ import main


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
    assert main(["report", f"{files}/net.h5", "--data", f"{files}/data.npz"]) == 2
