"""Pictures of a layer: its filters, what they answer to an image, and the spread of answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from ..activations import activations
from ..calls import Selector, select
from ._figure import Destination, check_path, finish, new_figure, shown_image
from .display import tile

__all__ = ["activation_histograms", "draw_maps", "feature_maps", "filters", "one_call"]


def one_call(model: keras.Model, layer: Selector) -> tuple[str, Any]:
    """The path and the layer of the one call that `layer` picks; several are an error."""
    found = select(model, layer)
    if len(found) != 1:
        raise ValueError(f"one layer is drawn at a time, {layer!r} matches: {', '.join(found)}")
    return next(iter(found.items()))


def filters(
    model: keras.Model, layer: Selector, *, count: int = 64, path: Destination = None
) -> Any:
    """Draw the filters of a convolution.

    Filters on three planes are shown in colour, scaled to 0..1 together. Others in red
    (positive), white (zero) and blue: one tile a filter where there is one input plane, else
    one row a filter and one column an input plane.

    Args:
        model: a built model with a graph.
        layer: which layer, as `graph.activations` picks it; one only.
        count: filters at most, and input planes at most. Default 64.
        path: where to write it, `.png` or `.svg`. Default: nowhere.

    Returns:
        The matplotlib Figure.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: no layer or several match, or the layer has no two-dimensional filters; or
            the suffix of `path` is another.
    """
    check_path(path)
    name, chosen = one_call(model, layer)
    kernel = getattr(chosen, "kernel", None)
    if kernel is None or len(kernel.shape) != 4:
        have = "no kernel" if kernel is None else f"a kernel of shape {tuple(kernel.shape)}"
        raise ValueError(
            f"layer '{name}' ({type(chosen).__name__}) has {have}; filters are drawn of "
            "two-dimensional convolutions, (height, width, planes, filters)"
        )
    weights = np.asarray(keras.ops.convert_to_numpy(kernel), "float64")
    if isinstance(chosen, keras.layers.Conv2DTranspose):
        weights = weights.swapaxes(2, 3)
    elif isinstance(chosen, keras.layers.DepthwiseConv2D):
        weights = weights.reshape(*weights.shape[:2], 1, -1)
    total, planes = weights.shape[3], weights.shape[2]
    shown = min(total, count)
    title = f"{name}: {_of(shown, total)} filters, {weights.shape[0]} x {weights.shape[1]}"
    bound = float(np.abs(weights).max()) or 1.0
    if planes in (1, 3):
        tiles = [weights[..., k] if planes == 3 else weights[..., 0, k] for k in range(shown)]
        columns = math.ceil(math.sqrt(shown * 1.6))
    else:
        across = min(planes, count)
        tiles = [weights[..., p, k] for k in range(shown) for p in range(across)]
        columns = across
        title += f"\none row a filter, one column an input plane ({_of(across, planes)})"
    grid = tile(tiles, columns)
    figure = _sized(grid)
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.set_axis_off()
    if planes == 3:
        low, high = float(weights.min()), float(weights.max())
        axes.imshow(np.nan_to_num((grid - low) / (high - low or 1.0), nan=1.0))
    else:
        drawn = axes.imshow(grid, cmap="RdBu_r", vmin=-bound, vmax=bound)
        figure.colorbar(drawn, ax=axes, shrink=0.7, label="weight")
    return finish(figure, path)


def feature_maps(
    model: keras.Model,
    image: Any,
    layer: Selector,
    *,
    count: int = 64,
    path: Destination = None,
) -> Any:
    """Draw what every channel of a layer answers to one image.

    Args:
        model: a built model with a graph and one input.
        image: `(H, W, C)`, prepared as the model takes it.
        layer: which layer, as `graph.activations` picks it; one call with an output
            `(batch, height, width, channels)`.
        count: channels at most, from the first. Default 64.
        path: where to write it, `.png` or `.svg`. Default: nowhere.

    Returns:
        The matplotlib Figure: the image, and beside it the maps in one range of values.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: no layer or several match, its output is no map, the image does not fit, or
            the suffix of `path` is another.
    """
    check_path(path)
    array = as_image(image)
    name, _ = one_call(model, layer)
    maps = activations(model, array[None], name)[name]
    if isinstance(maps, list) or maps.ndim != 4:
        shape = [m.shape for m in maps] if isinstance(maps, list) else maps.shape
        raise ValueError(
            f"layer '{name}' answers with shape {shape}; maps are (batch, height, width, channels)"
        )
    return draw_maps(array, maps[0], name, count=count, path=path)


def draw_maps(
    image: np.ndarray, maps: np.ndarray, name: str, *, count: int = 64, path: Destination = None
) -> Any:
    """Draw an image and the maps `(height, width, channels)` that the layer `name` answers with."""
    maps = maps.astype("float64")
    shown = min(maps.shape[-1], count)
    columns = math.ceil(math.sqrt(shown * 1.6))
    grid = tile([maps[..., k] for k in range(shown)], columns)
    figure = _sized(grid, extra=2.6)
    left, right = figure.subplots(1, 2, width_ratios=[1, 3])
    left.imshow(shown_image(image), cmap="gray")
    left.set_title("image", fontsize=10)
    drawn = right.imshow(grid, cmap="viridis")
    right.set_title(
        f"{name}: {_of(shown, maps.shape[-1])} channels, {maps.shape[0]} x {maps.shape[1]}",
        fontsize=10,
    )
    figure.colorbar(drawn, ax=right, shrink=0.7, label="activation")
    for axes in (left, right):
        axes.set_axis_off()
    return finish(figure, path)


def activation_histograms(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = None,
    *,
    bins: int = 40,
    path: Destination = None,
) -> Any:
    """Draw how the activations of each layer spread, with the share of exact zeros.

    Args:
        model: a built model with a graph.
        x: the input, as `graph.activations` takes it.
        layers: which layers, as `graph.activations` takes them. Default: all.
        bins: bars a layer. Default 40.
        path: where to write it, `.png` or `.svg`. Default: nowhere.

    Returns:
        The matplotlib Figure, one small chart a layer. Values that are not finite are left out
        and counted in its title.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: no layer matches, or the suffix of `path` is another.
    """
    check_path(path)
    found = {
        name: np.concatenate([np.ravel(v) for v in keras.tree.flatten(value)])
        for name, value in activations(model, x, layers).items()
    }
    columns = min(4, len(found))
    rows = -(-len(found) // columns)
    figure = new_figure(2.6 * columns + 0.4, 1.9 * rows + 0.3)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(found) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(grid.flat, found.items(), strict=False):
        finite = values[np.isfinite(values)].astype("float64")
        axes.hist(finite, bins=bins, color="#4a6fa5")
        lost = values.size - finite.size
        note = f"{np.mean(values == 0):.0%} zeros" + (f", {lost} not finite" if lost else "")
        axes.set_title(f"{name}\n{note}", fontsize=9, color="#a02020" if lost else "black")
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        axes.spines[["left", "right", "top"]].set_visible(False)
    figure.supxlabel("activation", fontsize=9)
    figure.supylabel("number of values", fontsize=9)
    return finish(figure, path)


def as_image(image: Any) -> np.ndarray:
    """One image `(H, W, C)` as an array, or an error."""
    array = np.asarray(image)
    if array.ndim != 3 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"an image is an array of numbers (height, width, channels) without a batch axis, got "
            f"shape {array.shape} of {array.dtype}"
        )
    return array


def _of(shown: int, total: int) -> str:
    return str(total) if shown == total else f"{shown} of {total}"


def _sized(grid: np.ndarray, extra: float = 0.0) -> Any:
    width = 5.5
    height = width * grid.shape[0] / grid.shape[1]
    return new_figure(width + 0.8 + extra, min(max(height, 1.2), 11.0) + 0.6)
