"""What every test shares: a quiet TensorFlow on the CPU, seeds, and hypothesis profiles."""

import os

# Before anything imports TensorFlow. A value that is already set wins.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import pytest
from hypothesis import settings

settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(autouse=True)
def seed():
    """Seeds Python, NumPy and the backend; the value is the seed."""
    keras.utils.set_random_seed(1234)
    return 1234


def pytest_collection_modifyitems(config, items):
    """With CI=true in the environment, run the slow tests in a smaller size: one case of four."""
    if os.environ.get("CI") != "true" or config.option.markexpr:
        return
    seen: dict[str, int] = {}
    kept, left_out = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        if item.get_closest_marker("slow"):
            seen[test] = seen.get(test, -1) + 1
            if seen[test] % 4:
                left_out.append(item)
                continue
        kept.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
