import re
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "examples" / "feature_classifiers.py"


def run(*arguments):
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=300
    )


def test_the_table_and_the_best():
    done = run("--epochs", "3")
    assert done.returncode == 0, done.stderr[-3000:]
    rows = re.findall(r"^(\w[\w ]+?) +[\d.]+ +([\d.]+)% +([\d.]+)%$", done.stdout, re.M)
    scores = {name: (float(valid), float(test)) for name, valid, test in rows}
    assert set(scores) == {
        *("boosted trees", "random forest", "decision tree", "logistic regression"),
    }
    best = re.search(r"best on the 68 validation digits: (.*); on the test set: (.*)%", done.stdout)
    assert scores[best[1]][0] == max(valid for valid, _ in scores.values())
    assert scores[best[1]][1] == float(best[2]) > 90
    assert "128 features from 'pool2'" in done.stdout


def test_help():
    done = run("--help")
    assert done.returncode == 0 and "--layer" in done.stdout and "--pooling" in done.stdout
