import re

from example_scripts import finished_example


def test_quickstart_reaches_its_accuracy_and_writes_everything(tmp_path):
    done = finished_example("quickstart.py", tmp_path, "--epochs", "8", "--out", "out")
    accuracy = float(re.search(r"held-out 599 digits: ([\d.]+)%", done.stdout)[1])
    assert accuracy >= 97
    assert re.search(r"conv1 +28 x 28 x 6", done.stdout)
    assert "packages of this project loaded there: []" in done.stdout
    gap = float(re.search(r"predictions: (\S+)$", done.stdout, re.M)[1])
    assert gap < 1e-5
    out = tmp_path / "out"
    assert (out / "features.png").stat().st_size > 10_000
    assert (out / "lenet5.svg").exists() or (out / "lenet5.dot").exists()
    assert (out / "lenet5_saved_model" / "saved_model.pb").exists()
