import re

import keras
from example_scripts import finished_example, run_example

import graph  # noqa: F401  so that Keras knows the classes in the file
import losses  # noqa: F401


def run(folder, *arguments):
    done = finished_example("language_model.py", folder, *arguments, "--out", "out")
    lines = re.findall(
        r"^mini-batch +(\d+)  error ([\d.]+)  learning rate ([\d.]+)$", done.stdout, re.M
    )
    return done.stdout, [(int(n), float(error), float(rate)) for n, error, rate in lines]


def test_the_permutation_is_learnt(tmp_path):
    out, lines = run(tmp_path, "--epochs", 6, "--items", 30, "--seed", 3)
    assert [n for n, _, _ in lines] == [100, 200, 300, 400, 500, 600]  # every 100 mini-batches
    assert lines[-1][1] < 0.01 < lines[0][1]
    for n, _, rate in lines:
        assert abs(rate - 0.5 / (1 + n * 2e-4)) < 1e-4  # optim.sgd's decay
    assert "100.0% of 90 items are right" in out
    assert re.search(r"^ +30 +[\d,]+ +600 +0.00\d+ +3.401 ", out, re.M)
    assert (tmp_path / "out" / "error.png").stat().st_size > 10_000
    model = keras.saving.load_model(tmp_path / "out" / "model.keras")
    assert model.output_shape == (None, None, 30)


def test_any_text(tmp_path):
    text = "the cat sat on the mat. é ü; " * 60
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    out, lines = run(
        tmp_path,
        *("--text", "text.txt", "--epochs", 4, "--rho", 12, "--hidden", 48, "--length", 40),
        *("--temperature", 0),
    )
    assert lines[-1][1] < lines[0][1] < 3
    said = re.search(r"^the cat sat \|(.{40})$", out, re.M)[1]
    assert set(said) <= set(text)
    assert "sat" in said and "mat" in said


def test_a_text_that_is_too_short(tmp_path):
    (tmp_path / "text.txt").write_text("abc")
    done = run_example("language_model.py", tmp_path, "--text", "text.txt")
    assert done.returncode == 2 and "the text has 3 characters, no 5 and a next" in done.stderr
