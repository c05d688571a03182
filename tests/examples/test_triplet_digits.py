import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "triplet_digits.py"
METHODS = {"distance ratio", "triplet embedding", "semi-hard mining"}


def test_all_three_losses_learn_the_known_digits(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--epochs", "4", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.findall(r"^(\w[\w -]+?)((?: +[\d.]+%){4})(?: +\d+)? *$", done.stdout, re.M)
    rows = {name: [float(v) for v in re.findall(r"[\d.]+", values)] for name, values in found}
    assert set(rows) == {"pixels", "untrained network", *METHODS}
    for name in METHODS:
        triplets, recall = rows[name][:2]
        assert triplets > rows["pixels"][0] > rows["untrained network"][0]
        assert recall > 95
        assert (tmp_path / "out" / f"{name.replace(' ', '_')}.png").stat().st_size > 10_000
    assert "632 images to learn from; 632 others, 533 of new digits" in done.stdout
    assert re.search(r"distance ratio +epoch +4  loss [\d.]+", done.stdout)
