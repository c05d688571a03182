"""What the tests of losses share: JAX's memory is bounded."""

from collections.abc import Iterator

import keras
import pytest


@pytest.fixture(autouse=True, scope="module")
def no_compiled_code_is_kept() -> Iterator[None]:
    """JAX keeps what it compiled for each shape, of which the golden cases have thousands."""
    yield
    if keras.backend.backend() == "jax":
        import jax

        jax.clear_caches()
