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
