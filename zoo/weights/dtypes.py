"""Bytes of a file as numbers, bfloat16 included, which NumPy has not."""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["ByteOrder", "from_bytes", "item_size"]

ByteOrder = Literal["<", ">"]


def item_size(dtype: str) -> int:
    """Bytes of an element."""
    return 2 if dtype == "bfloat16" else np.dtype(dtype).itemsize


def from_bytes(raw: bytes, dtype: str, order: ByteOrder = "<") -> np.ndarray:
    """The numbers in `raw`; those of bfloat16 as float32, which holds each of them exactly."""
    if dtype == "bfloat16":
        high = np.frombuffer(raw, np.dtype("u2").newbyteorder(order)).astype(np.uint32)
        return (high << 16).view(np.float32)
    return np.frombuffer(raw, np.dtype(dtype).newbyteorder(order))
