"""The sections of a ``.cfg`` file that join, cut or rearrange what others gave."""

from __future__ import annotations

from dataclasses import replace

import keras

from graph import nn

from .maps import DarknetReorg, DarknetShortcut
from .network import Network, Output

__all__ = ["crop", "reorg", "route", "shortcut", "upsample"]


def shortcut(net: Network) -> Output:
    """The section ``[shortcut]``."""
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


def route(net: Network) -> Output:
    """The section ``[route]``."""
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
    planes, height, width = x.size or (0, 0, 0)
    if planes % groups:
        raise net.section.error(f"takes a group of {groups} of {planes} planes", "groups")
    share = planes // groups
    node = net.add(x.node, nn.Narrow(1, number * share + 1, share), name)
    return Output(node, (share, height, width), x.count // groups)


def upsample(net: Network) -> Output:
    """The section ``[upsample]``."""
    section = net.section
    x, planes, *sides = net.maps()
    stride = section.integer("stride", 2, least=1)
    scale = section.number("scale", 1)
    name = net.name("upsample")
    node = net.add(x.node, keras.layers.UpSampling2D(stride), name)
    if scale != 1:
        node = net.add(node, nn.MulConstant(scale), f"{name}_scale")
    return Output(node, (planes, sides[0] * stride, sides[1] * stride), x.count * stride**2)


def reorg(net: Network) -> Output:
    """The section ``[reorg]``."""
    section = net.section
    x, planes, height, width = net.maps()
    extra = section.integer("extra", 0)
    if extra:  # Darknet then leaves the values as they are.
        x = net.flat(x)
        node = net.add(x.node, nn.Padding(1, extra), net.name("reorg"))
        return Output(node, None, x.count + extra, is_flat=True)
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


def crop(net: Network) -> Output:
    """The section ``[crop]``."""
    section = net.section
    x, planes, height, width = net.maps()
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
