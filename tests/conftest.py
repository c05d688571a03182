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


def pytest_addoption(parser):
    """Add `--one-of`, for a backend that compiles anew for each case."""
    parser.addoption(
        "--one-of",
        type=int,
        default=1,
        metavar="N",
        help="of each parametrised test run the first case and every Nth after it",
    )


def pytest_collection_modifyitems(config, items):
    """With CI=true in the environment, run the slow tests in a smaller size: one case of four."""
    one_of = config.option.one_of
    smaller = os.environ.get("CI") == "true" and not config.option.markexpr
    seen: dict[tuple[str, int], int] = {}
    kept, left_out = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        steps = 4 if smaller and item.get_closest_marker("slow") else one_of
        seen[test, steps] = seen.get((test, steps), -1) + 1
        (left_out if seen[test, steps] % steps else kept).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept
