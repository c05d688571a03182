import re

from example_scripts import finished_example


def test_both_optimisers_learn_and_are_compared(tmp_path):
    done = finished_example("scipy_lbfgs.py", tmp_path, "--passes", "12", "--out", "out")
    for name in ("L-BFGS", "SGD"):
        row = re.search(rf"^{name} +(\d+) +([\d.]+) +([\d.]+)%", done.stdout, re.M)
        assert int(row[1]) <= 14 and float(row[2]) < 1.0 and float(row[3]) > 80
    assert (tmp_path / "out" / "loss.png").stat().st_size > 5_000
