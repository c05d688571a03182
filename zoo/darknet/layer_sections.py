"""The sections of a ``.cfg`` file that compute something of the one before."""

from __future__ import annotations

from dataclasses import replace

import keras

from graph import nn

from .maps import UnitChannels
from .network import Network, Output
from .normalization import DarknetBatchNormalization, DarknetResponseNormalization
from .pooling import DarknetMaxPooling

__all__ = [
    "activation",
    "avgpool",
    "batchnorm",
    "connected",
    "convolutional",
    "dropout",
    "l2norm",
    "logistic",
    "maxpool",
    "normalization",
    "softmax",
]


def convolutional(net: Network) -> Output:
    """The section ``[convolutional]``."""
    section = net.section
    x, planes, *sides = net.maps()
    filters = section.integer("filters", 1, least=1)
    size, stride = (section.integer(key, 1, least=1) for key in ("size", "stride"))
    pad = size // 2 if section.integer("pad", 0) else section.integer("padding", 0)
    groups = section.integer("groups", 1, least=1)
    if planes % groups or filters % groups:
        raise section.error(
            f"has {groups} groups, which do not divide {planes} planes and {filters} filters",
            "groups",
        )
    height, width = ((side + 2 * pad - size) // stride + 1 for side in sides)
    if min(sides) + 2 * pad < size:
        raise section.error(f"has kernels of {size} pixels for maps of {sides[0]} x {sides[1]}")
    normalised = bool(section.integer("batch_normalize", 0))
    name = net.name("conv")
    number = name.removeprefix("conv")
    node = net.add(
        x.node,
        nn.SpatialConvolution(
            planes,
            filters,
            size,
            size,
            stride,
            stride,
            pad,
            pad,
            bias=not normalised,
            groups=groups,
        ),
        name,
    )
    if normalised:
        norm = DarknetBatchNormalization(filters, net.batch_norm_epsilon)
        node = net.add(node, norm, f"bn{number}")
    node = net.activated(node, "logistic", "", number)
    return Output(node, (filters, height, width), filters * height * width)


def connected(net: Network) -> Output:
    """The section ``[connected]``."""
    section = net.section
    x = net.flat(net.last)
    outputs = section.integer("output", 1, least=1)
    normalised = bool(section.integer("batch_normalize", 0))
    name = net.name("fc")
    node = net.add(x.node, nn.Linear(x.count, outputs, bias=not normalised), name)
    if normalised:
        norm = DarknetBatchNormalization(outputs, net.batch_norm_epsilon)
        node = net.add(node, norm, f"{name}_bn")
    node = net.activated(node, "logistic", f"{name}_")
    return Output(node, (outputs, 1, 1), outputs, is_flat=True)


def maxpool(net: Network) -> Output:
    """The section ``[maxpool]``."""
    section = net.section
    x, planes, *sides = net.maps()
    stride = section.integer("stride", 1, least=1)
    size = section.integer("size", stride, least=1)
    padding = section.integer("padding", size - 1)
    if padding > 2 * (size - 1):
        raise section.error(f"pads by {padding}: some windows of {size} would be empty", "padding")
    if min(sides) + padding < size:
        raise section.error(f"has windows of {size} pixels for maps of {sides[0]} x {sides[1]}")
    height, width = ((side + padding - size) // stride + 1 for side in sides)
    node = net.add(x.node, DarknetMaxPooling(size, stride, padding), net.name("pool"))
    return Output(node, (planes, height, width), planes * height * width)


def avgpool(net: Network) -> Output:
    """The section ``[avgpool]``."""
    x, planes, *_ = net.maps()
    node = net.add(x.node, keras.layers.GlobalAveragePooling2D(), net.name("avgpool"))
    return Output(node, (planes, 1, 1), planes, is_flat=True)


def dropout(net: Network) -> Output:
    """The section ``[dropout]``."""
    share = net.section.number("probability", 0.5)
    if not 0 <= share < 1:
        raise net.section.error(f"drops a share of {share}; 0 to below 1 is meant", "probability")
    x = net.last
    return replace(x, node=net.add(x.node, nn.Dropout(share), net.name("dropout")))


def softmax(net: Network) -> Output:
    """The section ``[softmax]``."""
    section = net.section
    x = net.flat(net.last)
    groups = section.integer("groups", 1, least=1)
    if x.count % groups:
        raise section.error(f"has {groups} groups for {x.count} values", "groups")
    name = net.name("softmax")
    node, temperature = x.node, section.number("temperature", 1)
    if temperature <= 0:
        raise section.error(f"has temperature {temperature}, more than 0 is meant", "temperature")
    if temperature != 1:
        node = net.add(node, nn.MulConstant(1 / temperature), f"{name}_temperature")
    if groups > 1:
        node = net.add(node, nn.View(groups, x.count // groups), f"{name}_groups")
    node = net.add(node, nn.SoftMax(), f"{name}_each" if groups > 1 else name)
    if groups > 1:
        node = net.add(node, nn.View(x.count), name)
    return replace(x, node=node)


def normalization(net: Network) -> Output:
    """The section ``[normalization]``."""
    section = net.section
    x, planes, *_ = net.maps()
    size = section.integer("size", 5, least=1)
    if size // 2 >= planes:
        raise section.error(f"has a window of {size} channels for {planes} planes", "size")
    alpha, beta = section.number("alpha", 1e-4), section.number("beta", 0.75)
    module = DarknetResponseNormalization(size, alpha, beta, section.number("kappa", 1))
    return replace(x, node=net.add(x.node, module, net.name("norm")))


def batchnorm(net: Network) -> Output:
    """The section ``[batchnorm]``."""
    x, planes, *_ = net.maps()
    module = DarknetBatchNormalization(planes, net.batch_norm_epsilon, center=False)
    return replace(x, node=net.add(x.node, module, net.name("batchnorm")))


def activation(net: Network) -> Output:
    """The section ``[activation]``."""
    x, name = net.last, net.name("activation")
    node = net.activated(x.node, "linear", f"{name}_")
    if node is x.node:
        node = net.add(node, nn.Identity(), f"{name}_linear")
    return replace(x, node=node)


def logistic(net: Network) -> Output:
    """The section ``[logistic]``."""
    return replace(net.last, node=net.add(net.last.node, nn.Sigmoid(), net.name("sigmoid")))


def l2norm(net: Network) -> Output:
    """The section ``[l2norm]``."""
    x = net.last
    return replace(x, node=net.add(x.node, UnitChannels(), net.name("l2norm")))
