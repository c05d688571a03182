"""Which of Keras's backends can take gradients outside of `fit`."""

from __future__ import annotations

import keras

__all__ = ["gradient_backend"]


def gradient_backend(what: str) -> str:
    """The name of the backend, one that can differentiate code which runs at once.

    Args:
        what: What wants gradients, for the message: its subject and verb.

    Raises:
        RuntimeError: It is another than TensorFlow and PyTorch.
    """
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "torch"):
        raise RuntimeError(
            f"{what} Keras on TensorFlow or PyTorch, and the backend is '{backend}': set "
            "KERAS_BACKEND before importing keras"
        )
    return backend
