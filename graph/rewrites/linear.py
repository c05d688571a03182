"""Layers that are linear in their input: where their channels lie, and what scaling them does."""

from __future__ import annotations

import keras
import numpy as np

from .configs import unregularised
from .plan import Piece, Value

__all__ = ["CONVOLUTIONS", "LINEAR", "channel_axis", "scaled_input", "scaled_output"]

_L = keras.layers
CONVOLUTIONS = (_L.Conv1D, _L.Conv2D, _L.Conv3D)
_DEPTHWISE = (_L.DepthwiseConv1D, _L.DepthwiseConv2D)
_SEPARABLE = (_L.SeparableConv1D, _L.SeparableConv2D)
_TRANSPOSED = (_L.Conv1DTranspose, _L.Conv2DTranspose, _L.Conv3DTranspose)
LINEAR = (_L.Dense, *CONVOLUTIONS, *_DEPTHWISE, *_SEPARABLE, *_TRANSPOSED)


def channel_axis(piece: Piece, value: Value) -> int:
    """The axis of a value that a linear layer reads or gives on which its channels lie."""
    first = piece.config.get("data_format") == "channels_first" and piece.kind is not _L.Dense
    return 1 if first else len(value.shape) - 1


def scaled_output(piece: Piece, scale: np.ndarray, shift: np.ndarray) -> Piece:
    """The layer that gives ``piece(x) * scale + shift``, one number for each channel."""
    kernels, bias = _parts(piece)
    last = kernels[-1]
    if piece.kind in _DEPTHWISE:  # (..., channels, multiplier): the multiplier counts fastest.
        last = last * scale.reshape(last.shape[-2:])
    elif piece.kind in _TRANSPOSED:
        last = last * scale[:, None]
    else:
        last = last * scale
    return _rebuilt(piece, [*kernels[:-1], last], bias * scale + shift)


def scaled_input(piece: Piece, scale: np.ndarray, shift: np.ndarray) -> Piece | None:
    """The layer that gives ``piece(x * scale + shift)``, one number for each channel.

    None where no layer does: what a border adds is neither scaled nor shifted, so that a shift
    cannot be told from there.
    """
    padded = piece.kind is not _L.Dense and piece.config["padding"] != "valid"
    if shift.any() and (padded or piece.kind in _TRANSPOSED):
        return None
    kernels, bias = _parts(piece)
    first = kernels[0]
    if piece.kind in CONVOLUTIONS:
        groups, outputs = piece.config["groups"], first.shape[-1]
        # Output channel o reads the input channels of its group alone.
        shape = (groups, first.shape[-2], 1)
        per_group = np.broadcast_to(
            scale.reshape(shape), (groups, first.shape[-2], outputs // groups)
        )
        of_kernel = per_group.transpose(1, 0, 2).reshape(first.shape[-2], outputs)
        shifts = np.broadcast_to(shift.reshape(shape), per_group.shape)
        of_shift = shifts.transpose(1, 0, 2).reshape(first.shape[-2], outputs)
        bias = bias + (first * of_shift).reshape(-1, outputs).sum(0)
        first = first * of_kernel
    elif piece.kind is _L.Dense:
        bias = bias + shift @ first
        first = first * scale[:, None]
    elif piece.kind in _TRANSPOSED:
        first = first * scale
    else:  # depthwise kernels (..., channels, multiplier)
        added = (first * shift[:, None]).reshape(-1, first.shape[-2] * first.shape[-1]).sum(0)
        if piece.kind in _SEPARABLE:
            added = added @ kernels[1].reshape(added.size, -1)
        bias = bias + added
        first = first * scale[:, None]
    return _rebuilt(piece, [first, *kernels[1:]], bias)


def _parts(piece: Piece) -> tuple[list[np.ndarray], np.ndarray]:
    weights = [np.asarray(w, "float64") for w in piece.weights]
    if piece.config["use_bias"]:
        return weights[:-1], weights[-1]
    last = weights[-1]
    if piece.kind in _DEPTHWISE:
        channels = last.shape[-1] * last.shape[-2]
    else:
        channels = last.shape[-2] if piece.kind in _TRANSPOSED else last.shape[-1]
    return weights, np.zeros(channels)


def _rebuilt(piece: Piece, kernels: list[np.ndarray], bias: np.ndarray) -> Piece:
    use_bias = bool(piece.config["use_bias"] or bias.any())
    weights = [*kernels, bias] if use_bias else kernels
    dtype = piece.weights[0].dtype
    arrays = [w.astype(dtype) for w in weights]
    return piece.changed(arrays, use_bias=use_bias, **unregularised(piece))
