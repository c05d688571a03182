"""What each kind of section of a ``.cfg`` file adds to a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import keras

from graph import nn

from .maps import DarknetReorg, DarknetShortcut, UnitChannels
from .network import Network, Output
from .normalization import DarknetBatchNormalization, DarknetResponseNormalization
from .pooling import DarknetMaxPooling

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


def _convolutional(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes, *sides = x.size or ()
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


def _connected(net: Network) -> Output:
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


def _maxpool(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes, *sides = x.size or ()
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


def _avgpool(net: Network) -> Output:
    x = net.image(net.last)
    planes = (x.size or (0,))[0]
    node = net.add(x.node, keras.layers.GlobalAveragePooling2D(), net.name("avgpool"))
    return Output(node, (planes, 1, 1), planes, is_flat=True)


def _dropout(net: Network) -> Output:
    share = net.section.number("probability", 0.5)
    if not 0 <= share < 1:
        raise net.section.error(f"drops a share of {share}; 0 to below 1 is meant", "probability")
    x = net.last
    return replace(x, node=net.add(x.node, nn.Dropout(share), net.name("dropout")))


def _softmax(net: Network) -> Output:
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


def _shortcut(net: Network) -> Output:
    section = net.section
    (index, *more) = section.integers("from")
    if more:
        raise section.error("adds one layer, from= names several", "from")
    alpha, beta = section.number("alpha", 1), section.number("beta", 1)
    x, y = net.image(net.last), net.image(net.at(index, "from"))
    name = net.name("shortcut")
    module = DarknetShortcut(alpha, beta)
    if x.size == y.size and alpha == beta == 1:
        module = nn.CAddTable()
    (_, h1, w1), (_, h2, w2) = x.size or (0, 0, 0), y.size or (0, 0, 0)
    if (w2 // w1, w1 // w2) != (h2 // h1, h1 // h2):
        raise section.error(f"adds maps of {h2} x {w2} to {h1} x {w1}, of another shape", "from")
    node = net.activated(net.add([x.node, y.node], module, name), "linear", f"{name}_")
    return replace(x, node=node)


def _route(net: Network) -> Output:
    section = net.section
    parts = [net.at(index, "layers") for index in section.integers("layers")]
    groups = section.integer("groups", 1, least=1)
    number = section.integer("group_id", 0)
    if number >= groups:
        raise section.error(f"takes group {number} of {groups}, the first being 0", "group_id")
    name = net.name("route")
    sides = {part.size[1:] if part.size else None for part in parts}
    are_maps = len(sides) == 1 and not sides & {None, (0, 0)}
    if not are_maps and (groups > 1 or len(parts) > 1):
        if groups > 1:
            raise section.error("takes groups of planes of layers without maps of one size")
        flats = [net.flat(part) for part in parts]
        node = net.add([part.node for part in flats], nn.JoinTable(1), name)
        return Output(node, None, sum(part.count for part in parts), is_flat=True)
    if groups > 1:
        parts = [_group(net, part, groups, number, f"{name}_{i}") for i, part in enumerate(parts)]
    if len(parts) == 1:
        return replace(parts[0], node=net.add(parts[0].node, nn.Identity(), name))
    parts = [net.image(part) for part in parts]
    node = net.add([part.node for part in parts], nn.JoinTable(1), name)
    sizes = [part.size for part in parts if part.size]
    size = (sum(planes for planes, *_ in sizes), *sizes[0][1:])
    return Output(node, size, sum(part.count for part in parts))


def _group(net: Network, part: Output, groups: int, number: int, name: str) -> Output:
    x = net.image(part)
    planes, *sides = x.size or ()
    if planes % groups:
        raise net.section.error(f"takes a group of {groups} of {planes} planes", "groups")
    share = planes // groups
    node = net.add(x.node, nn.Narrow(1, number * share + 1, share), name)
    return Output(node, (share, sides[0], sides[1]), x.count // groups)


def _upsample(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes, *sides = x.size or ()
    stride = section.integer("stride", 2, least=1)
    scale = section.number("scale", 1)
    name = net.name("upsample")
    node = net.add(x.node, keras.layers.UpSampling2D(stride), name)
    if scale != 1:
        node = net.add(node, nn.MulConstant(scale), f"{name}_scale")
    return Output(node, (planes, sides[0] * stride, sides[1] * stride), x.count * stride**2)


def _reorg(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes, height, width = x.size or (0, 0, 0)
    stride = section.integer("stride", 1, least=1)
    reverse = bool(section.integer("reverse", 0))
    if planes % stride**2 or (not reverse and (height % stride or width % stride)):
        raise section.error(f"cannot cut {planes} maps of {height} x {width} by {stride}", "stride")
    node = net.add(x.node, DarknetReorg(stride, reverse), net.name("reorg"))
    if reverse:
        size = (planes // stride**2, height * stride, width * stride)
    else:
        size = (planes * stride**2, height // stride, width // stride)
    return Output(node, size, x.count)


def _crop(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes, height, width = x.size or (0, 0, 0)
    rows, columns = (section.integer(f"crop_{side}", 1, least=1) for side in ("height", "width"))
    if rows > height or columns > width:
        raise section.error(f"cuts {rows} x {columns} out of {height} x {width}")
    top, left = (height - rows) // 2, (width - columns) // 2
    border = ((top, height - rows - top), (left, width - columns - left))
    name = net.name("crop")
    node = net.add(x.node, keras.layers.Cropping2D(border), name)
    if not section.integer("noadjust", 0):
        node = net.add(node, keras.layers.Rescaling(2.0, -1.0), f"{name}_adjust")
    return Output(node, (planes, rows, columns), planes * rows * columns)


def _normalization(net: Network) -> Output:
    section = net.section
    x = net.image(net.last)
    planes = (x.size or (0,))[0]
    size = section.integer("size", 5, least=1)
    if size // 2 >= planes:
        raise section.error(f"has a window of {size} channels for {planes} planes", "size")
    alpha, beta = section.number("alpha", 1e-4), section.number("beta", 0.75)
    module = DarknetResponseNormalization(size, alpha, beta, section.number("kappa", 1))
    return replace(x, node=net.add(x.node, module, net.name("norm")))


def _batchnorm(net: Network) -> Output:
    x = net.image(net.last)
    planes = (x.size or (0,))[0]
    module = DarknetBatchNormalization(planes, net.batch_norm_epsilon, center=False)
    return replace(x, node=net.add(x.node, module, net.name("batchnorm")))


def _activation(net: Network) -> Output:
    x, name = net.last, net.name("activation")
    node = net.activated(x.node, "linear", f"{name}_")
    if node is x.node:
        node = net.add(node, nn.Identity(), f"{name}_linear")
    return replace(x, node=node)


def _logistic(net: Network) -> Output:
    return replace(net.last, node=net.add(net.last.node, nn.Sigmoid(), net.name("sigmoid")))


def _l2norm(net: Network) -> Output:
    x = net.last
    return replace(x, node=net.add(x.node, UnitChannels(), net.name("l2norm")))


def _cost(net: Network) -> Output:
    return net.last


_KINDS = {
    "activation": Kind(_activation, "activation"),
    "avgpool": Kind(_avgpool),
    "batchnorm": Kind(_batchnorm),
    "connected": Kind(_connected, "activation batch_normalize output"),
    "convolutional": Kind(
        _convolutional,
        "activation batch_normalize filters groups pad padding size stride",
        "dot",
        "binary flipped xnor",
    ),
    "cost": Kind(_cost, "", "noobj ratio scale thresh type"),
    "crop": Kind(
        _crop, "crop_height crop_width noadjust", "angle exposure flip saturation shift"
    ),
    "dropout": Kind(_dropout, "probability"),
    "l2norm": Kind(_l2norm),
    "logistic": Kind(_logistic),
    "maxpool": Kind(_maxpool, "padding size stride"),
    "normalization": Kind(_normalization, "alpha beta kappa size"),
    "reorg": Kind(_reorg, "reverse stride", "", "extra flatten"),
    "route": Kind(_route, "group_id groups layers"),
    "shortcut": Kind(_shortcut, "activation alpha beta from"),
    "softmax": Kind(_softmax, "groups temperature", "", "spatial tree"),
    "upsample": Kind(_upsample, "scale stride"),
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
