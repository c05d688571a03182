"""Every module of the golden cases through saving, and through becoming plain Keras."""

import json
import zipfile

import keras
import numpy as np
import pytest
from golden_torch7 import Case, assert_close, cases, network

NAMES = [name for name in cases("layers") if Case("layers", name).spec["mode"] == "eval"]

# Keras 3.12 saves a plain model with an input that nothing reads, and cannot load it.
UNREAD_INPUT = {"NarrowTable", "SelectTable", "SelectTable_negative"}
TOO_OLD = tuple(map(int, keras.version().split(".")[:2])) < (3, 13)


def flat(x):
    return [flat(item) for item in x] if isinstance(x, (list, tuple)) else np.asarray(x)


@pytest.mark.parametrize("name", NAMES)
def test_saved_and_plain(name, tmp_path):
    case = Case("layers", name)
    model, x = network(case, tmp_path)
    model.evaluate()
    expected = model.forward(x)
    close = {"rtol": 1e-5, "atol": 1e-6}

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras").evaluate()
    assert_close(loaded.forward(x), expected, close, "loaded")

    plain = model.to_keras()
    plain.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as archive:
        config = archive.read("config.json").decode()
    assert "nngraph" not in config, "holds a class of this package"
    assert json.loads(config)["module"].startswith("keras")
    if name in UNREAD_INPUT and TOO_OLD:
        with pytest.raises(ValueError, match="not connected"):
            keras.saving.load_model(tmp_path / "plain.keras")
        return
    again = keras.saving.load_model(tmp_path / "plain.keras")
    assert_close(flat(again(x, training=False)), expected, close, "plain")
