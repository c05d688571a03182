import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "quickstart.py"


def test_quickstart_reaches_its_accuracy_and_writes_everything(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--epochs", "8", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
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
