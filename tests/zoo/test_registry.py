"""Networks by their names: the registry, the cards, decoded predictions."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import zoo
from zoo import registry
from zoo.__main__ import main

# By hand: places x kernel x planes in x planes out, layer by layer.
LENET = 28 * 28 * 25 * 6 + 10 * 10 * 25 * 6 * 16 + 400 * 120 + 120 * 84 + 84 * 10
ALEXNET = (
    55 * 55 * 121 * 3 * 96
    + 27 * 27 * 25 * 96 * 256
    + 13 * 13 * 9 * (256 * 384 + 384 * 384 + 384 * 256)
    + 9216 * 4096
    + 4096 * 4096
    + 4096 * 1000
)


@pytest.fixture
def forgetful(monkeypatch):
    monkeypatch.setattr(registry, "_registry", dict(registry._registry))


def test_names_by_pattern():
    assert zoo.list_models() == sorted(zoo.list_models())
    assert zoo.list_models("*NET*")[:3] == ["alexnet", "alexnet_paper", "alexnet_torchvision"]
    assert zoo.list_models("lenet5_?odern") == ["lenet5_modern"]
    assert zoo.list_models("resnet*") == []


@pytest.mark.parametrize("name", [e.name for e in registry._ENTRIES if "alex" not in e.name])
def test_every_name_makes_a_model(name):
    model = zoo.create_model(name) if name != "two_stream" else zoo.create_model(name, classes=3)
    assert isinstance(model, keras.Model) and model.built
    assert registry.entry(name).reference


def test_arguments_go_to_the_builder():
    model = zoo.create_model("LeNet5_modern", classes=26, name="letters")
    assert model.output_shape == (None, 26) and model.name == "letters"
    assert zoo.create_model("alexnet_torchvision", include_top=False).count_params() == 2_469_696
    with pytest.raises(TypeError, match="colour"):
        zoo.create_model("lenet5", colour=True)


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(ValueError, match="no model 'alexnt': did you mean alexnet"):
        zoo.create_model("alexnt")
    with pytest.raises(ValueError, match="there are .*'lenet5'"):
        zoo.model_card("zzz")


def test_users_register_their_own(forgetful):
    @zoo.register("small", reference="mine", preprocessing="none", units=3)
    def small(units, name="small"):
        return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)], name=name)

    assert zoo.list_models("small") == ["small"]
    assert zoo.create_model("small", units=5).output_shape == (None, 5)
    card = zoo.model_card("small")
    assert (card.parameters, card.multiply_adds, card.reference) == (9, 6, "mine")
    assert zoo.register("small")(small) is small  # again, as when its module is loaded again
    with pytest.raises(ValueError, match="there is a model 'lenet5' already"):
        zoo.register("lenet5")(small)
    for bad in ("", "Big", "a b", "a*"):
        with pytest.raises(ValueError, match="lower case, without spaces"):
            zoo.register(bad)


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("lenet5_modern", 61_706, LENET), ("alexnet", 62_378_344, ALEXNET)],
)
def test_cards(name, parameters, multiply_adds):
    card = zoo.model_card(name)
    assert (card.parameters, card.multiply_adds) == (parameters, multiply_adds)
    text = str(card)
    assert f"{parameters:,}" in text and f"{multiply_adds:,}" in text
    assert "preprocess_input" in text and "reference" in text


def test_a_card_of_several_inputs_and_of_open_sizes():
    card = zoo.model_card("lstm", input_size=5, hidden=4)
    assert card.input_shape == [(5,), (4,), (4,)] and card.output_shape == [(4,), (4,)]
    assert card.multiply_adds == 4 * (5 * 4 + 4 * 4)
    assert (
        zoo.model_card("lstm_language_model", vocabulary=7, hidden=4, rho=None).multiply_adds
        is None
    )


def test_predictions_with_labels(tmp_path):
    scores = np.array([[0.1, 0.6, 0.3], [0.4, 0.2, 0.4]])
    first, second = zoo.decode_predictions(scores, top=2, labels=["cat", "dog", "owl"])
    assert [(p.index, p.label) for p in first] == [(1, "dog"), (2, "owl")]
    assert [p.label for p in second] == ["cat", "owl"]
    assert first[0].score == 0.6
    names = tmp_path / "names.txt"
    names.write_text("katt\nhund\nuggla\n\n", encoding="utf-8")
    assert zoo.decode_predictions(scores, labels=names)[0][0].label == "hund"
    assert [p.label for p in zoo.decode_predictions(scores)[0]] == ["1", "2", "0"]


@pytest.mark.parametrize(
    ("scores", "options", "message"),
    [
        ([0.1, 0.9], {}, r"\(batch, classes\), got shape \(2,\)"),
        ([[0.1, 0.9]], {"top": 0}, "top must be a whole number of at least 1, got 0"),
        ([[0.1, 0.9]], {"labels": ["a"]}, "labels: 1 labels, but 2 classes"),
    ],
)
def test_predictions_that_cannot_be_decoded(scores, options, message):
    with pytest.raises(ValueError, match=message):
        zoo.decode_predictions(scores, **options)


def test_a_file_with_too_few_labels(tmp_path):
    (tmp_path / "names.txt").write_text("a\n")
    with pytest.raises(ValueError, match=r"names\.txt: 1 labels, but 2 classes"):
        zoo.decode_predictions([[0.1, 0.9]], labels=str(tmp_path / "names.txt"))


def test_list_card_and_summary(capsys):
    assert main(["list", "alex*"]) == 0
    assert capsys.readouterr().out.split() == zoo.list_models("alex*")
    assert main(["card", "lenet5"]) == 0
    assert "61,706" in capsys.readouterr().out
    assert main(["summary", "lenet5"]) == 0
    assert "conv1" in capsys.readouterr().out


def test_arguments_of_the_builder(capsys):
    words = ["--set", "classes=26", "--set", "input_shape=(40, 40, 1)", "--set", "variant=modern"]
    assert main(["card", "lenet5", *words]) == 0
    text = capsys.readouterr().out
    assert "40 x 40 x 1" in text and "output         26" in text
    with pytest.raises(SystemExit) as end:
        main(["card", "lenet5", "--set", "classes"])
    assert end.value.code == 2
    assert "expected NAME=VALUE, got 'classes'" in capsys.readouterr().err


def test_draw_and_export(tmp_path, capsys):
    assert main(["draw", "lenet5", str(tmp_path / "net.dot")]) == 0
    assert "conv1" in (tmp_path / "net.dot").read_text()
    model = zoo.create_model("lenet5")
    model.save_weights(tmp_path / "net.weights.h5")
    out = str(tmp_path / "saved")
    words = ["export", "lenet5", out, "--weights", str(tmp_path / "net.weights.h5")]
    assert main(words) == 0
    x = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    np.savez(tmp_path / "case.npz", x=x, y=model.predict(x, verbose=0))
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        "case = np.load(sys.argv[2])\n"
        "serve = tf.saved_model.load(sys.argv[1]).signatures['serving_default']\n"
        "(y,) = serve(tf.constant(case['x'])).values()\n"
        "np.testing.assert_allclose(y, case['y'], rtol=1e-5, atol=1e-6)\n"
        "assert 'graph' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, out, str(tmp_path / "case.npz")], check=True)
    capsys.readouterr()
    assert main(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["card", "lenet"], 2, "no model 'lenet': did you mean"),
        (["list", "vgg*"], 2, "no model matches 'vgg*'"),
        (["export", "lenet5", "out", "--weights", "none.h5"], 2, "none.h5"),
        (["export", "lenet5", "out", "--weights", "text.h5"], 1, "text.h5"),
        (["draw", "lenet5", "net.bmp"], 1, "bmp"),
        (["card", "lenet5", "--set", "sides=3"], 2, "lenet5: "),
        (["summary", "lenet5", "--set", "classes=none"], 1, "outputSize"),
        (["draw", "lenet5", "net.svg", "--set", "variant=odd"], 2, "odd"),
    ],
)
def test_what_goes_wrong(words, status, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.h5").write_text(json.dumps({"a": "b"}))
    assert main(words) == status
    captured = capsys.readouterr()
    assert message in captured.err and not captured.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["text.h5"]
