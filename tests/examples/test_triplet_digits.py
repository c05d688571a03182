import re

from example_scripts import finished_example

METHODS = {"distance ratio", "triplet embedding", "semi-hard mining"}


def test_all_three_losses_learn_the_known_digits(tmp_path):
    done = finished_example("triplet_digits.py", tmp_path, "--epochs", "4", "--out", "out")
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
