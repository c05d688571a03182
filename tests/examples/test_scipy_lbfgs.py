import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "scipy_lbfgs.py"


def test_both_optimisers_learn_and_are_compared(tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, "--passes", "12", "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("L-BFGS", "SGD"):
        row = re.search(rf"^{name} +(\d+) +([\d.]+) +([\d.]+)%", done.stdout, re.M)
        assert int(row[1]) <= 14 and float(row[2]) < 1.0 and float(row[3]) > 80
    assert (tmp_path / "out" / "loss.png").stat().st_size > 5_000
