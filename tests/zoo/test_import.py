"""What a script waits for when it imports a network."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"scipy", "h5py", "torch", "matplotlib", "PIL", "jax", "pandas", "sklearn", "pydot"}


def test_a_network_imports_nothing_heavy_and_no_other_network():
    code = """
import sys, keras
before = set(sys.modules)
from zoo import LeNet5, load_weights
import zoo.weights
print(*(set(sys.modules) - before))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    added = set(run.stdout.split())
    assert "zoo.lenet" in added and "zoo.alexnet" not in added
    assert not {name for name in added if name.partition(".")[0] in HEAVY}


def test_names_of_the_package():
    import zoo

    assert set(zoo.__all__) <= set(dir(zoo))
    for name in zoo.__all__:
        assert getattr(zoo, name) is not None
    with pytest.raises(AttributeError, match="module 'zoo' has no attribute 'VGG'"):
        _ = zoo.VGG
