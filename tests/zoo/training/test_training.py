"""The subpackage as a whole: what it exports, when it imports, and its doctests."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import zoo.training

ROOT = Path(__file__).parents[3]
MODULES = sorted(p.stem for p in (ROOT / "zoo" / "training").glob("*.py") if p.stem != "__init__")


def test_every_name_is_there_and_no_other():
    for name in zoo.training.__all__:
        assert getattr(zoo.training, name).__name__ == name
    assert sorted(zoo.training._MODULES) == sorted(zoo.training.__all__)
    with pytest.raises(AttributeError, match="'zoo.training' has no attribute 'nothing'"):
        _ = zoo.training.nothing


def test_nothing_is_imported_before_it_is_asked_for():
    code = "import sys, zoo.training; print([m for m in sys.modules if m.startswith('zoo.')])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "['zoo.training']"


@pytest.mark.parametrize(
    "name", [*(f"zoo.training.{m}" for m in MODULES), "losses.confusion_matrix"]
)
def test_doctests(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
