"""Making and writing figures, without pyplot: nothing global, no window, no backend to set."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..whole_file import write_whole

__all__ = ["check_path", "finish", "new_figure", "overlay", "shown_image"]

Destination = str | os.PathLike[str] | None


def check_path(path: Destination) -> None:
    """Refuse a suffix before anything is computed."""
    if path is not None and Path(path).suffix.lower() not in (".png", ".svg"):
        raise ValueError(f"{os.fspath(path)}: a picture is written as .png or .svg")


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib Figure, in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "pictures are drawn with matplotlib, which is not installed: "
            "pip install 'nngraph-keras[viz]'"
        ) from error
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def finish(figure: Any, path: Destination) -> Any:
    """Write the figure where that is asked for, and hand it back."""
    if path is not None:
        kind = Path(path).suffix.lower()[1:]
        buffer = io.BytesIO()
        # No date inside: the same picture is the same file.
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(buffer, format=kind, dpi=100, metadata=metadata)
        write_whole(path, buffer.getvalue())
    return figure


def shown_image(image: np.ndarray) -> np.ndarray:
    """An image `(H, W, C)` of any range as matplotlib takes it, in 0..1."""
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) / (high - low or 1.0)
    return scaled if image.shape[-1] == 3 else scaled.mean(axis=-1)


def overlay(image: np.ndarray, heat: np.ndarray, title: str, unit: str, path: Destination) -> None:
    """Draw an image, a map of its height and width, and the one on the other.

    Args:
        image: `(H, W, C)`.
        heat: `(H, W)`; white is zero where it has negative values.
        title: of the map.
        unit: what the map's numbers are, beside its colours.
        path: where to; nothing is drawn for None.
    """
    check_path(path)
    if path is None:
        return
    figure = new_figure(9.6, 3.6)
    plain, alone, both = figure.subplots(1, 3)
    picture = shown_image(image)
    signed = bool(heat.min() < 0)
    bound = float(np.abs(heat).max()) or 1.0
    colours = {
        "cmap": "RdBu_r" if signed else "inferno",
        "vmin": -bound if signed else 0.0,
        "vmax": bound,
    }
    plain.imshow(picture, cmap="gray")
    plain.set_title("image", fontsize=10)
    drawn = alone.imshow(heat, **colours)
    alone.set_title(title, fontsize=10)
    bar = figure.colorbar(drawn, ax=alone, shrink=0.8)
    bar.set_label(unit, fontsize=8)
    bar.ax.tick_params(labelsize=7)
    bar.formatter.set_powerlimits((-3, 4))
    both.imshow(picture, cmap="gray")
    # What counts for little stays the image, as it is.
    both.imshow(heat, alpha=0.8 * np.abs(heat) / bound, **colours)
    both.set_title("the map on the image", fontsize=10)
    for axes in (plain, alone, both):
        axes.set_axis_off()
    finish(figure, path)
