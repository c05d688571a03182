"""What the oldest Keras that is supported cannot do."""

import keras
import pytest


def not_on_3_12(reason):
    """Skip a test on Keras 3.12, which lacks something."""
    version = tuple(map(int, keras.__version__.split(".")[:2]))
    return pytest.mark.skipif(version < (3, 13), reason=reason)
