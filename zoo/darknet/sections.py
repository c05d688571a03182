"""What each kind of section of a ``.cfg`` file adds to a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import layer_sections as layers
from . import map_sections as maps
from .network import Network, Output

__all__ = ["IGNORED", "KINDS", "Kind"]

IGNORED = frozenset(
    "dontsave learning_rate noloss onlyforward smooth stopbackward truth unused".split()
)
"""Options that any section may have and that do not change what it computes."""


@dataclass(frozen=True)
class Kind:
    """A kind of section.

    Attributes:
        build: Adds a section to a network.
        options: The options that it reads.
        ignored: Options for Darknet's own training.
        refused: Options that change what is computed or stored and must be 0 if they are there.
    """

    build: Callable[[Network], Output]
    options: str = ""
    ignored: str = ""
    refused: str = ""


def _cost(net: Network) -> Output:
    return net.last


_KINDS = {
    "activation": Kind(layers.activation, "activation"),
    "avgpool": Kind(layers.avgpool),
    "batchnorm": Kind(layers.batchnorm),
    "connected": Kind(layers.connected, "activation batch_normalize output"),
    "convolutional": Kind(
        layers.convolutional,
        "activation batch_normalize filters groups pad padding size stride",
        "dot",
        "binary flipped xnor",
    ),
    "cost": Kind(_cost, "", "noobj ratio scale thresh type"),
    "crop": Kind(
        maps.crop, "crop_height crop_width noadjust", "angle exposure flip saturation shift"
    ),
    "dropout": Kind(layers.dropout, "probability"),
    "l2norm": Kind(layers.l2norm),
    "logistic": Kind(layers.logistic),
    "maxpool": Kind(layers.maxpool, "padding size stride"),
    "normalization": Kind(layers.normalization, "alpha beta kappa size"),
    "reorg": Kind(maps.reorg, "extra reverse stride", "", "flatten"),
    "route": Kind(maps.route, "group_id groups layers"),
    "shortcut": Kind(maps.shortcut, "activation alpha beta from"),
    "softmax": Kind(layers.softmax, "groups temperature", "", "spatial tree"),
    "upsample": Kind(maps.upsample, "scale stride"),
}
_SHORT = {
    "avg": "avgpool",
    "conn": "connected",
    "conv": "convolutional",
    "lrn": "normalization",
    "max": "maxpool",
    "soft": "softmax",
}

KINDS = {**_KINDS, **{short: _KINDS[kind] for short, kind in _SHORT.items()}}
"""Each kind of section, under each of its names."""
