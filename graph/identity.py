"""A short text that says which model this is, weights included."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import keras

__all__ = ["model_fingerprint"]


def model_fingerprint(model: keras.Model) -> str:
    """A digest of a model's architecture and weights.

    The same in another process that builds or loads the same model; weights are read one by one.

    Args:
        model: A built model.

    Returns:
        32 hexadecimal digits.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(type(model).__name__.encode())
    try:
        config = json.dumps(model.get_config(), sort_keys=True, default=_named)
    except Exception:  # a user's model or layer without a get_config: its weights must do
        config = ""
    digest.update(config.encode())
    for variable in model.variables:
        array = keras.ops.convert_to_numpy(variable.value)
        digest.update(f"{array.dtype} {array.shape}".encode())
        digest.update(repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes())
    return digest.hexdigest()


def _named(thing: Any) -> str:
    # Never repr: it holds addresses, which another process does not share.
    return f"{type(thing).__name__} {getattr(thing, '__name__', '')}"
