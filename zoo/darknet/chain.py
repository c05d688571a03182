"""The chain of convolutions and poolings that Darknet's own classifiers are."""

from __future__ import annotations

from typing import Any

from graph import Node, nn

from ..building import chain
from .activation import activation as activation_module
from .normalization import DarknetBatchNormalization
from .pooling import DarknetMaxPooling

__all__ = ["Chain", "convolutions"]

Chain = tuple[tuple[int, int] | str, ...]
"""A layer an element: ``(filters, kernel size)`` of a convolution, or ``"pool"``."""


def convolutions(
    x: Node, planes: int, layers: Chain, *, activation: str, batch_norm_epsilon: str | None
) -> tuple[Node, int]:
    """The chain `layers` on `x`, named ``conv1 bn1 leaky1 pool1 conv2 ...``.

    Poolings are 2x2 at step 2 and keep a last odd row and column.

    Args:
        x: Maps.
        planes: How many.
        layers: The chain.
        activation: Darknet's name of what follows each convolution.
        batch_norm_epsilon: As of `from_darknet`; None for no batch normalisation.

    Returns:
        The last node and the number of its maps.
    """
    number = pools = 0
    for layer in layers:
        if isinstance(layer, str):
            pools += 1
            x = chain(x, **{f"pool{pools}": DarknetMaxPooling(2)})
            continue
        filters, size = layer
        number += 1
        half = size // 2
        plain = batch_norm_epsilon is None
        named: dict[str, Any] = {
            f"conv{number}": nn.SpatialConvolution(
                planes, filters, size, size, 1, 1, half, half, bias=plain
            )
        }
        if batch_norm_epsilon is not None:
            named[f"bn{number}"] = DarknetBatchNormalization(filters, batch_norm_epsilon)
        named[f"{activation}{number}"] = activation_module(activation)
        x, planes = chain(x, **named), filters
    # A file for the whole network still fits a model without its last 1x1 convolution.
    return x.annotate(darknet_top=planes + 1), planes
