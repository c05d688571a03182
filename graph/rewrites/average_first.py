"""The mean over a map is taken before a product at each place, not after it."""

from __future__ import annotations

from collections.abc import Iterator

import keras

from .change import Change
from .configs import is_exact, is_linear, may_rearrange, reads, unregularised
from .linear import CONVOLUTIONS
from .plan import Piece, Plan, Value

__all__ = ["average_first"]

_L = keras.layers
_MEANS = (_L.GlobalAveragePooling1D, _L.GlobalAveragePooling2D, _L.GlobalAveragePooling3D)
_DENSE = (
    *("name", "dtype", "trainable", "use_bias", "kernel_initializer", "bias_initializer"),
    *("kernel_regularizer", "bias_regularizer", "kernel_constraint", "bias_constraint"),
)


def average_first(plan: Plan) -> Iterator[Change]:
    """``mean (x W + b) = (mean x) W + b``: a 1x1 convolution before it becomes one Dense."""
    for step in plan.living():
        if step.piece.kind not in _MEANS or not step.piece.free or step.output.masked:
            continue
        if step.piece.config.get("keepdims"):
            continue
        product = reads(step)
        if product is None or product.input is None or not _is_pointwise(product.piece):
            continue
        source = product.input
        if not is_exact(source, product.output, step.output):
            continue
        if plan.training and not may_rearrange(product.piece):
            continue
        names, output = (product.piece.name, step.piece.name), step.output
        mean = Value((source.shape[0], source.shape[-1]), source.dtype)
        piece = _dense(product.piece, plan.training)
        plan.add(step.piece, (source,), [mean])
        plan.add(piece, (mean,), [output])
        plan.remove(step)
        yield Change("swapped", names, f"{names[1]} before {names[0]}", names[::-1])


def _is_pointwise(piece: Piece) -> bool:
    """Whether it is a convolution that looks at each place by itself, without an activation."""
    config = piece.config
    return (
        piece.kind in CONVOLUTIONS
        and piece.free
        and is_linear(piece)
        and set(config["kernel_size"]) == {1}
        and set(config["strides"]) == {1}
        and config["groups"] == 1
        and config["data_format"] == "channels_last"
    )


def _dense(piece: Piece, training: bool) -> Piece:
    rules = {} if training else unregularised(piece)
    config = {name: piece.config[name] for name in _DENSE} | rules
    kernel, *bias = piece.weights
    config["units"] = kernel.shape[-1]
    return Piece(_L.Dense, config, [kernel.reshape(kernel.shape[-2:]), *bias])
